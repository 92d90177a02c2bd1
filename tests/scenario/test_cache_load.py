"""Which queries may be cached, and for whom: as PostgreSQL has understood their statements."""

import json

import pytest
from harness import service as harness_service

SCHEMA = """
CREATE SCHEMA test_c;
CREATE TABLE test_c.a (id int PRIMARY KEY, number int, at timestamptz, doc jsonb, word text);
CREATE TABLE test_c.b (id int PRIMARY KEY, number int);
CREATE TABLE test_c.parted (id int, number int) PARTITION BY RANGE (id);
CREATE TABLE test_c.low PARTITION OF test_c.parted FOR VALUES FROM (0) TO (10);
CREATE UNLOGGED TABLE test_c.unlogged (id int);
CREATE MATERIALIZED VIEW test_c.made AS SELECT id FROM test_c.a;
CREATE SEQUENCE test_c.numbers;
CREATE TABLE test_c.secured (id int, who text);
CREATE POLICY own ON test_c.secured USING (who = current_setting('request.jwt.claims', true));
ALTER TABLE test_c.secured ENABLE ROW LEVEL SECURITY;
CREATE TABLE test_c.ruled (id int);
CREATE POLICY known ON test_c.ruled USING (id IN (SELECT id FROM test_c.b WHERE random() > 0));
ALTER TABLE test_c.ruled ENABLE ROW LEVEL SECURITY;
CREATE TABLE test_c.writers (id int);
CREATE POLICY written ON test_c.writers FOR INSERT WITH CHECK (now() > '2000-01-01');
ALTER TABLE test_c.writers ENABLE ROW LEVEL SECURITY;
CREATE VIEW test_c.plain AS SELECT id, number FROM test_c.a WHERE number > 1;
CREATE VIEW test_c.recent AS SELECT id FROM test_c.a WHERE at > now() - interval '1 day';
CREATE VIEW test_c.of_recent AS SELECT id FROM test_c.recent;
CREATE VIEW test_c.of_secured WITH (security_barrier) AS SELECT id FROM test_c.secured;
CREATE VIEW test_c.invoked WITH (security_invoker) AS SELECT id FROM test_c.of_secured;
CREATE VIEW test_c.mine AS SELECT id FROM test_c.a WHERE word = current_user;
CREATE VIEW test_c.of_made AS SELECT id FROM test_c.made;
CREATE FUNCTION test_c.immutable(int) RETURNS int IMMUTABLE LANGUAGE sql AS 'SELECT $1 + 1';
CREATE FUNCTION test_c.stable() RETURNS int STABLE LANGUAGE plpgsql AS
    $$ BEGIN RETURN (SELECT count(*) FROM test_c.b); END $$;
CREATE FUNCTION test_c.timed() RETURNS int STABLE LANGUAGE sql AS
    'SELECT extract(hour FROM CURRENT_TIMESTAMP)::int';
CREATE FUNCTION test_c.calling() RETURNS int STABLE LANGUAGE plpgsql AS
    $$ BEGIN RETURN test_c.timed(); END $$;
CREATE FUNCTION test_c.volatile() RETURNS int LANGUAGE sql AS 'SELECT 1';
CREATE FUNCTION test_c.parsed() RETURNS bigint STABLE LANGUAGE sql
    BEGIN ATOMIC SELECT count(*) FROM test_c.b; END;
CREATE FUNCTION test_c.parsed_user() RETURNS text STABLE LANGUAGE sql
    BEGIN ATOMIC SELECT current_user::text; END;
CREATE FUNCTION test_c.parsed_time() RETURNS timestamptz STABLE LANGUAGE sql
    BEGIN ATOMIC SELECT now(); END;
CREATE FUNCTION test_c.add(int, int) RETURNS int LANGUAGE sql AS 'SELECT $1 + $2';
CREATE AGGREGATE test_c.sum_of (int) (SFUNC = test_c.add, STYPE = int);
CREATE FUNCTION test_c.less(int, int) RETURNS boolean LANGUAGE sql AS 'SELECT $1 < $2';
CREATE OPERATOR test_c.<<< (LEFTARG = int, RIGHTARG = int, FUNCTION = test_c.less);
CREATE FUNCTION test_c.left_out(int, u text DEFAULT current_user, t date DEFAULT now()) RETURNS int
    IMMUTABLE LANGUAGE sql AS 'SELECT $1';
CREATE DOMAIN test_c.aged AS int CHECK (VALUE < extract(epoch FROM now()));
CREATE TYPE test_c.pair AS (one int, two int);
CREATE FUNCTION test_c.as_pair(test_c.pair) RETURNS text STABLE LANGUAGE plpgsql AS
    $$ BEGIN RETURN ''; END $$;
CREATE CAST (test_c.pair AS text) WITH FUNCTION test_c.as_pair(test_c.pair);
"""

