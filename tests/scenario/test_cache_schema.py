"""What a statement means, or may see, has changed: what was kept before is not given any more."""

import concurrent.futures

import pytest
from harness.kept import is_kept, role, until_kept
from harness.until import until

ROLE = "test_schema_app"

CATALOG = """
-- query: seen :one
-- @cache 600s
SELECT word FROM test_seen WHERE id = :id;

-- query: called :one
-- @cache 600s
-- @reads test_meant
SELECT test_word(:id::int) AS word;

-- query: meant :one
-- @cache 600s
SELECT number FROM test_meant WHERE id = :id;

-- query: uncached :many
SELECT id FROM test_guarded ORDER BY id;

-- query: through :many
SELECT id FROM test_through;

-- query: guarded :many
-- @cache 600s
SELECT id FROM test_guarded ORDER BY id;

-- command: write :exec
-- @param id int
-- @param word text
UPDATE test_later SET word = :word WHERE id = :id;
"""

SCHEMA = f"""
CREATE TABLE test_meant (id int PRIMARY KEY, number int, word text);
INSERT INTO test_meant SELECT i, i, 'before' FROM generate_series(1, 50) AS i;
CREATE TABLE test_later (id int PRIMARY KEY, word text);
INSERT INTO test_later SELECT i, 'after' FROM generate_series(1, 50) AS i;
CREATE VIEW test_seen AS SELECT id, word FROM test_meant;
CREATE FUNCTION test_word(int) RETURNS text LANGUAGE plpgsql STABLE AS
    $$ BEGIN RETURN (SELECT word FROM test_meant AS m WHERE m.id = $1); END $$;
CREATE TABLE test_guarded (id int PRIMARY KEY);
INSERT INTO test_guarded SELECT generate_series(1, 3);
ALTER TABLE test_guarded ENABLE ROW LEVEL SECURITY;
CREATE POLICY test_some ON test_guarded USING (id < 3);
CREATE ROLE {ROLE} LOGIN;
CREATE ROLE test_schema_group;
CREATE ROLE test_schema_clerks;
GRANT test_schema_group TO {ROLE};
GRANT SELECT ON test_meant, test_seen TO test_schema_group;
GRANT SELECT ON test_guarded TO {ROLE};
GRANT SELECT, UPDATE ON test_later TO {ROLE};
CREATE ROLE test_schema_owner;
CREATE VIEW test_through AS SELECT id FROM test_guarded ORDER BY id;
GRANT SELECT ON test_guarded TO test_schema_owner;
ALTER VIEW test_through OWNER TO test_schema_owner;
GRANT SELECT ON test_through TO {ROLE};
GRANT USAGE ON SCHEMA cqrsd TO {ROLE};
GRANT SELECT ON cqrsd.token_key TO {ROLE};
GRANT SELECT, INSERT, UPDATE, DELETE ON cqrsd.idempotency_key TO {ROLE};
"""

CLEAN = f"""
DROP VIEW test_seen, test_through;
DROP FUNCTION test_word;
DROP TABLE test_meant, test_later, test_guarded;
DROP OWNED BY {ROLE}, test_schema_group, test_schema_clerks, test_schema_owner;
DROP ROLE {ROLE}, test_schema_group, test_schema_clerks, test_schema_owner;
"""

# Nothing is watched, so that nothing but the stamp shows a change.
WAITS = {"wait_ms": 2000, "max_lag_ms": 0, "max_lag_bytes": 0}

REFUSED = "query-failed"

# Whether it does has been of the membership since PostgreSQL 16.
INHERITS_NO_MORE = f"""DO $$ BEGIN
  IF current_setting('server_version_num')::int >= 160000 THEN
    EXECUTE 'REVOKE INHERIT OPTION FOR test_schema_group FROM {ROLE}';
  ELSE
    ALTER ROLE {ROLE} NOINHERIT;
  END IF;
END $$"""

