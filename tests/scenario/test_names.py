"""Names that move: a balancer or a name service that leads to another server than before."""

import contextlib

from harness.forwarder import Forwarder
from harness.until import always, until


@contextlib.contextmanager
def names(*nodes):
    """One name for each node, as a balancer would give it."""
    doors = [Forwarder(("127.0.0.1", node.port)) for node in nodes]
    try:
        yield doors
    finally:
        for door in doors:
            door.close()


def through(door, cluster):
    return f"postgresql://postgres@{door.address}/{cluster.database}"


def backends_of_cqrsd(node):
    return int(node.sql("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'cqrsd'"))


def end_an_idle_conn(node):
    """The monitor's is used all the time, and it would follow the name."""
    return node.sql(
        "SELECT pg_terminate_backend(pid) FROM (SELECT pid, state_change, max(state_change) OVER ()"
        " AS newest FROM pg_stat_activity WHERE application_name = 'cqrsd') AS conns"
        " WHERE state_change < newest - interval '1 second' ORDER BY state_change LIMIT 1") == "t"


def switch_over(old, new):
    """The old primary lives on as a standby of the new one; its sessions were ended once."""
    old.stop("fast")
    new.promote()
    (old.data / "standby.signal").touch()
    old.cluster.chown(old.data / "standby.signal")
    with open(old.data / "postgresql.auto.conf", "a", encoding="utf-8") as configuration:
        source = old.cluster.replication_conninfo(new, old.name)
        configuration.write(f"primary_conninfo = '{source}'\nprimary_slot_name = ''\n"
                            "recovery_target_timeline = 'latest'\n")
    old.start()


def test_commands_follow_the_name_of_a_primary_that_lives_on_as_a_standby(
        start_cqrsd, fresh_cluster):
    old, new, _ = fresh_cluster.nodes
    with names(old) as (rw, ):
        cqrsd = start_cqrsd(on=fresh_cluster, wait="commands", replicas=0,
                            primary=through(rw, fresh_cluster), resolve_ms=200)
        cqrsd.command("put", user="ann", number=1)
        switch_over(old, new)
        until(lambda: cqrsd.node(rw.address)["role"] == "replica", "cqrsd to see it", 20)

        rw.lead_to(("127.0.0.1", new.port))

        until(lambda: cqrsd.command("put", user="ann", number=2).status == 200,
              "commands to follow the name", 20)
        assert new.sql("SELECT number FROM cells WHERE owner = 'ann'") == "2"
        assert cqrsd.query("cell", user="ann", owner="ann").data["number"] == 2
        until(lambda: backends_of_cqrsd(old) == 0, "conns to the old one to be closed", 20)


def test_a_name_of_a_replica_is_followed_when_its_server_is_of_no_use(
        start_cqrsd, cluster):
    first, second = cluster.replicas
    with names(first) as (ro, ):
        cqrsd = start_cqrsd(replica=[through(ro, cluster)], resolve_ms=200,
                            max_lag_ms=300, lag_poll_ms=20)
        assert cqrsd.query("ping").served_by.role == "replica"
        first.pause_replay()
        cqrsd.command("put", user="ben", number=1)
        ro.lead_to(("127.0.0.1", second.port))

        until(lambda: cqrsd.node(ro.address)["in_rotation"] and backends_of_cqrsd(first) == 0,
              "the name to be followed", 20)

        def served_by():
            answer = cqrsd.query("cell", user="ben", owner="ben")
            always(answer.status == 200 and answer.data["number"] == 1, answer)
            return answer.served_by.node
        # One late look at it, and the primary answers.
        until(lambda: served_by() == ro.address, "the other server to answer")


def test_no_conn_serves_that_leads_to_another_server_than_the_one_looked_at(
        start_cqrsd, cluster):
    first, second = cluster.replicas
    with names(first) as (ro, ):
        cqrsd = start_cqrsd(replica=[through(ro, cluster)], resolve_ms=0)
        ro.lead_to(("127.0.0.1", second.port))
        until(lambda: end_an_idle_conn(first), "a conn that is not the monitor's to be ended")

        until(lambda: cqrsd.metrics().sum("cqrsd_pool_errors_total", node=ro.address,
                                          reason="its name led to another server"),
              "the stray to be counted", 20)

        assert cqrsd.query("ping").status == 200
        assert backends_of_cqrsd(first) > 0