CLEAN = "DROP SCHEMA IF EXISTS test_c CASCADE"

ALL = "for all callers"
OWN = "for each caller apart"
AGE = ": its answers age by themselves (volatile=ok takes that)"
DIFFER = ": its answers differ though no table has changed (volatile=ok takes that)"
UNREAD = ", which may read anything: @reads says what"
COUNTS = ", which is of a sequence"
SECURED = (f"{OWN}, since it calls current_setting(text,boolean); reads test_c.secured, which has"
           " row level security")
READS = "@reads test_c.b"

# Options, the statement, and what is said of it: for whom it is cached, or why it is not.
CASES = [
    ("", "SELECT id, number FROM test_c.a WHERE id = :id", ALL),
    ("", "SELECT count(*) OVER (PARTITION BY number) AS n, max(number) OVER () AS m FROM test_c.a",
     ALL),
    ("", "SELECT to_char(at, 'YYYY-MM') AS month, date_trunc('day', at) AS day FROM test_c.a", ALL),
    ("", "SELECT doc ->> 'x' AS x, jsonb_build_object('n', number) AS o FROM test_c.a", ALL),
    ("", "SELECT x.k FROM test_c.a, jsonb_to_recordset(doc) AS x (k text)", ALL),
    ("", "SELECT extract(year FROM at) AS y, age(at, '2020-01-01') AS a FROM test_c.a", ALL),
    ("", "SELECT to_tsvector('simple', word) AS t, format('%s', word) AS f FROM test_c.a", ALL),
    ("", "SELECT string_agg(word, ',') AS s, json_agg(number) AS j FROM test_c.a", ALL),
    ("", "SELECT pg_typeof(id)::text AS t, pg_column_size(doc) AS s FROM test_c.a", ALL),
    ("", "SELECT d::date AS d FROM generate_series(:a::timestamptz, :b, '1 day') AS d", ALL),
    ("", "SELECT current_catalog::text AS c, current_schema()::text AS s", ALL),
    ("", "SELECT tableoid::int8 AS t, xmin::text AS version FROM test_c.a", ALL),
    ("", "SELECT number FROM test_c.parted", ALL),
    ("", "SELECT id FROM test_c.plain", ALL),
    ("", "WITH RECURSIVE r (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r WHERE n < 9)"
     " SELECT n FROM r", ALL),
    ("", "VALUES (1), (2)", ALL),
    ("", "SELECT test_c.immutable(number) AS n FROM test_c.a", ALL),
    ("vary=none", "SELECT id FROM test_c.a", ALL),
    ("vary=user", "SELECT id FROM test_c.a", OWN),
    # Who asks.
    ("", "SELECT :request_user::text AS u", OWN),
    ("", "SELECT CURRENT_USER::text AS u", f"{OWN}, since it has CURRENT_USER"),
    ("", "SELECT id FROM test_c.a WHERE word = session_user",
     f"{OWN}, since it has SESSION_USER"),
    ("", "SELECT USER::text AS u", f"{OWN}, since it has USER"),
    ("", "SELECT CURRENT_ROLE::text AS u", f"{OWN}, since it has CURRENT_ROLE"),
    ("", "SELECT current_setting('request.jwt.claims', true) AS c",
     f"{OWN}, since it calls current_setting(text,boolean)"),
    ("", "SELECT has_table_privilege('test_c.a', 'SELECT') AS h",
     f"{OWN}, since it calls has_table_privilege(text,text)"),
    ("", "SELECT pg_has_role('pg_monitor', 'MEMBER') AS h",
     f"{OWN}, since it calls pg_has_role(name,text)"),
    ("", "SELECT row_security_active('test_c.a') AS h",
     f"{OWN}, since it calls row_security_active(text)"),
    ("", "SELECT id FROM test_c.secured", SECURED),
    ("", "SELECT id FROM test_c.invoked", SECURED),
    ("", "SELECT id FROM test_c.writers",
     f"{OWN}, since it reads test_c.writers, which has row level security"),
    ("", "SELECT id FROM test_c.mine", f"{OWN}, since it has CURRENT_USER"),
    ("volatile=ok", "SELECT test_c.left_out(1) AS n", f"{OWN}, since it has CURRENT_USER"),
    ("vary=none", "SELECT id FROM test_c.of_secured",
     "vary=none, but it calls current_setting(text,boolean); reads test_c.secured, which has row"
     " level security"),
    ("vary=none", "SELECT id FROM test_c.a WHERE word = CURRENT_USER",
     "vary=none, but it has CURRENT_USER"),
    (f"\n-- {READS}", "SELECT test_c.stable() AS n",
     f"{OWN}, since it calls test_c.stable(), which may see who asks"),
    (f"vary=none\n-- {READS}", "SELECT test_c.stable() AS n",
     "vary=none, but it calls test_c.stable(), which may see who asks"),
    (f"\n-- {READS}", "SELECT test_c.parsed() AS n", ALL),
    (f"\n-- {READS}", "SELECT test_c.parsed_user() AS n", f"{OWN}, since it has CURRENT_USER"),
    (f"\n-- {READS}", "SELECT ROW(1, 2)::test_c.pair::text AS n",
     f"{OWN}, since it calls test_c.as_pair(test_c.pair), which may see who asks"),
    # The time.
    ("", "SELECT now() AS t", f"it calls now(){AGE}"),
    ("", "SELECT transaction_timestamp() AS t", f"it calls transaction_timestamp(){AGE}"),
    ("", "SELECT statement_timestamp() AS t", f"it calls statement_timestamp(){AGE}"),
    ("", "SELECT clock_timestamp() AS t", f"it calls clock_timestamp(){AGE}"),
    ("", "SELECT timeofday() AS t", f"it calls timeofday(){AGE}"),
    ("", "SELECT CURRENT_DATE AS t", f"it has CURRENT_DATE{AGE}"),
    ("", "SELECT CURRENT_TIME AS t", f"it has CURRENT_TIME{AGE}"),
    ("", "SELECT CURRENT_TIMESTAMP AS t", f"it has CURRENT_TIMESTAMP{AGE}"),
    ("", "SELECT LOCALTIME(0) AS t", f"it has LOCALTIME{AGE}"),
    ("", "SELECT LOCALTIMESTAMP(3) AS t", f"it has LOCALTIMESTAMP{AGE}"),
    ("", "SELECT age(at) AS a FROM test_c.a",
     f"it calls age(timestamp with time zone){AGE}"),
    ("", "SELECT id FROM test_c.of_recent", f"it calls now(){AGE}"),
    ("", "SELECT 3::test_c.aged AS n", f"it calls now(){AGE}"),
    ("", "SELECT test_c.left_out(1) AS n", f"it calls now(){AGE}"),
    (f"\n-- {READS}", "SELECT test_c.parsed_time() AS t", f"it calls now(){AGE}"),
    (f"\n-- {READS}", "SELECT test_c.calling() AS t",
     f"it calls test_c.calling(), whose text has the time{AGE}"),
    ("volatile=ok", "SELECT id FROM test_c.recent", ALL),
    ("volatile=ok", "SELECT random() AS r, CURRENT_DATE AS d", ALL),
    # What no table holds.
    ("", "SELECT random() AS r", f"it calls random(){DIFFER}"),
    ("", "SELECT id FROM test_c.a ORDER BY random() LIMIT 1", f"it calls random(){DIFFER}"),
    ("", "SELECT gen_random_uuid() AS r", f"it calls gen_random_uuid(){DIFFER}"),
    ("", "SELECT txid_current_snapshot()::text AS x", f"it calls txid_current_snapshot(){DIFFER}"),
    ("", "SELECT pg_current_xact_id_if_assigned()::text AS x",
     f"it calls pg_current_xact_id_if_assigned(){DIFFER}"),
    ("", "SELECT pg_backend_pid() AS p", f"it calls pg_backend_pid(){DIFFER}"),
    ("", "SELECT inet_server_port() AS p", f"it calls inet_server_port(){DIFFER}"),
    ("", "SELECT pg_is_in_recovery() AS p", f"it calls pg_is_in_recovery(){DIFFER}"),
    ("", "SELECT pg_get_viewdef('test_c.plain') AS v", f"it calls pg_get_viewdef(text){DIFFER}"),
    ("", "SELECT id FROM test_c.a TABLESAMPLE SYSTEM (10)", f"it has TABLESAMPLE{DIFFER}"),
    ("", "SELECT ctid::text AS c FROM test_c.a",
     f"it has a system column other than xmin and tableoid{DIFFER}"),
    ("", "SELECT id FROM test_c.ruled", f"it calls random(){DIFFER}"),
    (f"\n-- {READS}", "SELECT test_c.volatile() AS n", f"it calls test_c.volatile(){DIFFER}"),
    (f"\n-- {READS}", "SELECT test_c.sum_of(number) AS n FROM test_c.a",
     f"it calls test_c.add(integer,integer){DIFFER}"),
    (f"\n-- {READS}", "SELECT id FROM test_c.a WHERE id OPERATOR(test_c.<<<) 3",
     f"it calls test_c.less(integer,integer){DIFFER}"),
    # Never.
    ("volatile=ok", "SELECT nextval('test_c.numbers') AS n", f"it calls nextval(regclass){COUNTS}"),
    ("volatile=ok", "SELECT lastval() AS n", f"it calls lastval(){COUNTS}"),
    ("volatile=ok", "SELECT currval('test_c.numbers') AS n", f"it calls currval(regclass){COUNTS}"),
    ("", "SELECT last_value FROM test_c.numbers",
     "it reads test_c.numbers, which is a sequence"),
    ("", "SELECT id FROM test_c.made", "it reads test_c.made, which is a materialized view"),
    ("", "SELECT id FROM test_c.of_made", "it reads test_c.made, which is a materialized view"),
    ("", "SELECT id FROM test_c.unlogged", "it reads test_c.unlogged, which is unlogged"),
    ("", "SELECT relname::text AS r FROM pg_class", "it reads pg_class, which is of the system"),
    ("", "SELECT table_name::text AS r FROM information_schema.tables",
     "it reads pg_class, which is of the system"),
    ("", "SHOW work_mem", "it has no plan"),
    ("", "SELECT test_c.stable() AS n", f"it calls test_c.stable(){UNREAD}"),
    ("", "SELECT test_c.parsed() AS n", f"it calls test_c.parsed(){UNREAD}"),
    ("volatile=ok", "SELECT test_c.volatile() AS n", f"it calls test_c.volatile(){UNREAD}"),
    ("volatile=ok", "SELECT query_to_xml('SELECT 1', true, true, '')::text AS x",
     f"it calls query_to_xml(text,boolean,boolean,text){UNREAD}"),
]