# What changes, the query, what it answers before and after.
CHANGES = {
    "a view is replaced": (
        "CREATE OR REPLACE VIEW test_seen AS SELECT id, upper(word) AS word FROM test_meant",
        "seen", "BEFORE"),
    "a function is replaced": (
        "CREATE OR REPLACE FUNCTION test_word(int) RETURNS text LANGUAGE plpgsql STABLE AS"
        " $$ BEGIN RETURN 'replaced'; END $$",
        "called", "replaced"),
    "a column is renamed": (
        "ALTER TABLE test_meant RENAME number TO old;"
        " ALTER TABLE test_meant ADD number int DEFAULT 77",
        "meant", 77),
    "a right is revoked": (
        "REVOKE SELECT ON test_meant FROM test_schema_group", "meant", REFUSED),
    "a right on a column is all that is left": (
        "REVOKE SELECT ON test_meant FROM test_schema_group;"
        " GRANT SELECT (id) ON test_meant TO test_schema_group", "meant", REFUSED),
    "a membership is revoked": (
        f"REVOKE test_schema_group FROM {ROLE}", "meant", REFUSED),
    "a role does not inherit any more": (
        INHERITS_NO_MORE, "meant", REFUSED),
    "a function is not for all any more": (
        "REVOKE EXECUTE ON FUNCTION test_word FROM PUBLIC", "called", REFUSED),
    "a policy is replaced": (
        "ALTER POLICY test_some ON test_guarded USING (id > 1)", "guarded", [2, 3]),
    "a policy is dropped": (
        "DROP POLICY test_some ON test_guarded", "guarded", []),
    "a policy is added": (
        "CREATE POLICY test_less ON test_guarded AS RESTRICTIVE USING (id = 1)", "guarded", [1]),
    "a policy is for others": (
        "ALTER POLICY test_some ON test_guarded TO test_schema_clerks", "guarded", []),
    "row level security is disabled": (
        "ALTER TABLE test_guarded DISABLE ROW LEVEL SECURITY", "guarded", [1, 2, 3]),
}


def as_role(cluster):
    lines = [node.conninfo.replace("postgres@", f"{ROLE}@") for node in cluster.nodes]
    return {"primary": lines[0], "replica": lines[1:]}


@pytest.fixture
def serve(schema, cluster, start_cqrsd, own_catalog):
    def start(**options):
        service = start_cqrsd(catalog=own_catalog(CATALOG),
                              **{**WAITS, **as_role(cluster), **options})
        until_kept(service, "seen", id=50)
        return service
    return start


def parameters(name):
    return {} if name == "guarded" else {"id": 7}


def answer(service, name):
    reply = service.query(name, **parameters(name))
    if reply.status != 200:
        return reply.code
    if name == "guarded":
        return [row["id"] for row in reply.data]
    return next(iter(reply.data.values()))


def keep(service, name):
    until_kept(service, name, what=f"{name} to be kept", **parameters(name))
    return answer(service, name)


@pytest.mark.parametrize("change", CHANGES)
def test_what_was_kept_before_a_change_is_not_given_behind_it(serve, cluster, change):
    sql, name, after = CHANGES[change]
    service = serve()
    before = keep(service, name)
    assert before != after

    cluster.primary.sql(sql)

    until(lambda: answer(service, name) == after, f"{after} behind that {change}", deadline_s=20)
    if after == REFUSED:
        return
    until_kept(service, name, what="answers to be kept again", **parameters(name))
    assert answer(service, name) == after


FOR_CLERKS = "CREATE POLICY test_clerks ON test_guarded TO test_schema_clerks USING (id = 3)"

