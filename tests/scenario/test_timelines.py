"""The cluster goes back: to a timeline that was left, or to a copy with less WAL."""

import os
import shutil
import signal

import pytest
from harness import processes
from harness.node import Node
from harness.promotion import clone_again, promote
from harness.until import always, until

BACK_MS = 300


@pytest.fixture
def nodes(fresh_cluster):
    """The primary, the one that is promoted for a while, and another standby."""
    return list(fresh_cluster.nodes)


@pytest.fixture
def cqrsd(start_cqrsd, fresh_cluster, nodes):
    return start_cqrsd(on=fresh_cluster, timeline_back_ms=BACK_MS)


def put(cqrsd, user, number, **more):
    """A primary that has just come back takes commands as soon as a connection is open."""
    def answered():
        answer = cqrsd.command("put", user=user, number=number, **more)
        always(answer.status in (200, 503), answer)
        return answer.status == 200 and answer
    return until(answered, "the primary to take commands", 20).token


def leads(cqrsd, node):
    until(lambda: cqrsd.node(node.address)["role"] == "primary", f"{node.name} to lead", 20)


def told_lost(cqrsd, lost):
    """The answer that says so; until then there is none, as where a primary has just come back."""
    def told():
        answer = cqrsd.query("ping", token=lost)
        always(answer.status in (409, 503), answer)
        return answer if answer.code == "write-lost" else None
    return until(told, "the loss to be told", 20)


def write_far(node):
    """Beyond whatever was lost."""
    node.sql("SELECT pg_logical_emit_message(true, 'far', repeat('x', 1000000))")


def promoted(cqrsd, nodes):
    """The primary has ended, another one leads, and what is written there will be given up."""
    first, second, other = nodes
    first.stop("fast")
    promote(second, [other])
    leads(cqrsd, second)


def go_back(nodes):
    """As Patroni does when the old leader gets its lock back: the others are copied anew."""
    first, second, other = nodes
    second.stop("fast")
    first.start()
    for node in (second, other):
        clone_again(node, first)
    first.cluster.nodes[:] = [first, second, other]


def test_back_on_the_lower_timeline_what_was_written_above_is_told_lost(cqrsd, nodes):
    first = nodes[0]
    kept = put(cqrsd, "ann", 1)
    first.cluster.wait_until_replayed()
    promoted(cqrsd, nodes)
    lost = put(cqrsd, "bob", 2)

    go_back(nodes)
    leads(cqrsd, first)

    assert cqrsd.query("cell", owner="ann", token=kept).data["number"] == 1
    assert cqrsd.query("ping", user="never wrote").status == 200
    answer = cqrsd.query("ping", token=lost)
    assert (answer.status, answer.code) == (409, "write-lost"), answer
    assert cqrsd.query("ping", token=answer.token).status == 200
    assert cqrsd.query("cell", user="bob", owner="bob").code == "write-lost"
    assert cqrsd.query("cell", user="bob", owner="bob").data is None
    put(cqrsd, "bob", 3)
    assert cqrsd.query("cell", user="bob", owner="bob").data["number"] == 3
    assert cqrsd.metrics().sum("cqrsd_branches_given_up") == 1


def test_the_next_timeline_of_that_number_is_not_taken_for_the_lost_one(start_cqrsd, cqrsd, nodes):
    first, second, other = nodes
    promoted(cqrsd, nodes)
    lost = put(cqrsd, "bob", 2)
    go_back(nodes)
    leads(cqrsd, first)
    write_far(first)
    first.cluster.wait_until_replayed()
    first.stop("fast")
    promote(other, [second])
    leads(cqrsd, other)
    since = put(cqrsd, "cid", 4)
    late = start_cqrsd(on=first.cluster, timeline_back_ms=BACK_MS, wait="commands")

    assert cqrsd.node(other.address)["timeline"] == 2
    for instance in (cqrsd, late):
        until(lambda it=instance: it.query("ping", token=lost).code == "write-lost",
              "the loss to be told", 20)
        assert instance.query("cell", owner="cid", token=since).data["number"] == 4


def test_an_instance_that_never_saw_the_higher_timeline_tells_in_time(start_cqrsd, cqrsd, nodes):
    first = nodes[0]
    promoted(cqrsd, nodes)
    lost = put(cqrsd, "bob", 2)
    go_back(nodes)
    late = start_cqrsd(on=first.cluster, timeline_back_ms=BACK_MS, wait="commands")

    told_lost(late, lost)