def check(cluster, folder, **options):
    done = harness_service.run("check", primary=cluster.primary.conninfo, catalog=folder,
                               json=True, **options)
    return done, [finding for finding in json.loads(done.stdout)["findings"]]


def query(name, options, statement):
    return f"-- query: {name} :many\n-- @cache 30s {options}\n{statement};\n"


def said_of(findings, name):
    """What was found of one query: kinds and texts."""
    marks = {f"@cache of {name} is refused: ": "error", f"answers of {name} are cached ": "note"}
    return [finding["message"].removeprefix(mark) for mark, kind in marks.items()
            for finding in findings
            if finding["message"].startswith(mark) and finding["kind"] == kind]


def test_what_is_cached_for_whom(schema, own_catalog):
    """One check for all of them, so that it stays quick."""
    folder = own_catalog("\n".join(query(f"q{number}", options, statement)
                                   for number, (options, statement, _) in enumerate(CASES)))
    _, findings = check(schema, folder, explain=True)

    wrong = []
    for number, (options, statement, expected) in enumerate(CASES):
        said = said_of(findings, f"q{number}")
        if len(said) != 1 or not said[0].startswith(expected) or (
                expected == ALL and "since" in said[0]):
            wrong.append((options, statement, expected, said))
    assert not wrong, "\n".join(map(str, wrong))


