"""cqrsd check: what only PostgreSQL can tell of defaults, plans, rows and nodes."""

import json

import pytest
from harness.service import run


def check(cluster, folder, **options):
    return run("check", primary=cluster.primary.conninfo, catalog=folder,
               replica=[node.conninfo for node in cluster.replicas], **options)


@pytest.mark.parametrize("text, says", [
    ("-- query: a :many\n-- @param n int = few\nSELECT number FROM cells WHERE number = :n;\n",
     "operations.sql:2:11: error: the default of \"n\": "),
    ("-- query: a :many\nSELECT :v IS NULL;\n",
     "operations.sql:2:8: error: could not determine data type of parameter :v"),
    ("-- query: a :one\n-- @param v What to show\nSELECT :v;\n",
     "operations.sql:2:11: error: type \"What\" does not exist"),
    ("-- query: a :many\nSELECT * FROM (SELECT * FROM cells FOR UPDATE) AS c"
     " WHERE number = :n;\n",
     "operations.sql:2:1: error: a query may not lock rows (LockRows)"),
    ("-- query: a :exec\nTRUNCATE cells;\n",
     "operations.sql:2:1: error: a query may not write (TRUNCATE)"),
    ("-- command: a :one\nDELETE FROM cells WHERE number = :n;\n",
     "operations.sql:2:1: error: the statement returns no columns"),
    ("-- query: a :one\nSELECT coll FROM (SELECT 1 AS col) AS c;\n",
     "operations.sql:2:8: note: Perhaps you meant to reference the column \"c.col\"."),
    ("-- query: a :many\nSELECT a.*, b.* FROM cells AS a JOIN cells AS b USING (owner);\n",
     "operations.sql:2:1: error: two of its columns are named \"number\""),
    ("-- query: a :one\nSELECT 1, 2;\n",
     "operations.sql:2:1: error: two of its columns are named \"?column?\""),
    ("-- command: a :one\n\n  DELETE FROM cells WHERE number = 1 RETURNING *, owner;\n",
     "operations.sql:3:3: error: two of its columns are named \"owner\""),
], ids=["default", "untyped", "description", "hidden lock", "truncate", "no rows", "hint",
        "two columns", "two without a name", "returning"])
def test_a_mistake_is_told_at_its_place(cluster, own_catalog, text, says):
    done = check(cluster, own_catalog(text))

    assert done.returncode == 1
    assert says in done.stderr


@pytest.mark.parametrize("text", [
    "-- query: a :one\nSHOW server_version;\n",
    "-- query: a :one\n-- @param v text = 'it''s \\'\nSELECT :v::text AS v;\n",
    "-- query: a :many\n(SELECT 1 AS n) UNION ALL VALUES (:n::int);\n",
    "-- command: a :exec\nTRUNCATE cells;\n",
    "-- query: a :exec\nSELECT 1, 2;\n",
    "-- query: a :one\nSELECT '\"Node Type\": \"LockRows\"' AS v;\n",
], ids=["show", "quotes", "parentheses", "truncate", "dropped columns",
        "words of plans"])
def test_what_is_sound_is_not_complained_about(cluster, own_catalog, text):
    done = check(cluster, own_catalog(text))

    assert done.returncode == 0, done.stderr


def test_who_is_primary_is_found_out_by_asking(cluster, own_catalog):
    folder = own_catalog("-- query: a :one\nSELECT 1 AS n;\n")
    done = run("check", primary=cluster.replicas[0].conninfo, catalog=folder,
               replica=[cluster.primary.conninfo], json=True)
    nodes = json.loads(done.stdout)["nodes"]

    assert done.returncode == 0, done.stderr
    assert [node["role"] for node in nodes] == ["primary", "replica"]


def test_a_check_without_a_primary_fails(cluster, own_catalog):
    done = run("check", primary=cluster.replicas[0].conninfo,
               catalog=own_catalog("-- query: a :one\nSELECT 1 AS n;\n"))

    assert done.returncode == 1
    assert "primary" in done.stderr


def test_a_connection_string_that_cannot_be_read_is_wrong_usage(own_catalog):
    done = run("check", primary="nonsense=1",
               catalog=own_catalog("-- query: a :one\nSELECT 1 AS n;\n"))

    assert done.returncode == 2


def test_machines_are_told_each_finding_with_its_place(cluster, own_catalog):
    done = check(cluster, own_catalog("-- query: a :one\nSELECT nope;\n"), json=True)
    found = json.loads(done.stdout)

    assert found["ok"] is False
    assert (found["operations"], found["queries"], found["commands"]) == (1, 1, 0)
    placed, = [finding for finding in found["findings"] if "file" in finding]
    assert (placed["file"], placed["line"], placed["column"]) == ("operations.sql", 2, 8)
    assert "nope" in placed["message"]


