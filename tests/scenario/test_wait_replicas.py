"""Prefer: wait-replicas: a command is answered once replicas show it, or says how many do."""

import re

import pytest
from harness.until import until
from harness.waiting import in_background, waits_for


def put(service, number, prefer, user):
    return service.command("put", user=user, number=number, headers={"Prefer": prefer})


def replicas_of(answer):
    """The number in Preference-Applied; the command itself was answered as what it did."""
    assert answer.status == 200, answer
    found = re.search(r"\bwait-replicas=(\d+)", answer.headers.get("preference-applied", ""))
    assert found, f"no number of replicas in {answer.headers}"
    return int(found[1])


def number_at(node, user):
    return node.sql(f"SELECT number FROM cells WHERE owner = '{user}'")


def test_after_the_reply_every_replica_shows_it(api, cluster, user):
    for number in range(50):
        answer = put(api, number, "wait-replicas=2, wait=5", user)

        assert answer.headers["preference-applied"] == "wait-replicas=2, wait=5"
        for replica in cluster.replicas:
            assert number_at(replica, user) == str(number)


def test_one_paused_replica_is_not_waited_for_where_one_is_enough(cqrsd, cluster, user):
    cluster.replica(1).pause_replay()

    answer = put(cqrsd, 1, "wait-replicas=1, wait=5", user)

    assert replicas_of(answer) == 1
    assert number_at(cluster.replica(2), user) == "1"


def test_a_time_that_is_over_says_how_many_show_it(cqrsd, cluster, user):
    cluster.replica(1).pause_replay()

    answer = put(cqrsd, 1, "wait-replicas=2, wait=2", user)

    assert answer.headers["preference-applied"] == "wait-replicas=1, wait=2"
    assert answer.served_by.waited >= 1.9


@pytest.mark.serve(max_lag_ms=0)
def test_a_replica_that_goes_on_wakes_who_waits(cqrsd, cluster, user):
    cluster.replica(1).pause_replay()
    cluster.replica(2).pause_replay()
    answer = in_background(lambda: put(cqrsd, 1, "wait-replicas=2", user))
    until(lambda: number_at(cluster.primary, user) == "1", "the command to commit")

    cluster.replica(1).resume_replay()
    cluster.replica(2).resume_replay()

    assert replicas_of(answer()) == 2


@pytest.mark.serve(request_timeout_ms=1500)
def test_the_time_of_the_request_never_makes_a_committed_command_late(cqrsd, cluster, user):
    cluster.replica(1).pause_replay()
    cluster.replica(2).pause_replay()

    answer = put(cqrsd, 1, "wait-replicas=1, wait=60", user)

    assert answer.headers["preference-applied"] == "wait-replicas=0, wait=1.5"
    assert answer.token


def test_replicas_that_are_behind_are_waited_for(cqrsd, cluster, user):
    for replica in cluster.replicas:
        replica.pause_replay()
    reply = in_background(lambda: put(cqrsd, 1, "wait-replicas=2, wait=30", user))
    until(lambda: waits_for(cqrsd, "put") == ["replica"], "the command to wait")

    for replica in cluster.replicas:
        replica.resume_replay()
    answer = reply()

    assert replicas_of(answer) == 2
    assert answer.served_by.waited > 0


@pytest.mark.parametrize("end", ["kill9", "stop"])
def test_a_replica_that_dies_meanwhile_leaves_the_command_committed(cqrsd, cluster, end, user):
    cluster.replica(1).pause_replay()
    answer = in_background(lambda: put(cqrsd, 1, "wait-replicas=2, wait=2", user))
    until(lambda: number_at(cluster.primary, user) == "1", "the command to commit")

    getattr(cluster.replica(1), end)()

    assert replicas_of(answer()) == 1
    assert cqrsd.query("cell", user=user, owner=user).data["number"] == 1


def test_more_replicas_than_there_are_is_all_there_are(api, user):
    answer = put(api, 1, "wait-replicas=7, wait=5", user)

    assert replicas_of(answer) == 2
    assert answer.served_by.waited < 5


@pytest.mark.serve(replicas=0)
def test_without_replicas_nobody_is_waited_for(cqrsd, user):
    assert replicas_of(put(cqrsd, 1, "wait-replicas=1, wait=5", user)) == 0


def test_none_wanted_is_none_waited_for(cqrsd, cluster, user):
    cluster.replica(1).pause_replay()
    cluster.replica(2).pause_replay()

    assert replicas_of(put(cqrsd, 1, "wait-replicas=0", user)) == 0


def test_a_command_that_wrote_nothing_tells_who_shows_what_it_found(api):
    answer = api.command("touch", user="ann", owner="ann", least=1 << 40,
                         headers={"Prefer": "wait-replicas=2"})

    assert answer.rows_affected == 0
    assert replicas_of(answer) == 2


@pytest.mark.parametrize("number", ["x", "", "-1", "1.5"])
def test_a_number_that_is_none_is_refused_and_nothing_runs(api, user, number):
    answer = put(api, 1, f"wait-replicas={number}", user)

    assert (answer.status, answer.code) == (400, "bad-request")
    assert api.query("cell", user=user, owner=user).data is None


def test_a_query_takes_no_notice(api):
    answer = api.query("ping", headers={"Prefer": "wait-replicas=x, wait=1"})

    assert answer.status == 200
    assert "preference-applied" not in answer.headers


@pytest.mark.serve(drain_ms=20000, request_timeout_ms=20000)
def test_a_drain_does_not_wait_for_replicas(cqrsd, cluster, user):
    cluster.replica(1).pause_replay()
    cluster.replica(2).pause_replay()
    answer = in_background(lambda: put(cqrsd, 1, "wait-replicas=2", user))
    until(lambda: number_at(cluster.primary, user) == "1", "the command to commit")

    cqrsd.terminate()

    assert cqrsd.wait() == 0
    assert replicas_of(answer()) == 0
    assert answer().served_by.waited < 10
