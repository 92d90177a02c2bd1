"""No node can answer in time: within swr a kept answer is given instead, where it may be given."""

import pytest
from harness.kept import role, until_kept
from harness.until import until
from harness.waiting import in_background, waits_for

CATALOG = """
-- query: thing :one
-- @cache 1s swr=600s
SELECT number FROM test_failing WHERE id = :id;

-- query: brief :one
-- @cache 1s
SELECT number FROM test_failing WHERE id = :id;

-- command: touch :exec
-- @param id int
UPDATE test_failing SET number = number + 1 WHERE id = :id;
"""

SCHEMA = """
CREATE TABLE test_failing (id int PRIMARY KEY, number int);
INSERT INTO test_failing SELECT i, i FROM generate_series(1, 50) AS i;
"""

CLEAN = "DROP TABLE IF EXISTS test_failing"

KEPT_ONLY = {"Cache-Control": "only-if-cached"}
NOBODY_READS = "LOCK TABLE test_failing IN ACCESS EXCLUSIVE MODE"


@pytest.fixture
def serve(schema, start_cqrsd, own_catalog):
    """At one node: what it answers is kept."""
    def start(request_timeout_ms):
        service = start_cqrsd(catalog=own_catalog(CATALOG), replicas=0, loops=1, pool_conns=2,
                              queue_wait_ms=300, request_timeout_ms=request_timeout_ms)
        for name in ("thing", "brief"):
            until_kept(service, name, id=50)
        return service
    return start


def keep_until_over(service, *ids):
    """They are kept, and their time is over; only-if-cached renews nothing."""
    for number in ids:
        until_kept(service, "thing", id=number, what="an answer to be kept")
    until(lambda: all(service.query("thing", id=number, headers=KEPT_ONLY).served_by.age >= 1
                      for number in ids), "their time to be over")


def given_instead(service):
    return service.metrics().sum("cqrsd_cache_fills_total", name="thing", result="failed")


def test_who_would_renew_a_kept_answer_gets_it_when_its_node_does_not_answer(serve, cluster):
    service = serve(request_timeout_ms=1500)
    keep_until_over(service, 1)

    with cluster.primary.open_transaction(NOBODY_READS):
        reply = service.query("thing", id=1)

    assert (reply.status, reply.data["number"], role(reply)) == (200, 1, "cache")
    status, *parameters = reply.headers["cache-status"].split("; ")
    assert (status, parameters[:2]) == ("cqrsd", ["fwd=stale", "fwd-status=504"])
    assert parameters[2].startswith("ttl=") and int(parameters[2][4:]) <= 0
    assert int(reply.headers["age"]) >= 1
    assert "consistency-token" in reply.headers
    assert "retry-after" not in reply.headers
    assert given_instead(service) == 1
    assert service.query("thing", id=1).data["number"] == 1


def test_so_does_who_waits_in_vain_for_a_connection(serve, cluster):
    """One after the other, so that no two share a connection: there is none for the last ones."""
    service = serve(request_timeout_ms=20000)
    numbers, ended = range(1, 7), []
    keep_until_over(service, *numbers)

    def ask(number):
        ended.append(service.query("thing", id=number))
        return ended[-1]

    def is_out_or_ended(number):
        waits = waits_for(service, "thing")
        return len(waits) + len(ended) >= number and "queue" not in waits

    with cluster.primary.open_transaction(NOBODY_READS):
        asked = []
        for number in numbers:
            asked.append(in_background(lambda number=number: ask(number)))
            until(lambda number=number: is_out_or_ended(number), "it to have a connection, or not")
    replies = [reply() for reply in asked]

    assert [(reply.status, reply.data["number"]) for reply in replies] == [
        (200, number) for number in numbers]
    instead = [reply for reply in replies
               if "fwd=stale; fwd-status=503" in reply.headers["cache-status"]]
    assert instead and all(role(reply) == "cache" for reply in instead)


def test_no_reader_gets_one_that_does_not_show_what_they_must_see(serve, cluster):
    """None that was touched, none that the client does not take, none behind swr."""
    service = serve(request_timeout_ms=1500)
    keep_until_over(service, 1, 2)
    service.query("brief", id=1)
    until(lambda: service.query("brief", id=1, headers=KEPT_ONLY).code == "not-cached",
          "its time to be over")
    service.command("touch", user="ann", id=2)
    keep_until_over(service, 1)

    with cluster.primary.open_transaction(NOBODY_READS):
        replies = {
            "touched": service.query("thing", id=2),
            "no-cache": service.query("thing", id=1, headers={"Cache-Control": "no-cache"}),
            "max-age": service.query("thing", id=1, headers={"Cache-Control": "max-age=0"}),
            "expired": service.query("brief", id=1),
        }
        kept = service.query("thing", id=1)

    assert {name for name, reply in replies.items() if reply.status in (503, 504)} == set(replies)
    assert kept.data["number"] == 1