def test_an_old_primary_beside_a_silent_new_one_is_left_alone_and_readyz_says_so(cqrsd, nodes):
    first, second, other = nodes
    promoted(cqrsd, nodes)
    until(lambda: other.sql("SELECT received_tli FROM pg_stat_wal_receiver") == "2",
          "the other standby to follow", 20)
    second.sigstop()
    first.start()
    until(lambda: cqrsd.node(first.address)["fenced"], "the old primary to be fenced", 20)
    until(lambda: not cqrsd.readyz().json["commands"], "the new one to be missed", 20)

    assert cqrsd.readyz().json["awaited_timeline"] == 2
    assert cqrsd.command("put", user="ann", number=9).status == 503
    second.sigcont()
    leads(cqrsd, second)


def copy_of(node):
    """Taken while it is down: an older copy to come back to."""
    copy = node.data.with_name(f"{node.data.name}.copy")
    shutil.copytree(node.data, copy, copy_function=shutil.copy2, symlinks=True)
    return copy


def restore(node, copy):
    owner = node.data.stat()
    shutil.rmtree(node.data)
    shutil.move(copy, node.data)
    for path in (node.data, *node.data.rglob("*")):
        shutil.chown(path, owner.st_uid, owner.st_gid)


def written_behind_a_copy(cqrsd, first):
    """The token of a write that the copy has not, and the copy."""
    first.stop("fast")
    copy = copy_of(first)
    first.start()
    leads(cqrsd, first)
    lost = [put(cqrsd, "bob", number) for number in range(20)][-1]
    first.cluster.wait_until_replayed()
    return lost, copy


def lost_behind_a_copy(cqrsd, first):
    """The same; the server is down."""
    lost, copy = written_behind_a_copy(cqrsd, first)
    first.stop("immediate")
    return lost, copy


def test_an_older_copy_that_has_written_on_unseen_is_one_all_the_same(cqrsd, nodes):
    first = nodes[0]
    lost, copy = lost_behind_a_copy(cqrsd, first)
    until(lambda: not cqrsd.readyz().json["commands"], "the primary to be missed", 20)

    os.kill(cqrsd.pid, signal.SIGSTOP)
    try:
        restore(first, copy)
        first.start()
        write_far(first)
    finally:
        os.kill(cqrsd.pid, signal.SIGCONT)
    leads(cqrsd, first)

    told_lost(cqrsd, lost)


def test_an_older_copy_of_the_primary_loses_what_it_does_not_have(cqrsd, nodes):
    first, second, other = nodes
    kept = put(cqrsd, "ann", 1)
    first.cluster.wait_until_replayed()
    lost, copy = lost_behind_a_copy(cqrsd, first)

    restore(first, copy)
    first.start()
    until(lambda: cqrsd.metrics().sum("cqrsd_branches_given_up") == 1, "the loss to be seen", 20)

    answer = cqrsd.query("ping", token=lost)
    assert (answer.status, answer.code) == (409, "write-lost"), answer
    assert cqrsd.query("ping", token=answer.token).status == 200
    assert cqrsd.query("cell", user="bob", owner="bob").code == "write-lost"
    assert cqrsd.query("cell", owner="ann", token=kept).data["number"] == 1
    # The standbys show what is lost: nobody is sent there.
    assert not any(cqrsd.node(node.address)["in_rotation"] for node in (second, other))
    write_far(first)
    since = put(cqrsd, "cid", 5)
    assert cqrsd.query("ping", token=lost).code == "write-lost"
    assert cqrsd.query("cell", owner="cid", token=since).data["number"] == 5
    clone_again(second, first)
    until(lambda: cqrsd.node(second.address)["in_rotation"], "a new copy to serve", 20)


def test_an_instance_that_starts_after_the_loss_judges_as_the_one_that_saw_it(
        start_cqrsd, cqrsd, nodes):
    first = nodes[0]
    kept = put(cqrsd, "ann", 1)
    first.cluster.wait_until_replayed()
    lost, copy = lost_behind_a_copy(cqrsd, first)
    restore(first, copy)
    first.start()
    leads(cqrsd, first)

    late = start_cqrsd(on=first.cluster, timeline_back_ms=BACK_MS, wait="commands")
    write_far(first)
    since = put(late, "cid", 5)

    for instance in (late, cqrsd):
        until(lambda it=instance: it.query("ping", token=lost).code == "write-lost",
              "the loss to be told", 20)
        assert instance.query("cell", owner="ann", token=kept).data["number"] == 1
        assert instance.query("cell", owner="cid", token=since).data["number"] == 5