# What was before, what changes, and the rows behind it.
ROLE_CHANGES = {
    "it bypasses row level security": (
        "", f"ALTER ROLE {ROLE} BYPASSRLS", [1, 2, 3]),
    "it does not any more": (
        f"ALTER ROLE {ROLE} BYPASSRLS", f"ALTER ROLE {ROLE} NOBYPASSRLS", [1, 2]),
    "it is a member of another role": (
        FOR_CLERKS, f"GRANT test_schema_clerks TO {ROLE}", [1, 2, 3]),
    "it is not any more": (
        f"{FOR_CLERKS}; GRANT test_schema_clerks TO {ROLE}",
        f"REVOKE test_schema_clerks FROM {ROLE}", [1, 2]),
    "another role does not bypass it, by which a view reads": (
        "ALTER ROLE test_schema_owner BYPASSRLS", "ALTER ROLE test_schema_owner NOBYPASSRLS",
        [1, 2]),
}


def guarded(service, pool, name, count=64):
    """What many answer who ask at once, so that all connections answer."""
    return [[row["id"] for row in reply.data]
            for reply in pool.map(lambda _: service.query(name), range(count))]


@pytest.mark.parametrize("options", [{}, {"replica": []}], ids=["replicas", "a-lone-node"])
@pytest.mark.parametrize("change", ROLE_CHANGES)
def test_nodes_answer_by_the_roles_of_now(serve, cluster, change, options):
    """What a connection has prepared PostgreSQL goes on to run by the row security of before."""
    before, sql, rows = ROLE_CHANGES[change]
    through = "through" if "view" in change else "uncached"
    cluster.primary.sql(before)
    cluster.wait_until_replayed()
    service = serve(**options)
    with concurrent.futures.ThreadPoolExecutor(32) as pool:
        shown = guarded(service, pool, through)
        assert rows not in shown
        keep(service, "guarded")

        cluster.primary.sql(sql)

        until(lambda: guarded(service, pool, through) == 64 * [rows], "the rows of now",
              deadline_s=20)
    if through == "uncached":
        keep(service, "guarded")
        assert answer(service, "guarded") == rows


@pytest.fixture
def elsewhere(schema):
    """Undoes each way to set a search path, whatever became of the story."""
    yield
    for node in schema.nodes:
        node.sql("ALTER SYSTEM RESET search_path; SELECT pg_reload_conf()")
    schema.primary.sql("DROP SCHEMA IF EXISTS test_elsewhere CASCADE")


ELSEWHERE = ("CREATE SCHEMA test_elsewhere; CREATE VIEW test_elsewhere.test_seen AS"
             " SELECT id, 'elsewhere' AS word FROM test_later;"
             f" GRANT USAGE ON SCHEMA test_elsewhere TO {ROLE};"
             f" GRANT SELECT ON test_elsewhere.test_seen TO {ROLE}")


@pytest.mark.parametrize("used", [True, False])
@pytest.mark.parametrize("where", ["of the role", "of the servers"])
def test_names_are_looked_up_where_the_search_path_says_now(serve, cluster, elsewhere, where, used):
    """A session keeps the settings of its role as they were when it began, used or not; statements
    would go on to be answered by both."""
    cluster.primary.sql(ELSEWHERE)
    cluster.wait_until_replayed()
    service = serve()
    with concurrent.futures.ThreadPoolExecutor(32) as pool:
        if used:
            words(service, pool)
        assert keep(service, "seen") == "before"

        if where == "of the role":
            cluster.primary.sql(f"ALTER ROLE {ROLE} SET search_path = test_elsewhere, public")
        else:
            for node in reversed(cluster.nodes):
                node.sql("ALTER SYSTEM SET search_path = test_elsewhere, public;"
                         " SELECT pg_reload_conf()")

        until(lambda: words(service, pool) == {"elsewhere"}, "the other view", deadline_s=20)
    keep(service, "seen")
    for word in ("written", "again"):
        service.command("write", user="ann", id=7, word=word)
        assert service.query("seen", user="ann", id=7).data["word"] == "elsewhere"


def words(service, pool):
    return {reply.data["word"] if reply.status == 200 else reply.code
            for reply in pool.map(lambda number: service.query("seen", id=number % 32 + 1),
                                  range(128))}


