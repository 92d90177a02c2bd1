"""A command is one transaction, whatever its statement tries; what failed left nothing behind."""

import socket
import struct

import pytest

CATALOG = """
-- command: commits_by_itself :exec
CALL test_commits_by_itself();

-- command: calls :exec
CALL test_calls();

-- command: fails_partway :one
SELECT test_put(g) AS number FROM generate_series(1, 50) g;

-- command: looks_unprepared :one
SELECT test_looks_unprepared() AS number;

-- query: rows :one
SELECT count(*)::int AS rows FROM test_transactions;
"""

SCHEMA = """
CREATE TABLE test_transactions (number int);
CREATE PROCEDURE test_commits_by_itself() LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO test_transactions VALUES (1); COMMIT; RAISE SQLSTATE '40001';
END $$;
CREATE PROCEDURE test_calls() LANGUAGE sql AS 'INSERT INTO test_transactions VALUES (1)';
CREATE FUNCTION test_put(number int) RETURNS int LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO test_transactions VALUES (number);
    IF number = 40 THEN RAISE 'not this one'; END IF;
    RETURN number;
END $$;
CREATE FUNCTION test_looks_unprepared() RETURNS int LANGUAGE plpgsql AS
    $$ BEGIN RAISE SQLSTATE '26000'; END $$;
"""

CLEAN = """
DROP TABLE test_transactions;
DROP PROCEDURE test_commits_by_itself;
DROP PROCEDURE test_calls;
DROP FUNCTION test_put;
DROP FUNCTION test_looks_unprepared;
"""


@pytest.fixture
def service(cluster, start_cqrsd, own_catalog):
    cluster.primary.sql(SCHEMA)
    yield start_cqrsd(catalog=own_catalog(CATALOG))
    cluster.primary.sql(CLEAN)


def rows(service):
    return service.query("rows", user="ann").data["rows"]


def test_a_procedure_cannot_commit_by_itself_and_is_never_run_twice(service):
    answer = service.command("commits_by_itself", user="ann")

    assert (answer.status, answer.code) == (500, "query-failed")
    assert rows(service) == 0


def test_a_procedure_is_a_command_like_any_other(service):
    assert service.command("calls", user="ann").status == 200
    assert rows(service) == 1


def test_a_command_that_fails_after_too_many_rows_has_not_taken_effect(service):
    answer = service.command("fails_partway", user="ann")

    assert (answer.status, answer.code) == (422, "rejected")
    assert rows(service) == 0


def test_a_statement_that_looks_unprepared_works_again_once_it_is_mended(service, cluster):
    for _ in range(8):
        assert service.command("looks_unprepared", user="ann").status == 500

    cluster.primary.sql("CREATE OR REPLACE FUNCTION test_looks_unprepared() RETURNS int "
                        "LANGUAGE sql AS 'SELECT 7'")

    for _ in range(8):
        assert service.command("looks_unprepared", user="ann").data == {"number": 7}


def test_clients_that_reset_at_once_use_up_no_budget(service, cluster):
    for replica in cluster.replicas:
        replica.pause_replay()
    assert service.command("calls", user="ann").status == 200

    for _ in range(500):
        client = socket.create_connection((service.client.host, service.client.port))
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        client.sendall(b"GET /v1/queries/rows HTTP/1.1\r\nHost: a\r\nX-User-Id: ann\r\n\r\n")
        client.close()

    assert [rows(service) for _ in range(4)] == [1, 1, 1, 1]
