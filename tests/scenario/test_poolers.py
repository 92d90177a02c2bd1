"""A pooler between cqrsd and PostgreSQL: served in session mode, recognised in others."""

import contextlib

import pytest

from harness import pgbouncer
from harness.pgbouncer import PgBouncer
from harness.service import run
from harness.until import until

pytestmark = pytest.mark.skipif(not pgbouncer.program(), reason="PgBouncer is not installed")

CATALOG = """
-- query: bytes :one
SELECT '\\x00ff'::bytea AS bytes, 0.1::float8 + 0.2::float8 AS sum, '2 days'::interval AS days;

-- query: writes :one
SELECT test_pooled_put() AS number;

-- command: put :one
SELECT test_pooled_put() AS number;

-- query: count :one
SELECT count(*)::int AS number FROM test_pooled;

-- query: naps :one
SELECT pg_sleep(:seconds::float8)::text AS nap;
"""

SCHEMA = """
CREATE TABLE test_pooled (number int);
CREATE FUNCTION test_pooled_put() RETURNS int LANGUAGE sql AS
    'INSERT INTO test_pooled VALUES (1) RETURNING number';
ALTER DATABASE shop SET bytea_output = 'escape';
ALTER DATABASE shop SET extra_float_digits = 0;
ALTER DATABASE shop SET TimeZone = 'Asia/Tokyo';
"""

CLEAN = """
DROP FUNCTION test_pooled_put; DROP TABLE test_pooled;
ALTER DATABASE shop RESET ALL;
"""


# Ahead of pg_catalog: what is called by its bare name before the search_path is pinned is trapped.
TRAPS = """
CREATE SCHEMA test_trap;
CREATE FUNCTION test_trap.spring() RETURNS text LANGUAGE plpgsql AS
    $$ BEGIN RAISE EXCEPTION 'trapped'; END $$;
CREATE FUNCTION test_trap.current_setting(text) RETURNS text LANGUAGE sql AS
    'SELECT test_trap.spring()';
CREATE FUNCTION test_trap.set_config(text, text, boolean) RETURNS text LANGUAGE sql AS
    'SELECT test_trap.spring()';
CREATE FUNCTION test_trap.pg_backend_pid() RETURNS int LANGUAGE sql AS
    'SELECT test_trap.spring()::int';
CREATE FUNCTION test_trap.pg_is_in_recovery() RETURNS boolean LANGUAGE sql AS
    'SELECT test_trap.spring() IS NULL';
ALTER DATABASE shop SET search_path = test_trap, pg_catalog, public;
"""


@pytest.fixture
def traps(cluster):
    cluster.primary.sql(TRAPS)
    yield cluster
    cluster.primary.sql("SET search_path = pg_catalog; ALTER DATABASE shop RESET search_path;"
                        "DROP SCHEMA test_trap CASCADE")


@contextlib.contextmanager
def pooled(cluster, mode, more=""):
    """A pooler in front of the primary and of one replica."""
    with PgBouncer(cluster.primary, mode, more) as primary, \
            PgBouncer(cluster.replica(1), mode, more) as replica:
        yield primary, replica


@pytest.mark.parametrize("more", ["", "ignore_startup_parameters = options"],
                         ids=["refuses options", "drops options"])
def test_a_pooler_in_session_mode_is_served_as_postgresql_itself(
        schema, start_cqrsd, own_catalog, more):
    folder = own_catalog(CATALOG)
    with pooled(schema, "session", more) as (primary, replica):
        cqrsd = start_cqrsd(catalog=folder, primary=primary.conninfo, replica=[replica.conninfo])

        for consistency in ("session", "strong"):
            answer = cqrsd.query("bytes", headers={"Consistency": consistency})
            assert answer.data == {"bytes": "AP8=", "sum": 0.30000000000000004, "days": "P2D"}
            assert cqrsd.query("writes", headers={"Consistency": consistency}).status == 500
        for number in range(1, 30):
            assert cqrsd.command("put", user="ann").data == {"number": 1}
            assert cqrsd.query("count", user="ann").data == {"number": number}
        checked = run("check", catalog=folder, primary=primary.conninfo)
        assert "pooler" not in checked.stderr
        cqrsd.close()


@pytest.mark.parametrize("more", ["", "ignore_startup_parameters = options"],
                         ids=["refuses options", "drops options"])
def test_migrate_calls_nothing_of_another_schema_behind_a_pooler(traps, more):
    with PgBouncer(traps.primary, "session", more) as pooler:
        done = run("migrate", primary=pooler.conninfo)

    assert (done.returncode, "trapped" in done.stderr) == (0, False), done.stderr


def test_a_query_is_cancelled_behind_a_pooler(schema, start_cqrsd, own_catalog):
    with pooled(schema, "session") as (primary, replica):
        cqrsd = start_cqrsd(catalog=own_catalog(CATALOG), primary=primary.conninfo,
                            replica=[replica.conninfo], request_timeout_ms=300)

        assert cqrsd.query("naps", seconds=30).status in (503, 504)

        until(lambda: not schema.replica(1).sql(
            "SELECT pid FROM pg_stat_activity WHERE query LIKE '%pg_sleep%' AND state = 'active'"
            " AND pid <> pg_backend_pid()"), "the query to be cancelled")
        cqrsd.close()


@pytest.mark.parametrize("mode, more", [
    ("transaction", ""), ("transaction", "ignore_startup_parameters = options"),
    ("statement", "ignore_startup_parameters = options")],
    ids=["transaction", "transaction, drops options", "statement"])
def test_a_pooler_in_transaction_mode_is_recognised(schema, start_cqrsd, own_catalog, mode, more):
    folder = own_catalog(CATALOG)
    with pooled(schema, mode, more) as (primary, replica):
        checked = run("check", catalog=folder, primary=primary.conninfo,
                      replica=replica.conninfo)
        assert checked.returncode == 1
        assert "pooler" in checked.stderr and "session mode" in checked.stderr

        cqrsd = start_cqrsd(wait="alive", catalog=folder, primary=primary.conninfo,
                            replica=[replica.conninfo])
        until(lambda: "session mode" in cqrsd.log_text(), "the sentence in the log")
        until(lambda: cqrsd.query("count").status == 503, "queries to be refused")
        assert cqrsd.query("writes").status >= 500
        assert schema.primary.sql("SELECT count(*) FROM test_pooled") == "0"
        cqrsd.close()
