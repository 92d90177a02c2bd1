"""Less than a healthy cluster: no replica, no primary, everything gone, a promotion."""

import pytest
from harness.until import slowly, until


@pytest.mark.serve(replicas=0)
def test_without_a_replica_in_the_configuration_the_primary_serves_all(cqrsd, user):
    cqrsd.command("put", user=user, number=1)

    for level in ("eventual", "session", "strong"):
        answer = cqrsd.query("cell", user=user, consistency=level, owner=user)
        assert (answer.served_by.role, answer.data["number"]) == ("primary", 1)


@pytest.mark.serve(replicas=1)
def test_with_one_replica_that_one_answers(cqrsd, cluster):
    assert cqrsd.query("ping").served_by.node == cluster.replica(1).address


def test_started_while_the_primary_is_down_only_eventual_is_served(start_cqrsd, cluster, user):
    cluster.primary.stop()
    cqrsd = start_cqrsd(wait="alive")

    until(lambda: cqrsd.query("cell", consistency="eventual", owner="x").status == 200,
          "an eventual read to be served", 20)
    session = cqrsd.query("cell", user=user, owner=user)
    command = cqrsd.command("put", user=user, number=1)

    assert session.status == 503 and session.code
    assert (command.status, command.code) == (503, "no-primary")
    assert cqrsd.readyz().json["commands"] is False

    cluster.primary.start()
    until(lambda: cqrsd.command("put", user=user, number=1).status == 200, "commands again", 20)
    assert cqrsd.query("cell", user=user, owner=user).data["number"] == 1


def test_a_bounded_staleness_is_not_met_by_who_has_never_seen_the_primary(start_cqrsd, cluster):
    cluster.primary.stop()
    cqrsd = start_cqrsd(wait="alive")

    until(lambda: cqrsd.query("cell", consistency="eventual", owner="x").status == 200,
          "an eventual read to be served", 20)
    for _ in range(10):
        answer = cqrsd.query("cell", consistency="eventual;max-staleness=3600", owner="x")
        assert answer.status == 503, answer
    assert cqrsd.query("cell", consistency="eventual", owner="x").status == 200


def test_a_bounded_staleness_is_not_met_once_the_primary_is_gone_for_longer(cqrsd, cluster):
    bounded = "eventual;max-staleness=0.5"
    until(lambda: cqrsd.query("cell", consistency=bounded, owner="x").status == 200,
          "a recent answer", 20)
    cluster.primary.stop("immediate")

    until(lambda: cqrsd.query("cell", consistency=bounded, owner="x").status == 503,
          "the bound to be missed", 20)
    for _ in range(10):
        assert cqrsd.query("cell", consistency=bounded, owner="x").status == 503
    assert cqrsd.query("cell", consistency="eventual", owner="x").status == 200


def test_started_while_everything_is_down_it_lives_and_comes_up_with_the_nodes(
        start_cqrsd, cluster):
    cluster.stop()
    cqrsd = start_cqrsd(wait="alive")

    assert cqrsd.readyz().status == 503
    assert cqrsd.query("ping").status == 503

    for node in cluster.nodes:
        node.start()
    until(lambda: cqrsd.readyz().status == 200, "/readyz to say so", 20)
    until(lambda: cqrsd.query("ping").status == 200, "queries to be served", 20)


def test_without_a_primary_commands_are_refused_and_queries_go_on(cqrsd, cluster, user):
    cluster.primary.stop("immediate")

    def refused():
        answer = cqrsd.command("put", user=user, number=1)
        return (answer.status, answer.code) == (503, "no-primary")
    until(refused, "commands to be refused")
    # A command finds out by itself, the monitor a look or two later.
    until(lambda: cqrsd.readyz().json["commands"] is False, "/readyz to say so")

    assert cqrsd.query("cell", user=user, owner=user).served_by.role == "replica"
    assert cqrsd.query("ping", consistency="strong").status == 503
    assert cqrsd.readyz().status == 200


