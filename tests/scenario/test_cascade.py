"""A standby that streams from another standby: the leaf, the one between, and the primary."""

import pytest
from harness.promotion import cut_off, promote
from harness.until import always, until


@pytest.fixture
def chain(fresh_cluster):
    """The primary, the standby between, the leaf that streams from it."""
    primary, between, leaf = fresh_cluster.nodes
    leaf.follow(between)
    until(lambda: leaf.sql("SELECT sender_port FROM pg_stat_wal_receiver WHERE status ="
                           " 'streaming'") == str(between.port), "the leaf to stream", 20)
    fresh_cluster.wait_until_replayed()
    return primary, between, leaf


@pytest.fixture
def cqrsd(start_cqrsd, fresh_cluster, chain):
    return start_cqrsd(on=fresh_cluster)


def put(cqrsd, user, number):
    def done():
        answer = cqrsd.command("put", user=user, number=number)
        always(answer.status in (200, 503), answer)
        return answer if answer.status == 200 else None
    return until(done, "the command to be done", 20)


def from_the_leaf(cqrsd, leaf, **asked):
    """An answer of the leaf; whoever else answers on the way tells the same."""
    answers = []

    def served():
        answers.append(cqrsd.query("cell", **asked))
        always(answers[-1].status == 200, answers[-1])
        always(answers[-1].data == answers[0].data, answers)
        return answers[-1].served_by.node == leaf.address
    until(served, "the leaf to answer", 20)
    return answers[-1]


def lose_with_the_primary(chain, lose):
    """The one between is cut off, the primary writes on and dies, the one between is promoted."""
    primary, between, _ = chain
    cut_off(between)
    lose()
    primary.stop("immediate")
    promote(between)


def test_the_leaf_is_in_rotation_and_shows_own_writes(cqrsd, chain):
    _, between, leaf = chain
    for number in range(50):
        put(cqrsd, f"user{number}", number)
        answer = cqrsd.query("cell", user=f"user{number}", owner=f"user{number}")
        assert answer.data["number"] == number

    between.stop("fast")
    until(lambda: not cqrsd.node(between.address)["in_rotation"], "the one between to leave", 20)
    assert cqrsd.query("cell", user="user7", owner="user7").data["number"] == 7


def test_the_leaf_does_not_wait_for_the_replay_of_the_one_between(cqrsd, chain):
    """PostgreSQL hands on what was received, replayed or not."""
    _, between, leaf = chain
    between.pause_replay()
    token = put(cqrsd, "ann", 3).token

    for _ in range(10):
        answer = cqrsd.query("cell", owner="ann", token=token,
                             consistency="session;wait=5")
        assert answer.data["number"] == 3
        assert answer.served_by.node == leaf.address


def test_a_stop_of_the_one_between_is_lag_of_the_leaf(start_cqrsd, fresh_cluster, chain):
    primary, between, leaf = chain
    cqrsd = start_cqrsd(on=fresh_cluster, max_lag_ms=300, max_lag_bytes=0)
    between.sigstop()
    try:
        put(cqrsd, "ann", 4)
        until(lambda: not cqrsd.node(leaf.address)["in_rotation"], "the leaf to leave", 20)
        until(lambda: (cqrsd.node(leaf.address)["lag_seconds"] or 0) > 0.3, "the lag of the leaf")
        for _ in range(10):
            assert cqrsd.query("cell", user="ann", owner="ann").data["number"] == 4
    finally:
        between.sigcont()
    until(lambda: cqrsd.node(leaf.address)["in_rotation"], "the leaf to return", 20)
    assert primary.running


def test_the_leaf_follows_a_promotion_above_it(cqrsd, chain):
    primary, between, leaf = chain
    kept = put(cqrsd, "ann", 5).token
    primary.cluster.wait_until_replayed()
    lost = []
    lose_with_the_primary(chain, lambda: lost.append(put(cqrsd, "bob", 6).token))
    until(lambda: cqrsd.node(between.address)["role"] == "primary", "it to be seen", 20)

    assert cqrsd.query("cell", owner="bob", token=lost[0]).code == "write-lost"
    assert cqrsd.query("cell", user="bob", owner="bob").code == "write-lost"
    assert cqrsd.query("cell", user="bob", owner="bob").data is None
    assert cqrsd.query("cell", user="ann", owner="ann").data["number"] == 5
    assert from_the_leaf(cqrsd, leaf, owner="ann", token=kept).data["number"] == 5
    token = put(cqrsd, "cid", 7).token
    assert from_the_leaf(cqrsd, leaf, owner="cid", token=token).data["number"] == 7


def test_a_leaf_that_went_over_unseen_proves_nothing(start_cqrsd, fresh_cluster, chain):
    """Nobody re-points it: it goes on by itself, and the monitor looks rarely."""
    primary, between, leaf = chain
    cqrsd = start_cqrsd(on=fresh_cluster, lag_poll_ms=60000, max_lag_ms=0, max_lag_bytes=0)
    put(cqrsd, "ann", 1)
    fresh_cluster.wait_until_replayed()
    lose_with_the_primary(chain, lambda: put(cqrsd, "ann", 2))
    between.sql("SELECT pg_logical_emit_message(true, 'far', repeat('x', 1000000))")
    leaf.wait_until_replayed(between.flush_lsn())

    def told():
        answer = cqrsd.query("cell", user="ann", owner="ann")
        always(answer.status in (409, 503), answer)
        return answer.status == 409
    until(told, "the loss to be told", 20)

    assert cqrsd.query("cell", user="ann", owner="ann").data["number"] == 1


def test_a_clean_promotion_above_the_leaf_bothers_nobody(cqrsd, chain):
    primary, between, leaf = chain
    token = put(cqrsd, "ann", 5).token
    primary.stop("fast")
    promote(between)
    until(lambda: cqrsd.node(between.address)["role"] == "primary", "it to be seen", 20)

    assert cqrsd.query("cell", user="ann", owner="ann").data["number"] == 5
    assert from_the_leaf(cqrsd, leaf, owner="ann", token=token).data["number"] == 5
