"""What the application's own functions, types and policies raise, and what reaches the client."""

from concurrent.futures import ThreadPoolExecutor

import pytest

SCHEMA = """
CREATE FUNCTION e_refuse(state text, often boolean) RETURNS int LANGUAGE plpgsql AS $$ BEGIN
    IF often THEN
        RAISE 'out of "pens"' USING ERRCODE = state, DETAIL = 'three are left',
            HINT = E'ask for three\\nor\\x1b[31m wait';
    END IF;
    RETURN 1;
END $$;
CREATE FUNCTION e_find(wanted text) RETURNS text LANGUAGE plpgsql AS $$ DECLARE found text; BEGIN
    SELECT owner INTO STRICT found FROM e_notes WHERE text = wanted;
    RETURN found;
END $$;
CREATE FUNCTION "e $1"(wanted int) RETURNS int LANGUAGE plpgsql AS $$ BEGIN
    RAISE 'about no parameter' USING ERRCODE = 'AB123';
END $$;
CREATE TABLE e_notes (id int GENERATED ALWAYS AS IDENTITY, owner text, text text);
CREATE FUNCTION e_is_short(v text) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN
    IF length(v) > 3 THEN RAISE 'too long: %', v USING ERRCODE = 'XX000'; END IF;
    RETURN true;
END $$;
CREATE DOMAIN e_short AS text CHECK (e_is_short(VALUE));
CREATE DOMAIN e_percent AS int CONSTRAINT e_percent_range CHECK (VALUE BETWEEN 0 AND 100);
CREATE ROLE e_app LOGIN;
GRANT USAGE ON SCHEMA cqrsd TO e_app;
GRANT ALL ON ALL TABLES IN SCHEMA cqrsd TO e_app;
GRANT ALL ON e_notes TO e_app;
CREATE TABLE e_secrets (id int);
ALTER TABLE e_notes ENABLE ROW LEVEL SECURITY;
CREATE POLICY e_reads ON e_notes FOR SELECT USING (true);
CREATE POLICY e_writes ON e_notes FOR INSERT WITH CHECK (owner = 'ann');
CREATE PROCEDURE e_commits(v int) LANGUAGE plpgsql AS $$ BEGIN COMMIT; END $$;
"""

CLEAN = """
DROP PROCEDURE IF EXISTS e_commits;
DROP TABLE IF EXISTS e_notes, e_secrets;
DROP FUNCTION IF EXISTS e_refuse, e_find, "e $1";
DROP DOMAIN IF EXISTS e_short, e_percent;
DROP FUNCTION IF EXISTS e_is_short;
DO $$ BEGIN IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'e_app') THEN
    DROP OWNED BY e_app; DROP ROLE e_app; END IF; END $$;
"""

CATALOG = """
-- query: refuse :one
-- @param state text
-- @param often bool = true
SELECT e_refuse(:state, :often) AS done;

-- command: refuse.command :one
-- @param state text
-- @param often bool = true
SELECT e_refuse(:state, :often) AS done;

-- query: refuse.late :many
-- @param state text
-- @param often bool = true
SELECT e_refuse(:state, :often AND n = 1) AS done FROM generate_series(1, 3) AS n;

-- query: find :one
-- @param wanted text
SELECT e_find(:wanted) AS owner;

-- query: named :one
-- @param wanted int
SELECT "e $1"(:wanted) AS n;

-- command: note :one
-- @param owner text
-- @param text text = x
INSERT INTO e_notes (owner, text) VALUES (:owner, :text) RETURNING owner;

-- query: secrets :many
SELECT id FROM e_secrets;

-- query: short :one
-- @param v e_short
SELECT :v::text AS v;

-- command: short.command :one
-- @param v e_short
SELECT :v::text AS v;

-- query: percent :one
-- @param v e_percent
SELECT :v::int AS v;

-- query: relation :one
-- @param name regclass
SELECT :name::text AS name;

-- command: commits :exec
-- @param v int
CALL e_commits(:v);
"""


