"""What a command writes to, as PostgreSQL has understood it."""

import pytest
from harness import service as harness_service

SCHEMA = """
CREATE SCHEMA test_w;
CREATE TABLE test_w.log (id int, number int);
CREATE TABLE test_w.one (id int PRIMARY KEY, number int DEFAULT 1);
CREATE TABLE test_w.two (id int PRIMARY KEY, one int REFERENCES test_w.one ON DELETE CASCADE);
CREATE TABLE test_w.three (id int,
    two int REFERENCES test_w.two ON DELETE SET NULL ON UPDATE CASCADE);
CREATE TABLE test_w.four (id int, one int REFERENCES test_w.one);
CREATE TABLE test_w.parted (id int, number int) PARTITION BY RANGE (id);
CREATE TABLE test_w.low PARTITION OF test_w.parted FOR VALUES FROM (0) TO (10);
CREATE TABLE test_w.high PARTITION OF test_w.parted FOR VALUES FROM (10) TO (20);
CREATE TABLE test_w.below () INHERITS (test_w.four);
CREATE FUNCTION test_w.volatile() RETURNS int LANGUAGE plpgsql AS
    $$ BEGIN INSERT INTO test_w.log VALUES (1, 1); RETURN 1; END $$;
CREATE FUNCTION test_w.stable() RETURNS int STABLE LANGUAGE sql AS 'SELECT 1';
CREATE FUNCTION test_w.left_out(int DEFAULT test_w.volatile()) RETURNS int IMMUTABLE LANGUAGE sql
    AS 'SELECT $1';
CREATE FUNCTION test_w.note() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN INSERT INTO test_w.log VALUES (1, 1); RETURN NEW; END $$;
CREATE VIEW test_w.view AS SELECT * FROM test_w.one WHERE number IN (SELECT id FROM test_w.log);
CREATE VIEW test_w.view_of_view AS SELECT id, number FROM test_w.view;
CREATE VIEW test_w.calling AS SELECT test_w.volatile() AS number;
CREATE VIEW test_w.joined AS SELECT one.id FROM test_w.one, test_w.log;
CREATE TRIGGER instead INSTEAD OF INSERT ON test_w.joined
    FOR EACH ROW EXECUTE FUNCTION test_w.note();
CREATE TABLE test_w.ruled (id int);
CREATE RULE also AS ON INSERT TO test_w.ruled DO ALSO
    INSERT INTO test_w.log VALUES (NEW.id, 1);
CREATE TABLE test_w.default (id int, number int DEFAULT test_w.volatile());
CREATE TABLE test_w.checked (id int CHECK (id > test_w.volatile()));
CREATE TABLE test_w.noted (id int PRIMARY KEY, one int REFERENCES test_w.one ON DELETE CASCADE);
CREATE TRIGGER deleted AFTER DELETE ON test_w.noted
    FOR EACH ROW EXECUTE FUNCTION test_w.note();
CREATE TABLE test_w.moved (id int) PARTITION BY RANGE (id);
CREATE TABLE test_w.moved_1 PARTITION OF test_w.moved FOR VALUES FROM (0) TO (10);
CREATE TRIGGER arrived AFTER INSERT ON test_w.moved_1
    FOR EACH ROW EXECUTE FUNCTION test_w.note();
CREATE TABLE test_w.watched (id int);
CREATE TABLE test_w.secured (id int);
CREATE POLICY seen ON test_w.secured USING (id > test_w.volatile());
ALTER TABLE test_w.secured ENABLE ROW LEVEL SECURITY;
"""

CLEAN = "DROP SCHEMA IF EXISTS test_w CASCADE"

VOLATILE = "test_w.volatile()"