@pytest.mark.parametrize("brought", [True, False])
def test_an_answer_given_before_any_primary_was_met_hides_no_loss(
        start_cqrsd, cqrsd, nodes, brought):
    """The token of an eventual answer takes the place of the one that was brought, if any."""
    first = nodes[0]
    lost, copy = written_behind_a_copy(cqrsd, first)
    # Its standbys keep their connections, and so know the timeline that they are on.
    first.sigstop()
    late = start_cqrsd(on=first.cluster, timeline_back_ms=BACK_MS, wait="alive")

    def answered():
        answer = late.query("cell", owner="bob", consistency="eventual",
                            **({"token": lost} if brought else {}))
        assert answer.status == 200 and answer.data["number"] == 19, answer
        return answer if answer.token else None
    seen = until(answered, "an eventual answer", 20)
    first.kill9()
    restore(first, copy)
    first.start()
    leads(late, first)
    write_far(first)
    put(late, "cid", 5)

    answer = told_lost(late, seen.token)
    assert late.query("ping", token=answer.token).status == 200


def test_a_loss_that_no_instance_saw_is_told_and_its_standbys_do_not_answer(
        start_cqrsd, cqrsd, nodes):
    first, *standbys = nodes
    lost, copy = lost_behind_a_copy(cqrsd, first)
    cqrsd.terminate()
    cqrsd.wait()
    restore(first, copy)
    first.start()
    write_far(first)

    late = start_cqrsd(on=first.cluster, timeline_back_ms=BACK_MS, wait="commands")

    until(lambda: late.query("ping", token=lost).code == "write-lost", "the loss to be told", 20)
    put(late, "cid", 5)
    assert late.query("cell", user="cid", owner="cid").data["number"] == 5
    assert not any(late.node(node.address)["in_rotation"] for node in standbys)
    clone_again(standbys[0], first)
    until(lambda: late.node(standbys[0].address)["in_rotation"], "a new copy to serve", 20)


def asked_last(node):
    """When a monitor has asked it how far it is."""
    return node.sql("SELECT max(query_start) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
                    " AND query LIKE '%pg_is_in_recovery%'")


def older_copy(node):
    """What it has now, at an address that cqrsd does not know; it does not run."""
    copy = Node(node.cluster, "older", processes.free_port())
    node.cluster.clone(copy, node)
    (copy.data / "standby.signal").unlink()
    return copy


def does_not_answer(cqrsd, node, token):
    for _ in range(10):
        before = asked_last(node)
        until(lambda last=before: asked_last(node) not in ("", last), "it to be asked", 20)
        answer = cqrsd.query("cell", owner="bob", token=token)
        assert answer.status == 503, answer


def test_a_copy_that_streams_from_a_primary_that_is_not_known_yet_does_not_answer(cqrsd, nodes):
    """On the same timeline, and beyond what the client has seen; its name is that of a standby."""
    first, second, other = nodes
    older = older_copy(first)
    lost = [put(cqrsd, "bob", number) for number in range(20)][-1]
    for node in (first, other):
        node.stop("immediate")
    until(lambda: not cqrsd.readyz().json["commands"], "the primary to be missed", 20)
    older.start()
    try:
        write_far(older)
        clone_again(second, older)
        does_not_answer(cqrsd, second, lost)
    finally:
        older.stop("immediate")
    does_not_answer(cqrsd, second, lost)

    first.start()
    leads(cqrsd, first)
    clone_again(second, first)
    until(lambda: cqrsd.node(second.address)["in_rotation"], "it to serve", 20)
    assert cqrsd.query("cell", owner="bob", token=lost).data["number"] == 19


def test_without_the_lives_an_older_copy_is_followed_and_its_loss_is_told(cqrsd, nodes):
    first = nodes[0]
    first.sql("DROP TABLE cqrsd.log_life")
    lost, copy = lost_behind_a_copy(cqrsd, first)

    restore(first, copy)
    first.start()

    until(lambda: cqrsd.query("ping", token=lost).code == "write-lost", "the loss to be told", 20)
    put(cqrsd, "ann", 2)
