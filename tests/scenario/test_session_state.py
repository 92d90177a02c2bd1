"""What no transaction ends is not left to the next request on the same connection."""

import contextlib
import itertools

import pytest

from harness.load import Load
from harness.service import run
from harness.until import until

CATALOG = """
-- command: locks :one
SELECT pg_try_advisory_lock(12, 1) AS locked;

-- command: locks_and_fails :one
SELECT test_locks_and_fails() AS locked;

-- query: reads_and_locks :one
SELECT pg_try_advisory_lock(12, 3) AS locked;

-- query: reads_and_locks_and_fails :one
SELECT pg_try_advisory_lock(12, 4) AS locked, 1 / :zero::int AS never;

-- command: keeps :one
SELECT test_keeps(:what) AS kept;

-- query: keeps_by_query :one
SELECT test_keeps_by_query() AS kept;

-- command: sees_kept :one
SELECT concat_ws(' ', nullif(current_setting('app.caller', true), ''),
    (SELECT string_agg(name, ' ') FROM pg_cursors WHERE is_holdable),
    (SELECT string_agg(name, ' ') FROM pg_prepared_statements WHERE name = 'kept'),
    (SELECT string_agg(channel, ' ') FROM pg_listening_channels() AS channel),
    nullif(current_setting('TimeZone'), 'UTC'),
    nullif(current_setting('pg_trgm.similarity_threshold', true), '')) AS seen;

-- query: sees_kept_by_query :one
SELECT nullif(current_setting('app.caller', true), '') AS seen;

-- command: makes_temporary :one
SELECT test_makes_temporary() AS made;

-- command: sees_temporary :one
SELECT to_regclass('pg_temp.test_left')::text AS seen;

-- command: hides :one
SELECT test_hides(:how) AS made;

-- query: hides_by_query :one
SELECT test_hides('behind it') AS made;

-- command: writes :one
-- @param number int
SELECT test_writes(:number) AS number;

-- command: sets :one
SELECT test_sets() AS was;

-- command: fine :one
SELECT test_sets_for_the_transaction() AS was;
"""

SCHEMA = """
CREATE FUNCTION test_locks_and_fails() RETURNS bool LANGUAGE plpgsql AS
    $$ BEGIN PERFORM pg_advisory_lock(12, 2); RAISE 'not this one'; END $$;
CREATE FUNCTION test_keeps(what text) RETURNS int LANGUAGE plpgsql AS $$
BEGIN
    IF what = 'setting' THEN PERFORM set_config('app.caller', 'somebody', false); END IF;
    IF what = 'SET' THEN SET TimeZone = 'Asia/Tokyo'; END IF;
    IF what = 'LISTEN' THEN LISTEN kept; END IF;
    IF what = 'PREPARE' THEN EXECUTE 'PREPARE kept AS SELECT 1'; END IF;
    IF what = 'cursor' THEN EXECUTE 'DECLARE kept CURSOR WITH HOLD FOR SELECT 1'; END IF;
    RETURN 1;
END $$;
CREATE FUNCTION test_keeps_by_query() RETURNS text LANGUAGE sql AS
    $$ SELECT set_config('app.caller', 'somebody', false) $$;
CREATE FUNCTION test_makes_temporary() RETURNS int LANGUAGE plpgsql AS
    $$ BEGIN CREATE TEMP TABLE test_left (number int); RETURN 1; END $$;
CREATE TABLE test_hidden (number int);
CREATE FUNCTION test_hides(how text) RETURNS int LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE 'CREATE TE' || 'MP TABLE IF NOT EXISTS test_hidden (number int)'
        || CASE how WHEN 'until the commit' THEN ' ON COMMIT DROP' ELSE '' END;
    RETURN 1;
END $$;
CREATE FUNCTION test_writes(number int) RETURNS int LANGUAGE plpgsql AS $$
BEGIN EXECUTE 'INSERT INTO test_hidden VALUES ($1)' USING number; RETURN number; END $$;
CREATE FUNCTION test_sets() RETURNS text LANGUAGE plpgsql AS $$
DECLARE was text := current_setting('app.caller', true);
BEGIN PERFORM set_config('app.caller', 'somebody', false); RETURN coalesce(was, ''); END $$;
CREATE FUNCTION test_sets_for_the_transaction() RETURNS text LANGUAGE plpgsql AS
    $$ BEGIN RETURN set_config('app.other', 'somebody', true); END $$;
"""

CLEAN = """
DROP TABLE test_hidden; DROP FUNCTION test_hides; DROP FUNCTION test_writes;
DROP FUNCTION test_keeps; DROP FUNCTION test_keeps_by_query;
DROP FUNCTION test_locks_and_fails; DROP FUNCTION test_makes_temporary; DROP FUNCTION test_sets;
DROP FUNCTION test_sets_for_the_transaction;
"""