def as_app(cluster):
    lines = [node.conninfo.replace("postgres@", "e_app@") for node in cluster.nodes]
    return {"primary": lines[0], "replica": lines[1:]}


@pytest.fixture
def service(schema, start_cqrsd, own_catalog):
    return start_cqrsd(catalog=own_catalog(CATALOG), **as_app(schema))


def with_key(service, state):
    """Nothing is stored of what was rolled back: a repeat runs, and is refused, again."""
    return service.post("/v1/commands/refuse.command", {"state": state},
                        headers={"Idempotency-Key": f"own-{state}"})


@pytest.mark.parametrize("state, status", [("P0001", 422), ("AB123", 422), ("PT409", 409)])
def test_detail_and_hint_of_the_application_reach_its_client(service, state, status):
    for answer in (service.query("refuse", state=state),
                   service.command("refuse.command", state=state),
                   with_key(service, state), with_key(service, state),
                   service.query("refuse.late", state=state)):
        assert (answer.status, answer.code) == (status, "rejected")
        assert answer.problem["detail"] == 'out of "pens"'
        assert answer.problem["db_detail"] == "three are left"
        assert answer.problem["hint"] == "ask for three\nor\x1b[31m wait"
        assert b"\x1b" not in answer.body


def test_in_a_group_each_command_gets_its_own_refusal(service):
    def ask(number):
        return number, service.command("refuse.command", state="AB123", often=number % 3 == 0)

    for _ in range(2):
        with ThreadPoolExecutor(24) as pool:
            for number, answer in pool.map(ask, range(72)):
                assert answer.status == (422 if number % 3 == 0 else 200)


def test_what_strict_does_not_find_is_404_without_the_values_of_the_function(schema, service):
    schema.primary.sql("ALTER FUNCTION e_find SET plpgsql.print_strict_params = on")
    schema.wait_until_replayed()

    answer = service.query("find", wanted="secret")

    assert (answer.status, answer.code) == (404, "rejected")
    assert "secret" not in answer.body.decode()


def test_what_a_policy_refuses_is_forbidden_and_a_missing_grant_is_not(service):
    assert service.command("note", owner="ann").status == 200

    refused, missing = service.command("note", owner="bob"), service.query("secrets")

    assert (refused.status, refused.code) == (403, "forbidden")
    assert "row-level security" in refused.problem["detail"]
    assert (missing.status, missing.code) == (500, "query-failed")
    assert "e_secrets" not in missing.body.decode()


@pytest.mark.parametrize("name, value", [("short", "long enough"), ("percent", 101),
                                         ("relation", "not_there")])
def test_an_error_in_reading_a_parameter_names_it_whatever_its_state(service, name, value):
    param = "name" if name == "relation" else "v"
    assert service.query(name, **{param: "pg_class" if name == "relation" else 1}).status == 200

    answer = service.query(name, **{param: value})

    assert (answer.status, answer.code) == (400, "invalid-parameter")
    assert [error["param"] for error in answer.problem["errors"]] == [param]


def test_commands_that_travel_together_are_told_each_its_parameter(service):
    def ask(number):
        return number, service.command("short.command", v="too long" if number % 3 == 0 else "ok")

    for _ in range(2):
        with ThreadPoolExecutor(24) as pool:
            for number, answer in pool.map(ask, range(72)):
                assert answer.status == (400 if number % 3 == 0 else 200)


def test_the_name_of_a_function_is_no_parameter(service):
    answer = service.query("named", wanted=1)

    assert (answer.status, answer.code) == (422, "rejected")


def test_a_procedure_that_commits_is_told_why_it_cannot(service):
    answer = service.command("commits", v=1)

    assert (answer.status, answer.code) == (500, "query-failed")
    assert "one transaction" in answer.problem["detail"]