def test_a_table_that_is_unlogged_by_now_is_not_kept(serve, cluster):
    """A crash would empty it, and nothing would say so."""
    service = serve(replica=[])
    keep(service, "meant")

    cluster.primary.sql("ALTER TABLE test_meant SET UNLOGGED")

    until(lambda: changes(service) == 1, "the change to be seen", deadline_s=20)
    until(lambda: "meant are not kept" in service.log_text() or
          not is_kept(service, "meant", id=7), "its answers not to be kept")
    for _ in range(3):
        assert not is_kept(service, "meant", id=7)


def test_a_view_that_reads_another_table_is_touched_by_its_commands(serve, cluster):
    """What a query reads is asked for again, not only the query."""
    service = serve()
    assert keep(service, "seen") == "before"

    cluster.primary.sql("CREATE OR REPLACE VIEW test_seen AS SELECT id, word FROM test_later")

    until(lambda: answer(service, "seen") == "after", "what the other table holds", deadline_s=20)
    keep(service, "seen")
    for word in ("written", "again"):
        service.command("write", user="ann", id=7, word=word)
        assert service.query("seen", user="ann", id=7).data["word"] == word
        until_kept(service, "seen", user="ann", id=7, what="it to be kept")


def test_two_instances_see_it_each_for_itself(schema, cluster, start_cqrsd, own_catalog):
    services = [start_cqrsd(catalog=own_catalog(CATALOG), **WAITS, **as_role(cluster))
                for _ in range(2)]
    for service in services:
        assert keep(service, "seen") == "before"

    cluster.primary.sql(CHANGES["a view is replaced"][0])

    for service in services:
        until(lambda: answer(service, "seen") == "BEFORE", "the new view",  # noqa: B023
              deadline_s=20)


def test_a_replica_that_is_behind_brings_nothing_back(serve, cluster):
    """What it answers is of before the change, however late that is."""
    service = serve(wait_ms=100)
    assert keep(service, "seen") == "before"
    for replica in cluster.replicas:
        replica.pause_replay()

    cluster.primary.sql(CHANGES["a view is replaced"][0])
    until(lambda: changes(service) == 1, "the change to be seen", deadline_s=20)
    until(lambda: service.query("meant", id=9, consistency="eventual").status == 200, "an answer")
    assert not is_kept(service, "seen", id=7, consistency="eventual")
    for replica in cluster.replicas:
        replica.resume_replay()

    until(lambda: answer(service, "seen") == "BEFORE", "the new view", deadline_s=20)
    until_kept(service, "seen", id=7, what="it to be kept")
    assert answer(service, "seen") == "BEFORE"


def changes(service):
    return sum(value for _, value in service.metrics().values("cqrsd_cache_schema_changes_total"))


@pytest.mark.parametrize("work", [
    "UPDATE test_meant SET number = number",
    "CREATE TEMPORARY TABLE test_passing (id int); INSERT INTO test_passing VALUES (1)",
    "CREATE FUNCTION pg_temp.test_passing() RETURNS int LANGUAGE sql AS 'SELECT 1'",
    "VACUUM FULL test_meant",
    "TRUNCATE test_later; REINDEX TABLE test_later; ANALYZE test_later",
    "ANALYZE; VACUUM test_meant",
    f"ALTER ROLE {ROLE} PASSWORD 'other'",
])
def test_what_changes_no_meaning_leaves_what_is_kept(serve, cluster, work):
    service = serve()
    keep(service, "seen")

    cluster.primary.sql(work)
    read = stamps(cluster)
    until(lambda: stamps(cluster) >= read + 3, "stamps to be read", deadline_s=30)

    assert role(service.query("seen", id=7)) == "cache"
    assert changes(service) == 0


def stamps(cluster):
    """How many were read, as PostgreSQL has counted them so far: nothing else goes through these
    dictionaries."""
    return int(cluster.primary.sql("SELECT coalesce(seq_scan, 0) + coalesce(idx_scan, 0)"
                                   " FROM pg_stat_sys_tables WHERE relname = 'pg_ts_dict'"))