PROCEDURES = """
CREATE PROCEDURE check_commits(v int) LANGUAGE plpgsql AS $$ BEGIN
    INSERT INTO cells VALUES ('check', v);
    COMMIT AND CHAIN; END $$;
CREATE PROCEDURE check_stays(v int) LANGUAGE plpgsql AS $$ BEGIN
    -- no COMMIT; here
    PERFORM 'on commit drop'; END $$;
"""


def test_a_procedure_that_commits_is_warned_of(cluster, own_catalog):
    cluster.primary.sql(PROCEDURES)
    cluster.wait_until_replayed()
    try:
        done = check(cluster, own_catalog(
            "-- command: a :exec\n-- @param v int\nCALL public.check_commits(:v);\n\n"
            "-- command: b :exec\n-- @param v int\nCALL \"check_commits\" (:v);\n\n"
            "-- command: c :exec\n-- @param v int\nCALL check_stays(:v);\n"))
    finally:
        cluster.primary.sql("DROP PROCEDURE check_commits; DROP PROCEDURE check_stays")

    assert done.returncode == 0, done.stderr
    for line in (3, 7):
        assert f"operations.sql:{line}:1: warning: procedure check_commits(" in done.stderr
    assert "check_stays" not in done.stderr


EARLY = """
CREATE FUNCTION early_by_setting() RETURNS int LANGUAGE sql
    SET synchronous_commit = off AS 'SELECT 1';
CREATE FUNCTION early_by_text() RETURNS text LANGUAGE sql
    AS $$ SELECT set_config('Synchronous_Commit', 'off', true) $$;
CREATE FUNCTION not_early() RETURNS int LANGUAGE sql
    SET synchronous_commit = local AS 'SELECT 1';
"""
LATE = """
DROP FUNCTION early_by_setting(); DROP FUNCTION early_by_text(); DROP FUNCTION not_early();
"""
PING = "-- query: a :one\nSELECT 1 AS one;\n"


def test_functions_and_operations_that_commit_early_are_warned_of(cluster, own_catalog):
    cluster.primary.sql(EARLY)
    cluster.wait_until_replayed()
    try:
        done = check(cluster, own_catalog(
            PING + "-- command: b :exec\nSELECT set_config('synchronous_commit', 'off', true);\n"))
    finally:
        cluster.primary.sql(LATE)

    assert done.returncode == 0, done.stderr
    assert "set or named by early_by_setting(), early_by_text(): " in done.stderr
    assert "operations.sql:4:1: warning: it names synchronous_commit" in done.stderr
    assert "not_early" not in done.stderr


@pytest.mark.parametrize("settings, says", [
    ("ALTER ROLE postgres SET synchronous_commit = off",
     "is off for this role, by a setting of the role: "),
    ("ALTER DATABASE shop SET synchronous_commit = off",
     "is off for this role, by a setting of its database: "),
    ("ALTER ROLE postgres IN DATABASE shop SET synchronous_commit = off",
     "is off for this role, by a setting of the role in its database: "),
    ("ALTER SYSTEM SET synchronous_commit = off",
     "is off for this role, by a setting of the cluster: "),
    ("ALTER ROLE hasty SET synchronous_commit = 'false'", "is off for role hasty: "),
    ("ALTER ROLE hasty IN DATABASE shop SET synchronous_commit = off",
     "is off for role hasty in database shop: "),
    ("ALTER ROLE ALL SET synchronous_commit = off", "is off for all roles: "),
    ("ALTER ROLE hasty IN DATABASE postgres SET synchronous_commit = off", None),
    ("ALTER ROLE hasty SET synchronous_commit = local", None),
])
def test_who_commits_early_is_warned_of_with_what_that_does(cluster, own_catalog, settings, says):
    node = cluster.primary
    node.sql("CREATE ROLE hasty")
    node.sql(settings)
    node.sql("SELECT pg_reload_conf()")
    try:
        done = check(cluster, own_catalog(PING))
    finally:
        node.sql(settings.partition(" SET ")[0] + " RESET synchronous_commit")
        node.sql("SELECT pg_reload_conf()")
        node.sql("DROP ROLE hasty")

    assert done.returncode == 0, done.stderr
    if says is None:
        assert "synchronous_commit" not in done.stderr
    else:
        assert says in done.stderr
        assert "read index" in done.stderr