def found(cluster, statement, before="", declared="NULL"):
    """Kinds and names, asked in one session."""
    rows = cluster.primary.sql(
        f"{before}; SELECT kind || ' ' || name || coalesce(': ' || wrong, '')"
        f" FROM cqrsd.cache_reads($q${statement}$q$, '{{}}', {declared})")
    return set(rows.splitlines())


def test_temporary_and_foreign_tables_are_never_cached(schema):
    assert found(schema, "SELECT id FROM gone", "CREATE TEMP TABLE gone (id int)") == {
        "relation gone: replicas do not have it", "never reads gone, which is temporary"}
    made = ("BEGIN; CREATE FOREIGN DATA WRAPPER test_w; CREATE SERVER test_s FOREIGN DATA WRAPPER"
            " test_w; CREATE FOREIGN TABLE test_c.far PARTITION OF test_c.parted FOR VALUES FROM"
            " (10) TO (20) SERVER test_s")
    assert "never reads test_c.far, which is a foreign table" in found(
        schema, "SELECT id FROM test_c.parted", made)


def test_what_policies_read_is_read(schema):
    """A policy is the only thing that names the table."""
    names = found(schema, "SELECT id FROM test_c.ruled")

    assert "relation test_c.ruled: it is not watched" in names
    assert "relation test_c.b: it is not watched" in names
    done = harness_service.run("watch", "test_c.ruled", "test_c.b",
                               primary=schema.primary.conninfo)
    assert done.returncode == 0, done.stderr
    assert {"relation test_c.ruled", "relation test_c.b"} <= found(
        schema, "SELECT id FROM test_c.ruled")


