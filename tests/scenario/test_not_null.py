# SPDX-License-Identifier: Apache-2.0
"""serve --check-not-null: an answer with a NULL where @notnull says that there is none is a problem
that names the operation, the column and the row."""

import concurrent.futures
import json

import pytest
from harness.reader import Reader
from harness.until import until

from .conftest import empty_jobs

SCHEMA = """
CREATE TABLE nn_things (id int PRIMARY KEY, note text, other text);
INSERT INTO nn_things VALUES (1, 'a', NULL), (2, 'b', 'x'), (3, NULL, 'x'), (4, NULL, NULL);
"""
CLEAN = "DROP TABLE nn_things"
CATALOG = """
-- query: listed :many
-- @param most int
-- @notnull note
SELECT id, note, other FROM nn_things WHERE id <= :most ORDER BY id;

-- query: shown :maybe
-- @lookup by id
-- @notnull note
SELECT id, note FROM nn_things WHERE id = ANY(:id);

-- query: kept :one
-- @param id int
-- @cache 1h
-- @notnull note
SELECT note FROM nn_things WHERE id = :id;

-- query: wide :many
-- @param hole int
-- @notnull "odd, filled
SELECT g AS n, nullif(g, :hole) AS filled, g AS \"\"\"odd\", repeat('x', 500) AS text
  FROM generate_series(1, 2000) AS g;

-- command: put :many
-- @param id int
-- @param note text?
-- @async allowed
-- @notnull note
UPDATE nn_things SET note = :note WHERE id <= :id RETURNING id, note;
"""
TOLD = "of row {} is NULL, and @notnull says that it never is"


@pytest.fixture
def checked(start_cqrsd, own_catalog, schema):
    yield start_cqrsd(catalog=own_catalog(CATALOG))  # options_for has check_not_null
    empty_jobs(schema.primary)


def wrong(answer, operation, column, row):
    told = f'{operation}: column "{column}" {TOLD.format(row)}'
    return (answer.status, answer.code, answer.problem["detail"]) == (500, "query-failed", told)


def test_a_null_that_is_said_never_to_be_is_a_problem_and_others_are_none(checked):
    right, answer = checked.query("listed", most=2), checked.query("listed", most=4)

    assert [row["other"] for row in right.data] == [None, "x"]
    assert wrong(answer, "listed", "note", 3), answer
    assert not answer.problem["retryable"]
    assert 'column \\"note\\" of row 3 is NULL' in checked.log_text()
    assert wrong(checked.query("listed", most=4, method="POST"), "listed", "note", 3)


@pytest.mark.usefixtures("schema")
def test_without_the_option_it_is_answered_as_it_is(start_cqrsd, own_catalog):
    service = start_cqrsd(catalog=own_catalog(CATALOG), check_not_null=False)

    assert [row["note"] for row in service.query("listed", most=4).data] == ["a", "b", None, None]


def test_keys_that_travel_together_are_told_apart(checked):
    until(lambda: checked.query("shown", id=1).status == 200, "its types to be known")
    with concurrent.futures.ThreadPoolExecutor(32) as clients:
        answers = list(clients.map(lambda number: (1 + number % 5, checked.query(
            "shown", id=1 + number % 5)), range(160)))

    for number, answer in answers:
        if number in (3, 4):
            assert wrong(answer, "shown", "note", 1), answer
        else:
            assert answer.status == 200 and bool(answer.data) == (number < 5), answer
    assert checked.metrics().sum("cqrsd_lookup_calls_sum", name="shown") > 0


def test_it_is_never_kept(checked, schema):
    assert wrong(checked.query("kept", id=3), "kept", "note", 1)

    schema.primary.sql("UPDATE nn_things SET note = 'c' WHERE id = 3")
    schema.wait_until_replayed()

    assert checked.query("kept", id=3).data == {"note": "c"}


def test_a_stream_is_cut_off(checked):
    until(lambda: checked.query("wide", hole=0).status == 200, "a first large result")
    with Reader(checked.address).ask("/v1/queries/wide?hole=1500") as reader:
        assert reader.begin().status == 200
        body, whole = reader.rest()

    assert not whole
    assert b'"n":100,' in body and b'"n":1501,' not in body
    until(lambda: 'wide: column \\"filled\\" of row 1500 is NULL' in checked.log_text(), "the line")


def test_a_command_has_taken_effect_unless_it_came_with_a_key(checked, schema):
    told = f'column "note" {TOLD.format(1)}'
    undone = checked.command("put", id=2, headers={"Idempotency-Key": "a"})
    before = schema.primary.sql("SELECT note FROM nn_things WHERE id = 1")
    answer = checked.command("put", id=2)

    assert before == "a"
    assert (undone.status, undone.code) == (500, "query-failed")
    assert undone.problem["detail"] == f"put was undone: it {told}"
    assert (answer.status, answer.code) == (500, "query-failed")
    assert answer.problem["detail"] == f"put took effect, but {told}"
    assert answer.token
    assert schema.primary.sql("SELECT count(*) FROM nn_things WHERE note IS NULL") == "4"
    assert checked.command("put", id=2, note="x").status == 200


def test_a_command_that_is_a_job_says_so_when_it_is_asked_for(checked):
    accepted = checked.command("put", id=1, headers={"Prefer": "respond-async"})

    def ended():
        asked = checked.get(accepted.headers["location"])
        return asked if asked.json["job"]["state"] == "done" else None

    answer = until(ended, "the job to be done")
    assert answer.json["job"].get("result") is None
    assert answer.json["job"]["problem"]["code"] == "query-failed"
    assert TOLD.format(1) in json.dumps(answer.json["job"]["problem"])


def test_a_reload_takes_what_the_catalog_says_then(checked, own_catalog):
    own_catalog(CATALOG.replace("-- @param most int\n-- @notnull note", "-- @param most int"))
    checked.hup()
    until(lambda: "catalog reloaded" in checked.log_text(), "the reload")

    assert len(checked.query("listed", most=4).data) == 4
    assert checked.query("kept", id=4).status == 500