CASES = [
    ("INSERT INTO test_w.one VALUES ($1, 2)", {"one"}),
    ("INSERT INTO test_w.one VALUES (1) ON CONFLICT (id) DO UPDATE SET number = 2", {"one"}),
    ("UPDATE test_w.one SET number = l.number FROM test_w.log AS l WHERE l.id = one.id", {"one"}),
    ("SELECT id FROM test_w.one WHERE id = $1 FOR UPDATE", set()),
    ("SELECT test_w.stable(), random(), nextval('cqrsd.invalidation_id_seq')", set()),
    ("DELETE FROM test_w.one WHERE id = $1", {"one", "two", "three", "noted",
                                              "trigger deleted on test_w.noted"}),
    ("UPDATE test_w.two SET one = 1", {"two", "three"}),
    ("DELETE FROM test_w.two", {"two", "three"}),
    ("WITH gone AS (DELETE FROM test_w.three RETURNING id)"
     " INSERT INTO test_w.log SELECT id, 1 FROM gone", {"three", "log"}),
    ("WITH made AS (INSERT INTO test_w.log VALUES (1, 1) RETURNING id) SELECT id FROM made",
     {"log"}),
    ("UPDATE test_w.view_of_view SET number = 1", {"one"}),
    ("INSERT INTO test_w.joined VALUES (1)", {"trigger instead on test_w.joined"}),
    ("SELECT number FROM test_w.calling", {VOLATILE}),
    ("INSERT INTO test_w.parted VALUES (1, 2)", {"parted", "low", "high"}),
    ("UPDATE test_w.low SET number = 2", {"low"}),
    ("INSERT INTO test_w.four VALUES (1, 1)", {"four"}),
    ("UPDATE test_w.four SET one = 1", {"four", "below"}),
    ("INSERT INTO test_w.ruled VALUES (1)", {"ruled", "log"}),
    ("DELETE FROM test_w.ruled", {"ruled"}),
    ("INSERT INTO test_w.default VALUES (1)", {"\"default\"", VOLATILE}),
    ("INSERT INTO test_w.checked VALUES (1)", {"checked", VOLATILE}),
    ("DELETE FROM test_w.secured", {"secured", VOLATILE}),
    ("INSERT INTO test_w.log SELECT id, 1 FROM test_w.secured", {"log", VOLATILE}),
    ("UPDATE test_w.noted SET one = 1", {"noted"}),
    ("UPDATE test_w.moved SET id = 2", {"moved", "moved_1", "trigger arrived on test_w.moved_1"}),
    ("DELETE FROM test_w.moved", {"moved", "moved_1"}),
    ("SELECT test_w.volatile()", {VOLATILE}),
    ("SELECT test_w.left_out()", {VOLATILE}),
    ("SELECT query_to_xml($1, true, true, '')::text", {"query_to_xml(text,boolean,boolean,text)"}),
    ("CALL test_w.procedure($1)", {"CALL"}),
    ("TRUNCATE test_w.one", {"TRUNCATE"}),
]


def bare(name):
    return name.removeprefix("test_w.") if "(" not in name else name


def writes(cluster, statement, declared="NULL"):
    """What is found of it: names, and those of them that may write to more."""
    rows = cluster.primary.sql(
        "SELECT name || '|' || (wrong IS NULL)::text"
        f" FROM cqrsd.feed_writes($q${statement}$q$, '{{}}', {declared})")
    names = {}
    for row in rows.splitlines():
        name, seen = row.rsplit("|", 1)
        names[bare(name)] = seen == "true"
    return names


@pytest.mark.parametrize("statement, expected", CASES, ids=[case[0][:60] for case in CASES])
def test_a_command_writes_to(schema, statement, expected):
    names = writes(schema, statement)

    assert set(names) == expected
    unseen = {name for name, seen in names.items() if not seen}
    assert unseen == {name for name in expected
                      if "(" in name or " " in name or name.isupper()}


@pytest.mark.parametrize("statement, also", [
    ("SELECT test_w.volatile()", set()),
    ("CALL test_w.procedure($1)", set()),
    ("DELETE FROM test_w.noted", {"noted"}),
    ("INSERT INTO test_w.joined VALUES (1)", set()),
])
def test_what_is_declared_is_all_that_is_not_seen(schema, statement, also):
    names = writes(schema, statement, "'{test_w.log}'")

    assert set(names) == also | {"log"}
    assert all(names.values())


def test_what_follows_from_a_declared_one_is_added(schema):
    assert set(writes(schema, "SELECT 1", "'{test_w.two}'")) == {"two", "three"}


def test_the_trigger_of_the_feed_writes_to_nothing_else(schema):
    done = harness_service.run("watch", "test_w.watched", primary=schema.primary.conninfo)
    assert done.returncode == 0, done.stderr

    assert writes(schema, "DELETE FROM test_w.watched") == {"watched": True}


def test_nothing_stays_of_the_question(schema):
    """Neither a function nor a prepared statement: the same session may ask again."""
    asked = "SELECT name FROM cqrsd.feed_writes('SELECT test_w.volatile()', '{}', NULL)"

    assert schema.primary.sql(
        f"{asked}; {asked}; SELECT count(*) FROM pg_prepared_statements"
    ).splitlines()[-1] == "0"


CATALOG = """
-- command: plain :exec
DELETE FROM test_w.two WHERE id = :id;

-- command: hidden :exec
SELECT test_w.volatile();

-- command: declared :exec
-- @writes test_w.log
SELECT test_w.volatile();

-- command: mistaken :exec
-- @writes test_w.nothing
SELECT test_w.volatile();
"""


def test_check_explains_what_commands_write_to(schema, own_catalog):
    done = harness_service.run("check", explain=True, primary=schema.primary.conninfo,
                               catalog=own_catalog(CATALOG))
    said = done.stdout + done.stderr

    assert "note: plain writes to test_w.three, test_w.two\n" in said
    assert ("note: hidden writes to no table, and may write to any other, since test_w.volatile():"
            " a function may write to anything: @writes says what\n") in said
    assert "note: declared writes to test_w.log\n" in said
    assert ('mistaken: what it writes to cannot be found out: relation "test_w.nothing" does not'
            " exist") in said