@pytest.mark.serve(wait_ms=2000)
def test_without_a_primary_ones_own_replicated_write_is_still_read(cqrsd, cluster, user):
    cqrsd.command("put", user=user, number=12)
    cluster.wait_until_replayed()
    cluster.primary.stop("immediate")

    answer = cqrsd.query("cell", user=user, owner=user)

    assert (answer.served_by.role, answer.data["number"]) == ("replica", 12)


def test_without_a_primary_a_write_no_replica_has_is_refused_and_never_missed(
        cqrsd, cluster, user):
    cluster.replica(1).pause_replay()
    cluster.replica(2).pause_replay()
    cqrsd.command("put", user=user, number=12)
    cluster.primary.stop("immediate")

    answer = cqrsd.query("cell", user=user, owner=user)

    assert answer.status == 503
    assert answer.problem["retryable"] is True


def test_with_all_replicas_gone_the_primary_answers(cqrsd, cluster, user):
    cluster.replica(1).stop("immediate")
    cluster.replica(2).stop("immediate")

    def spilled():
        answer = cqrsd.query("cell", user=user, owner=user)
        return answer.status == 200 and answer.served_by.role == "primary"
    until(spilled, "the primary to answer")
    # Until the monitor has noticed they count as late.
    until(lambda: cqrsd.query("ping").served_by.reason == "spill-no-replica", "the right reason")


def test_a_replica_that_comes_back_takes_part_again(cqrsd, cluster):
    cluster.replica(1).stop("immediate")
    cluster.replica(2).stop("immediate")
    until(lambda: cqrsd.query("ping").served_by.role == "primary", "the primary to answer")

    cluster.replica(2).start()
    until(lambda: cqrsd.query("ping").served_by.node == cluster.replica(2).address,
          "the replica to answer", 20)


def test_a_frozen_replica_is_left_alone_and_nobody_waits_long_for_it(cqrsd, cluster):
    frozen = cluster.replica(1)
    frozen.sigstop()

    until(lambda: not cqrsd.node(frozen.address)["in_rotation"], "the replica to leave", 20)
    answers = [cqrsd.query("ping", user=f"u{n}") for n in range(50)]

    assert {answer.served_by.node for answer in answers} == {cluster.replica(2).address}
    assert max(answer.took_s for answer in answers) < slowly(2)


def test_after_a_promotion_commands_follow_the_new_primary(start_cqrsd, fresh_cluster):
    old, new, other = fresh_cluster.nodes
    cqrsd = start_cqrsd(on=fresh_cluster)
    cqrsd.command("put", user="ann", number=1)
    fresh_cluster.wait_until_replayed()

    old.stop("immediate")
    new.promote()
    other.follow(new)

    until(lambda: cqrsd.command("put", user="ann", number=2).status == 200, "commands again", 20)
    answer = cqrsd.query("cell", user="ann", owner="ann")
    assert answer.data["number"] == 2
    assert cqrsd.node(new.address)["role"] == "primary"


def test_an_old_primary_that_returns_after_a_promotion_gets_nothing(start_cqrsd, fresh_cluster):
    old, new, other = fresh_cluster.nodes
    cqrsd = start_cqrsd(on=fresh_cluster)
    old.stop("immediate")
    new.promote()
    other.follow(new)
    until(lambda: cqrsd.command("put", user="ann", number=3).status == 200, "commands again", 20)

    old.start()
    until(lambda: old.sql("SELECT count(*) FROM pg_stat_activity "
                          "WHERE backend_type = 'client backend'") != "1", "cqrsd to look at it")
    for number in range(20):
        answer = cqrsd.command("put", user="ann", number=number)
        assert answer.served_by.node == new.address
        read = cqrsd.query("cell", user="ann", owner="ann")
        assert read.served_by.node != old.address and read.data["number"] == number
