"""Who answers: levels, staleness, waiting, what a query declares for lag, and what replies tell."""

import time

import pytest
from harness.until import always, slowly, until
from harness.waiting import in_background, waits_for

pytestmark = pytest.mark.serve(max_lag_ms=60000)


@pytest.fixture
def paused(cluster):
    """Both replicas stand still, and one write has passed them by."""
    cluster.primary.sql("INSERT INTO cells VALUES ('old', 1) "
                        "ON CONFLICT (owner) DO UPDATE SET number = 1")
    cluster.wait_until_replayed()
    cluster.replica(1).pause_replay()
    cluster.replica(2).pause_replay()
    return cluster


def test_a_query_comes_from_a_replica_and_says_which_and_why(cqrsd, cluster):
    def with_a_lag():
        """Until its next look a replica that was asked before the primary has no known lag."""
        served = cqrsd.query("cell", owner="x").served_by
        always((served.role, served.waited) == ("replica", 0), served)
        return served if served.lag is not None else None
    served = until(with_a_lag, "its lag to be known")

    assert served.level == "session"
    assert served.role == "replica"
    assert served.node in (cluster.replica(1).address, cluster.replica(2).address)
    assert served.reason in ("fresh", "any")
    assert served.waited == 0
    assert served.lag < 1


def test_a_query_runs_on_a_standby_and_read_only(cqrsd):
    assert cqrsd.query("whoami").data["on_replica"] is True
    assert cqrsd.query("whoami", consistency="strong").data == {
        "name": None, "on_replica": False, "read_only": "on"}


def test_a_command_comes_from_the_primary(cqrsd, cluster):
    served = cqrsd.command("put", user="ann", number=1).served_by

    assert (served.role, served.node) == ("primary", cluster.primary.address)


def test_strong_asks_the_primary_by_header_and_by_catalog(cqrsd):
    for answer in (cqrsd.query("cell", consistency="strong", owner="x"),
                   cqrsd.query("cell.strong", owner="x")):
        assert (answer.served_by.role, answer.served_by.reason) == ("primary", "strong")
        assert answer.served_by.level == "strong"


def test_strong_sees_a_write_made_behind_our_back_at_once(cqrsd, paused):
    paused.primary.sql("UPDATE cells SET number = 2 WHERE owner = 'old'")

    assert cqrsd.query("cell", consistency="strong", owner="old").data["number"] == 2
    assert cqrsd.query("cell", consistency="eventual", owner="old").data["number"] == 1


def test_the_header_may_weaken_what_the_catalog_declares(cqrsd, paused):
    answer = cqrsd.query("cell.strong", consistency="eventual", owner="old")

    assert (answer.served_by.level, answer.served_by.role) == ("eventual", "replica")


def test_a_token_counts_at_every_level(cqrsd, paused):
    token = cqrsd.command("put", user="ann", number=7).token

    answer = cqrsd.query("cell.eventual", token=token, owner="ann")

    assert answer.data["number"] == 7
    assert answer.served_by.role == "primary"


def test_eventual_does_not_count_the_session(cqrsd, paused):
    cqrsd.command("put", user="old", number=8)

    answer = cqrsd.query("cell", user="old", consistency="eventual", owner="old")

    assert (answer.served_by.role, answer.data["number"]) == ("replica", 1)


def test_on_lag_stale_answers_from_a_replica_and_marks_it(cqrsd, paused):
    cqrsd.command("put", user="old", number=8)

    answer = cqrsd.query("cell.stale", user="old", owner="old")

    assert (answer.served_by.role, answer.served_by.reason) == ("replica", "stale")
    assert answer.data["number"] == 1


def test_on_lag_fail_answers_503_with_a_time_to_come_back(cqrsd, paused):
    cqrsd.command("put", user="old", number=8)

    answer = cqrsd.query("cell.fail", user="old", owner="old")

    assert (answer.status, answer.code) == (503, "consistency-timeout")
    assert float(answer.headers["retry-after"]) >= 0
    assert answer.problem["retryable"] is True


def test_on_lag_fail_answers_again_once_replay_goes_on(cqrsd, paused):
    cqrsd.command("put", user="old", number=8)
    paused.replica(1).resume_replay()

    until(lambda: cqrsd.query("cell.fail", user="old", owner="old").status == 200,
          "a replica to be fresh")


@pytest.mark.serve(max_lag_ms=60000)
def test_the_client_may_wait_longer_than_the_option_says(cqrsd, cluster):
    for replica in cluster.replicas:
        replica.set_apply_delay(60_000)
    cqrsd.command("put", user="ann", number=6)
    came = in_background(lambda: cqrsd.query("cell", user="ann", owner="ann",
                                             consistency="session;wait=30"))
    until(lambda: waits_for(cqrsd, "cell") == ["replica"], "the query to wait")

    for replica in cluster.replicas:
        replica.set_apply_delay(0)
    answer = came()

    assert answer.data["number"] == 6
    assert answer.served_by.role == "replica", answer.served_by
    assert 0 < answer.served_by.waited < 30


