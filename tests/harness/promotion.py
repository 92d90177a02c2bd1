"""What an orchestrator does in a failover: promote, re-point, clone; and how to lose a write."""

from .until import until


def cut_off(replica):
    """The replica receives nothing more; what it has, it replays."""
    replica.disturbed = True
    replica.set(primary_conninfo="")
    until(lambda: replica.sql("SELECT count(*) FROM pg_stat_wal_receiver") == "0",
          f"{replica.name} to be cut off")


def promote(new, others=()):
    """The new primary leads, the others follow it; it counts as the cluster's primary from now."""
    cluster = new.cluster
    new.promote()
    cluster.nodes.remove(new)
    cluster.nodes.insert(0, new)
    new.disturbed = True
    for other in others:
        other.disturbed = True
        other.follow(new)


def cut_off_all(new, *others):
    """The one to be promoted last: others that had WAL which it lacks could not follow it."""
    for node in (*others, new):
        cut_off(node)


def fail_over(old, new, others=(), lose=None):
    """The old primary dies and the new one leads. lose: called when no standby gets WAL any more,
    so that what it writes is lost."""
    if lose is not None:
        cut_off_all(new, *others)
        lose()
    old.stop("immediate")
    promote(new, others)


def clone_again(node, primary):
    """A node, whatever it has, becomes a standby of the primary."""
    cluster = node.cluster
    node.stop("immediate")
    node.forget_shared_memory()
    cluster.clone(node, primary)
    node.start()
