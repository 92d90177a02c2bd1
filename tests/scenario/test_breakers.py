"""Nodes that fail or fall silent while the monitor may still like them; deadlines and cancels."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from harness.client import Raw
from harness.until import until

OPERATIONS = """
-- query: fragile :one
-- @param port int
-- @param code text
SELECT fail_at(:port, :code) AS fine;
"""
FAIL_AT = """
CREATE OR REPLACE FUNCTION fail_at(port int, code text) RETURNS bool LANGUAGE plpgsql AS $$
BEGIN
    IF current_setting('port')::int = port THEN
        RAISE EXCEPTION 'made to fail' USING ERRCODE = code;
    END IF;
    RETURN true;
END $$
"""
RUNNING = ("SELECT count(*) FROM pg_stat_activity WHERE state = 'active' "
           "AND query LIKE '%pg_sleep%' AND pid <> pg_backend_pid()")


@pytest.fixture
def fragile(start_cqrsd, cluster, own_catalog):
    """One loop over queries that fail at the node with a given port, by a given SQLSTATE."""
    cluster.primary.sql(FAIL_AT)
    cluster.wait_until_replayed()
    return start_cqrsd(catalog=own_catalog(OPERATIONS), loops=1)


def broken(cqrsd, node):
    return cqrsd.metrics().sum("cqrsd_breaker_state", node=node.address)


def ask(cqrsd, node, code="53200"):
    return cqrsd.query("fragile", port=node.port, code=code)


def sleeping(cluster):
    """Statements that sleep, on all nodes."""
    return sum(int(node.sql(RUNNING)) for node in cluster.nodes)


def test_a_node_that_refuses_again_and_again_is_left_alone_and_comes_back(fragile, cluster):
    bad, good = cluster.replica(1), cluster.replica(2)

    def opened():
        ask(fragile, bad)
        return broken(fragile, bad) == 1.0
    until(opened, "the breaker to open")

    answers = [ask(fragile, bad) for _ in range(20)]

    # Its own probe finds the node well, and queries find out again: at most five in a row.
    assert sum(answer.status != 200 for answer in answers) <= 5
    assert {answer.served_by.node for answer in answers if answer.status == 200} == {good.address}
    until(lambda: fragile.query("fragile", port=0, code="").served_by.node == bad.address,
          "the node to take part again", 40)
    assert broken(fragile, bad) == 0.0


def test_errors_of_the_application_open_no_breaker(fragile, cluster):
    bad = cluster.replica(1)

    statuses = {ask(fragile, bad, code).status for code in ("22012", "23505", "42P01", "P0001")
                for _ in range(12)}

    assert 200 in statuses and len(statuses) > 1
    assert broken(fragile, bad) == 0.0


def test_a_frozen_replica_costs_no_reader_an_answer_and_takes_part_again(cqrsd, cluster):
    until(lambda: all(cqrsd.query("ping").status == 200 for _ in range(50)), "queries", 20)
    frozen = cluster.replica(1)
    frozen.sigstop()
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: cqrsd.query("ping"), range(200)))

    assert {answer.status for answer in answers} == {200}

    frozen.sigcont()
    until(lambda: cqrsd.query("ping").served_by.node == frozen.address,
          "the replica to answer again", 20)


@pytest.mark.serve(request_timeout_ms=60000, loops=1)
def test_a_client_may_shorten_the_time_of_its_request(cqrsd, cluster):
    until(lambda: cqrsd.query("sleep", seconds=0).status == 200, "queries", 20)
    cut = cqrsd.query("sleep", seconds=30, headers={"Request-Timeout": "0.3"})

    assert (cut.status, cut.code) == (504, "timeout")
    until(lambda: sleeping(cluster) == 0, "the statement to be gone", 10)
    missed = cqrsd.metrics()
    assert missed.sum("cqrsd_deadline_missed_total", stage="db") == 1
    assert missed.sum("cqrsd_request_stage_seconds_count", stage="db") >= 1


@pytest.mark.serve(request_timeout_ms=60000, loops=1)
def test_a_command_whose_time_was_shortened_is_known_to_be_rolled_back(cqrsd, cluster, user):
    until(lambda: cqrsd.command("put", user=user, number=1).status == 200, "commands", 20)
    cut = cqrsd.command("append.slowly", user=user, number=1, seconds=30,
                        headers={"Request-Timeout": "0.3"})

    assert (cut.status, cut.code) == (504, "timeout")
    assert sleeping(cluster) == 0
    assert cluster.primary.sql(f"SELECT count(*) FROM ledger WHERE writer = '{user}'") == "0"


@pytest.mark.serve(request_timeout_ms=300, loops=1)
def test_a_client_may_not_lengthen_it(cqrsd):
    until(lambda: cqrsd.query("sleep", seconds=0).status == 200, "queries", 20)
    answer = cqrsd.query("sleep", seconds=3, headers={"Request-Timeout": "20"})

    assert (answer.status, answer.code) == (504, "timeout")


@pytest.mark.parametrize("value", ["", "0", "soon", "-1", "1s", "0.0001", "86401", "1, 2"])
def test_a_time_that_cannot_be_read_is_refused(api, value):
    answer = api.query("ping", headers={"Request-Timeout": value})

    assert (answer.status, answer.code) == (400, "bad-request")


@pytest.mark.serve(request_timeout_ms=60000, loops=1)
def test_what_a_client_that_went_away_had_asked_is_cancelled_on_the_server(cqrsd, cluster):
    until(lambda: cqrsd.query("sleep", seconds=0).status == 200, "queries", 20)
    with Raw(cqrsd.address) as raw:
        raw.send(b"GET /v1/queries/sleep?seconds=50 HTTP/1.1\r\nHost: x\r\n\r\n")
        until(lambda: sleeping(cluster) == 1, "the statement to run", 20)

    until(lambda: sleeping(cluster) == 0, "the statement to be gone", 20)
    assert cqrsd.query("sleep", seconds=0).data == {"slept": True}
    assert cqrsd.metrics().sum("cqrsd_cancels_total") >= 1


@pytest.mark.serve(hedge="on", loops=1)
def test_a_query_on_a_frozen_replica_is_hedged(cqrsd, cluster):
    until(lambda: all(cqrsd.query("ping").status == 200 for _ in range(400)), "queries", 20)
    cluster.replica(1).sigstop()
    answers = [cqrsd.query("ping") for _ in range(40)]

    assert {answer.status for answer in answers} == {200}
    assert cqrsd.metrics().sum("cqrsd_hedges_total") >= 1