def test_a_policy_that_changes_is_a_change_of_the_shape(schema):
    shape = "SELECT cqrsd.feed_shape(ARRAY['test_c.secured'::regclass::oid], '{}')"
    seen = schema.primary.sql(
        f"{shape}; ALTER POLICY own ON test_c.secured USING (true); {shape};"
        f" CREATE POLICY other ON test_c.secured USING (id = 1); {shape}; {shape}").splitlines()
    shapes = [line for line in seen if line.lstrip("-").isdigit()]

    assert len(set(shapes[:3])) == 3 and shapes[2] == shapes[3], seen


@pytest.mark.parametrize("statement", [
    "SELECT test_c.stable()", "SELECT test_c.parsed()", "SELECT has_schema_privilege('test_c', $1)",
    "SELECT pg_get_viewdef('test_c.plain')", "SELECT id FROM test_c.a WHERE test_c.stable() > id"])
def test_what_may_read_anything_is_not_seen_by_the_feed(schema, statement):
    """As cqrsd.feed_reads has it: such a query is not read by table, cached or not."""
    assert any(name.startswith("unseen ") for name in found(schema, statement))
    assert not any(name.startswith("unseen ")
                   for name in found(schema, statement, declared="'{test_c.b}'"))


def test_what_is_declared_is_among_what_is_read(schema):
    assert "relation test_c.b: it is not watched" in found(
        schema, "SELECT test_c.stable()", declared="'{test_c.b}'")