@pytest.fixture
def folder(cluster, own_catalog):
    cluster.primary.sql(SCHEMA)
    cluster.wait_until_replayed()
    yield own_catalog(CATALOG)
    cluster.primary.sql(CLEAN)


@pytest.fixture
def service(folder, start_cqrsd):
    return start_cqrsd(catalog=folder)


def held(node):
    return node.sql("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND classid = 12")


def test_a_lock_of_the_session_ends_with_its_command(service, cluster):
    answers = [service.command("locks").data["locked"] for _ in range(8)]

    assert answers == [True] * 8
    assert held(cluster.primary) == "0"


def test_a_lock_of_the_session_ends_with_a_command_that_fails(service, cluster):
    assert service.command("locks_and_fails").status == 422
    assert service.command("locks_and_fails", headers={"Idempotency-Key": "k"}).status == 422

    assert held(cluster.primary) == "0"


def test_a_lock_of_the_session_ends_within_a_group(service, cluster):
    answers = []

    async def client(load, number, connection):
        while not load.stopping:
            answers.append(await connection.command("locks", "ann"))

    with Load(service.address, client, 8):
        until(lambda: len(answers) > 300, "answers")

    until(lambda: held(cluster.primary) == "0", "all locks to be given back")
    # Who runs at the same time on another connection may find it taken; afterwards it is free.
    assert {answer.status for answer in answers} == {200}
    assert [service.command("locks").data["locked"] for _ in range(8)] == [True] * 8


def test_a_lock_of_the_session_ends_with_its_query(service, cluster):
    assert [service.query("reads_and_locks").data["locked"] for _ in range(8)] == [True] * 8

    assert [held(node) for node in cluster.replicas] == ["0", "0"]


def test_a_lock_of_the_session_ends_with_a_query_that_fails(service, cluster):
    assert service.query("reads_and_locks_and_fails", zero=0).status == 422

    until(lambda: [held(node) for node in cluster.replicas] == ["0", "0"], "the locks to end")


@pytest.mark.parametrize("what", ["setting", "SET", "LISTEN", "PREPARE", "cursor"])
def test_what_a_command_keeps_in_its_session_is_gone_for_the_next(service, what):
    assert [service.command("keeps", what=what).status for _ in range(8)] == [200] * 8

    assert {service.command("sees_kept").data["seen"] for _ in range(8)} == {""}


def test_what_a_query_keeps_in_its_session_is_gone_for_the_next(service):
    assert [service.query("keeps_by_query").status for _ in range(8)] == [200] * 8

    assert {service.query("sees_kept_by_query").data["seen"] for _ in range(8)} == {None}


def test_a_temporary_table_is_gone_for_the_next_command(service):
    assert [service.command("makes_temporary").status for _ in range(8)] == [200] * 8

    assert {service.command("sees_temporary").data["seen"] for _ in range(8)} == {None}


def test_a_query_makes_no_temporary_table(folder, start_cqrsd):
    """On the primary, too."""
    alone = start_cqrsd(catalog=folder, replicas=0)

    assert alone.query("hides_by_query").code == "query-writes"


@pytest.mark.parametrize("how", ["until the commit", "behind it"])
def test_no_command_of_a_group_writes_to_a_temporary_table_of_another(
        folder, start_cqrsd, cluster, how):
    """It has the name of the table that they write to, and is made by SQL that is composed at run
    time, so that no word of the function says so; and what a name means is looked up each time."""
    service = start_cqrsd(catalog=folder, loops=1, queue_wait_ms=20000, request_timeout_ms=30000)
    written, made = set(), []

    async def client(load, number, connection):
        for turn in itertools.count():
            if load.stopping:
                return
            if number < 4:
                made.append((await connection.command("hides", "ann", how=how)).status)
            elif (await connection.command("writes", "ann", number=100000 * number + turn)
                  ).status == 200:
                written.add(100000 * number + turn)

    with Load(service.address, client, 48):
        until(lambda: len(written) > 1500 and len(made) > 300, "answers", 40)

    assert set(made) == {200}
    there = cluster.primary.sql("SELECT number FROM test_hidden").split()
    assert written - {int(number) for number in there} == set()
    assert service.metrics().sum("cqrsd_command_group_calls_count") > 0


def test_check_names_what_a_statement_leaves_in_its_session(folder, cluster):
    done = run("check", catalog=folder, primary=cluster.primary.conninfo)

    assert done.returncode == 0, done.stderr
    told = [line for line in done.stderr.splitlines() if "session" in line]
    with contextlib.suppress(IndexError):
        assert ":3:" in told[0] and "warning" in told[0] and "pg_try_advisory_lock" in told[0]
    for wanted in ("set_config", "temporary", "pg_advisory_lock"):
        assert any(wanted in line for line in told), (wanted, done.stderr)
    assert len(told) == 8, done.stderr