def test_the_client_may_refuse_to_wait(cqrsd, paused):
    cqrsd.command("put", user="ann", number=6)

    answer = cqrsd.query("cell", user="ann", consistency="session;wait=0", owner="ann")

    assert answer.served_by.role == "primary"
    assert answer.served_by.waited < slowly(0.005)


@pytest.mark.serve(max_lag_ms=0, max_lag_bytes=0)
def test_max_staleness_keeps_a_lagging_replica_from_answering(cqrsd, paused):
    paused.primary.sql("UPDATE cells SET number = 3 WHERE owner = 'old'")
    until(lambda: all((node["lag_seconds"] or 0) > 0.3 for node in cqrsd.readyz().json["nodes"]
                      if node["role"] == "replica"), "the replicas to lag")

    relaxed = cqrsd.query("cell", consistency="eventual", owner="old")
    strict = cqrsd.query("cell", consistency="eventual;max-staleness=0.2", owner="old")

    assert (relaxed.served_by.role, relaxed.data["number"]) == ("replica", 1)
    assert (strict.served_by.role, strict.data["number"]) == ("primary", 3)


@pytest.mark.serve(max_lag_ms=0, max_lag_bytes=0)
def test_max_staleness_of_the_catalog_counts_without_a_header(cqrsd, paused):
    paused.primary.sql("UPDATE cells SET number = 4 WHERE owner = 'old'")
    until(lambda: all((node["lag_seconds"] or 0) > 1.1 for node in cqrsd.readyz().json["nodes"]
                      if node["role"] == "replica"), "the replicas to lag")

    answer = cqrsd.query("cell.recent", owner="old")

    assert (answer.served_by.role, answer.data["number"]) == ("primary", 4)


@pytest.mark.serve(max_lag_ms=300)
def test_a_replica_beyond_the_lag_limit_leaves_the_rotation_and_returns(cqrsd, cluster):
    lame = cluster.replica(1)
    lame.pause_replay()
    cluster.primary.sql("INSERT INTO cells VALUES ('push', 1) "
                        "ON CONFLICT (owner) DO UPDATE SET number = cells.number + 1")

    until(lambda: not cqrsd.node(lame.address)["in_rotation"], "the replica to leave")
    for _ in range(20):
        assert cqrsd.query("cell.eventual", owner="x").served_by.node != lame.address

    lame.resume_replay()
    until(lambda: cqrsd.node(lame.address)["in_rotation"], "the replica to return")


@pytest.mark.serve(max_lag_ms=300)
def test_an_idle_paused_replica_is_not_behind(cqrsd, paused):
    """Nothing was written since: standing still costs nothing. The primary itself writes now and
    then, which begins the second anew."""
    written, since = None, 0

    def has_stood_still_and_is_not_behind():
        nonlocal written, since
        if paused.primary.flush_lsn() != written:
            for replica in paused.replicas:
                replica.resume_replay()
            paused.wait_until_replayed()
            paused.replica(1).pause_replay()
            written, since = paused.primary.flush_lsn(), time.monotonic()
        lag = cqrsd.node(paused.replica(1).address)["lag_seconds"]
        return time.monotonic() - since > 1 and lag is not None and lag < 0.3

    until(has_stood_still_and_is_not_behind, "a second without a lag", 60)


@pytest.mark.parametrize("header", [
    "sometimes", "session;wait=-1", "session;wait=abc", "session;max-staleness=", ";wait=1",
    "session,strong", "session strong", "session;wait=1e99"])
def test_a_consistency_header_that_says_nothing_clear_is_refused(api, header):
    answer = api.query("ping", consistency=header)

    assert answer.status == 400, answer
    assert "consistency" in answer.problem["detail"].lower()


def test_routing_is_counted_by_operation_role_and_reason(cqrsd):
    before = cqrsd.metrics().sum("cqrsd_routed_total", name="cell.strong", role="primary",
                                 reason="strong")
    cqrsd.query("cell.strong", owner="x")

    assert cqrsd.metrics().sum("cqrsd_routed_total", name="cell.strong", role="primary",
                               reason="strong") == before + 1


def test_both_replicas_take_part_of_the_reads_of_many_users(cqrsd, cluster):
    nodes = {cqrsd.query("cell", user=f"u{n}", owner="x").served_by.node for n in range(64)}

    assert nodes == {cluster.replica(1).address, cluster.replica(2).address}