def test_nothing_stays_of_the_question(schema):
    asked = "SELECT kind FROM cqrsd.cache_reads('SELECT test_c.parsed()', '{}', NULL)"

    assert schema.primary.sql(
        f"{asked}; {asked}; SELECT count(*) FROM pg_prepared_statements"
    ).splitlines()[-1] == "0"


TAGGED = """
-- query: by_id :many
-- @cache 30s
-- @tags rows:{id}
SELECT number FROM test_c.a WHERE id = :id;

-- query: untagged :many
-- @cache 30s
SELECT number FROM test_c.b;

-- command: narrow :exec
-- @invalidates other, rows:{row}
UPDATE test_c.a SET number = 1 WHERE id = :row;

-- command: broad :exec
UPDATE test_c.a SET number = 1 WHERE id = :id;

-- command: beside :exec
-- @invalidates rows, rows:{id}:x, cells:{id}
DELETE FROM test_c.a WHERE id = :id;

-- command: through_a_view :exec
UPDATE test_c.plain SET number = 3;

-- command: elsewhere :exec
UPDATE test_c.b SET number = 1 WHERE id = :id;
"""


def test_commands_that_make_more_stale_than_they_need_to_are_named(schema, own_catalog):
    done, findings = check(schema, own_catalog(TAGGED))
    warned = {finding["message"].split(" ", 1)[0]: finding["message"] for finding in findings
              if finding["kind"] == "warning" and "@invalidates" in finding["message"]}

    assert done.returncode == 0, done.stderr
    assert set(warned) == {"broad", "beside", "through_a_view"}
    assert warned["broad"].startswith("broad writes to test_c.a, which by_id reads, and has no"
                                      " @invalidates")


def test_a_service_without_the_migration_says_so(schema, own_catalog):
    """And one whose catalog caches nothing does not ask."""
    function = "cqrsd.cache_reads(text, text[], text[])"
    schema.primary.sql(f"ALTER FUNCTION {function} RENAME TO cache_hidden")
    try:
        done, findings = check(schema, own_catalog(query("q", "", "SELECT 1 AS n")))
        assert done.returncode == 1
        assert any(finding["kind"] == "error" and "run cqrsd migrate" in finding["message"]
                   and finding["message"].startswith("q is @cache") for finding in findings)
        done, _ = check(schema, own_catalog("-- query: q :one\nSELECT 1 AS n;\n"))
        assert done.returncode == 0, done.stderr
    finally:
        schema.primary.sql(
            "ALTER FUNCTION cqrsd.cache_hidden(text, text[], text[]) RENAME TO cache_reads")


def test_a_query_that_may_not_be_cached_fails_the_check(schema, own_catalog):
    done, findings = check(schema, own_catalog(query("q", "", "SELECT now() AS t")))

    assert done.returncode == 1
    assert [finding["line"] for finding in findings if finding["kind"] == "error"] == [3]


def test_a_statement_that_is_wrong_is_an_error_of_its_own(schema, own_catalog):
    done, findings = check(schema, own_catalog(query("q", "", "SELECT nope FROM test_c.a")))

    assert done.returncode == 1
    assert any("nope" in finding["message"] for finding in findings if finding["kind"] == "error")
