"""Composites, records, domains and hstore are the JSON of what they are made of, in and out."""

import contextlib
import json

import pytest

from harness.service import Service
from harness.until import until
from scenario.conftest import options_for
from scenario.test_migrations import several

CATALOG = """
-- query: years :one
-- @param v test_year[]?
SELECT :v AS v;

-- query: grids :one
-- @param v test_grid[]?
SELECT :v AS v;

-- query: doc :one
-- @param v test_doc?
SELECT :v AS v;

-- query: counted :one
-- @param v test_count = 7
SELECT :v AS v;

-- query: place :one
-- @param v test_place?
SELECT :v AS v;

-- query: places :one
-- @param v test_place[]?
SELECT :v AS v;

-- query: person :one
-- @param v test_person?
SELECT :v AS v;

-- query: home :one
-- @param v test_home?
SELECT :v AS v;

-- query: rows :many
SELECT row FROM test_rows AS row ORDER BY id;

-- command: put_row :one
-- @param row test_rows
INSERT INTO test_rows SELECT (:row).* RETURNING test_rows AS row;

-- command: touch :one
UPDATE test_rows SET price = price + 1 WHERE id = 1 RETURNING home, price;

-- query: record :one
SELECT row(1, 'a "b"', NULL, row('x', true), '') AS r, array[row(1), row(NULL)] AS rs;

-- query: ranges :one
SELECT '[1,5)'::int4range AS r, '{[1,2),[5,9)}'::int4multirange AS m;

-- query: looks_like_an_array :one
SELECT '1 2'::int2vector AS v;

-- query: catalog_rows :many
SELECT t FROM pg_database AS t WHERE datname = current_database();

-- query: big :one
-- @int8 string
SELECT 9007199254740993 AS b, array[9007199254740993] AS bs,
       row('x', NULL, 9007199254740993, NULL, NULL)::test_place AS p,
       array[9007199254740993::test_count] AS ds, '[9007199254740993,)'::int8range AS r, 4 AS i;

-- query: small :one
-- @int8 number
SELECT 9007199254740993 AS b;

-- query: of_service :one
SELECT 9007199254740993 AS b, array[[1::int8],[NULL::int8]] AS bs;
"""

SCHEMA = '''
CREATE DOMAIN test_year AS int CHECK (VALUE BETWEEN 1901 AND 2155);
CREATE DOMAIN test_doc AS jsonb;
CREATE DOMAIN test_count AS int8;
CREATE DOMAIN test_grid AS int[];
CREATE TYPE test_mood AS ENUM ('sad', 'so so');
CREATE TYPE test_place AS (street text, "a ""b""" test_mood, big test_count, tags text[],
    doc test_doc);
CREATE DOMAIN test_home AS test_place CHECK ((VALUE).street <> '');
CREATE TYPE test_person AS (name text, home test_home, others test_place[], years test_year[],
    at timestamptz, raw bytea, ok bool);
CREATE TABLE test_rows (id int, gone int, home test_place, price numeric);
ALTER TABLE test_rows DROP COLUMN gone;
INSERT INTO test_rows VALUES (1, row('x', 'sad', 3, '{}', '{"n": 1.50}'), 0.10), (2, NULL, NULL);
'''

CLEAN = """
DROP TABLE IF EXISTS test_rows;
DROP TYPE IF EXISTS test_person;
DROP DOMAIN IF EXISTS test_home;
DROP TYPE IF EXISTS test_place;
DROP TYPE IF EXISTS test_mood;
DROP DOMAIN IF EXISTS test_grid;
DROP DOMAIN IF EXISTS test_count;
DROP DOMAIN IF EXISTS test_doc;
DROP DOMAIN IF EXISTS test_year;
"""

PLACE = {"street": 'a "quoted"\\ (one), ', 'a "b"': "so so", "big": 9007199254740993,
         "tags": ["x", None, "", "y,z", '"\\'], "doc": {"total": [1, None, {"a": "b"}]}}
EMPTY = {"street": "", 'a "b"': None, "big": None, "tags": [], "doc": None}
PERSON = {"name": "null", "home": PLACE, "others": [PLACE, EMPTY, None], "years": [1999, None],
          "at": "2026-01-02T03:04:05Z", "raw": "AAEC/w==", "ok": False}


@pytest.fixture(scope="module")
def made(shop_cluster):
    shop_cluster.primary.sql(SCHEMA)
    shop_cluster.wait_until_replayed()
    yield shop_cluster
    shop_cluster.primary.sql(CLEAN)


def serve(cluster, folder, **options):
    (folder / "operations.sql").write_text(CATALOG)
    return Service(**options_for(cluster, folder, {"queue_wait_ms": 5000, **options})).start()


@pytest.fixture(scope="module")
def service(made, tmp_path_factory):
    """One for all stories that change neither types nor options."""
    service = serve(made, tmp_path_factory.mktemp("sql"))
    yield service
    service.close()


def refused(answers):
    return [answer for answer in answers if answer.status != 200]


def echoed(service, name, value):
    answer = service.query(name, method="POST", v=value)
    assert answer.status == 200, answer.problem
    return answer.data["v"]


@pytest.mark.parametrize("name, value", [
    ("years", [1999, None, 2000]),
    ("years", []),
    ("grids", [[1, 2], None, [[3], [4]], []]),
    ("doc", {"a": [1, "x", None]}),
    ("doc", "text"),
    ("counted", 9007199254740993),
    ("place", PLACE),
    ("place", EMPTY),
    ("places", [PLACE, None, EMPTY]),
    ("places", [[PLACE], [EMPTY]]),
    ("home", PLACE),
    ("person", PERSON),
    ("person", None),
], ids=lambda value: str(value)[:20])
def test_what_goes_in_comes_out(service, name, value):
    assert echoed(service, name, value) == value


def test_the_digits_within_a_composite_stay_as_they_were_written(service):
    written = '{"doc": {"total": 1234567890123456.7800}, "big": 9007199254740993.0}'

    answer = service.post("/v1/queries/place", body=f'{{"v":{written}}}')

    assert '"doc":{"total": 1234567890123456.7800}' in answer.body.decode()
    assert answer.data["v"]["big"] == 9007199254740993


def test_a_field_that_is_left_out_is_null(service):
    assert echoed(service, "person", {"home": {"street": "x"}}) == {
        **dict.fromkeys(PERSON), "home": {**dict.fromkeys(PLACE), "street": "x"}}


def test_a_composite_in_postgres_own_form_is_still_taken(service):
    assert echoed(service, "place", '(x,,7,"{a,b}",)') == {
        "street": "x", 'a "b"': None, "big": 7, "tags": ["a", "b"], "doc": None}


def test_an_object_in_a_query_string_is_a_composite(service):
    assert service.query("place", v=json.dumps(PLACE)).data["v"] == PLACE
    assert service.query("place", v="(x,,,,)").data["v"] == {
        **dict.fromkeys(PLACE), "street": "x"}


@pytest.mark.parametrize("name, value, detail", [
    ("place", {"stret": "x"}, '"stret" is no field of test_place: did you mean "street"?'),
    ("place", {"zz": 1}, '"zz" is no field of test_place'),
    ("person", {"home": {"big": "x"}}, '"home" "big" must be bigint, not "x"'),
    ("person", {"others": [{}, {"tags": 1}]},
     '"others" [1] "tags" must be an array of text, not a number'),
    ("person", {"years": [{}]}, '"years" [0] must be integer, not an object'),
    ("place", 7, "must be an object (test_place), not a number"),
    ("places", 7, "must be an array of test_place, not a number"),
    ("places", [7], "[0] must be an object (test_place), not a number"),
    ("years", ["x"], '[0] must be integer, not "x"'),
    ("counted", "x", 'must be bigint, not "x"'),
], ids=lambda value: str(value)[:20])
def test_a_field_that_is_wrong_is_named(service, name, value, detail):
    answer = service.query(name, method="POST", v=value)

    assert answer.status == 400
    assert answer.code == "invalid-parameter"
    assert answer.problem["errors"] == [{"param": "v", "detail": detail}]


def test_what_a_domain_refuses_within_a_composite_names_the_parameter(service):
    answer = service.query("person", method="POST", v={"years": [1]})

    assert (answer.status, answer.code) == (400, "invalid-parameter")
    assert answer.problem["errors"][0]["param"] == "v"


def test_the_row_of_a_table_is_an_object(service):
    rows = [answer["row"] for answer in service.query("rows").data]

    assert rows == [
        {"id": 1, "home": {"street": "x", 'a "b"': "sad", "big": 3, "tags": [],
                           "doc": {"n": 1.5}}, "price": "0.10"},
        {"id": 2, "home": None, "price": None}]
    assert service.command("put_row", row={**rows[0], "id": 3}).data["row"] == {**rows[0], "id": 3}


def test_a_record_has_numbered_fields(service):
    assert service.query("record").data == {
        "r": {"f1": "1", "f2": 'a "b"', "f3": None, "f4": "(x,t)", "f5": ""},
        "rs": [{"f1": "1"}, {"f1": None}]}


def test_ranges_stay_strings_and_vectors_too(service):
    assert service.query("ranges").data == {"r": "[1,5)", "m": "{[1,2),[5,9)}"}
    assert service.query("looks_like_an_array").data == {"v": "1 2"}


def test_a_row_of_a_system_catalog_is_an_object(service):
    assert service.query("catalog_rows").data[0]["t"]["datistemplate"] is False


def test_int8_leaves_as_a_string_where_the_operation_says_so(service):
    assert service.query("big").data == {
        "b": "9007199254740993", "bs": ["9007199254740993"], "ds": ["9007199254740993"],
        "p": {**dict.fromkeys(PLACE), "street": "x", "big": "9007199254740993"},
        "r": "[9007199254740993,)", "i": 4}
    assert service.query("of_service").data == {"b": 9007199254740993, "bs": [[1], [None]]}


def test_int8_leaves_as_a_string_where_the_service_says_so(made, tmp_path):
    service = serve(made, tmp_path, int8="string")

    assert service.query("of_service").data == {"b": "9007199254740993", "bs": [["1"], [None]]}
    assert service.query("small").data == {"b": 9007199254740993}
    assert echoed(service, "place", PLACE) == {**PLACE, "big": str(PLACE["big"])}
    assert echoed(service, "place", {"big": str(PLACE["big"])})["big"] == str(PLACE["big"])
    service.close()


@contextlib.contextmanager
def a_town(made):
    """The composite has one field more for as long."""
    made.primary.sql("ALTER TYPE test_place ADD ATTRIBUTE town text")
    try:
        yield
    finally:
        made.primary.sql("ALTER TYPE test_place DROP ATTRIBUTE town")


def test_a_composite_that_is_given_a_field_has_it_at_once(service, made):
    assert refused(several(lambda: service.query("rows"))) == []
    assert refused(several(lambda: service.query("place", method="POST", v=EMPTY))) == []

    with a_town(made):
        made.wait_until_replayed()

        answers = several(lambda: service.query("rows"))
        assert refused(answers) == []
        assert {tuple(answer.data[0]["row"]["home"]) for answer in answers} == {(*PLACE, "town")}
        answers = several(lambda: service.query("place", method="POST", v=EMPTY))
        assert refused(answers) == []
        assert {tuple(answer.data["v"]) for answer in answers} == {(*PLACE, "town")}
        # On the way in it is known when the types are verified again.
        until(lambda: service.command("put_row", row={"home": {"town": "y"}}).status == 200)


def test_a_command_that_ran_as_its_composite_changed_is_answered_and_not_run_again(service, made):
    before = service.command("touch").data
    assert tuple(before["home"]) == tuple(PLACE)

    with a_town(made):
        first, second = service.command("touch"), service.command("touch")
        assert [first.status, second.status] == [200, 200]
        assert [float(answer.data["price"]) - float(before["price"])
                for answer in (first, second)] == [1, 2]
        assert tuple(second.data["home"]) == (*PLACE, "town")


def test_a_field_that_is_renamed_has_its_new_name_soon(service, made):
    assert refused(several(lambda: service.query("place", method="POST", v=EMPTY))) == []

    made.primary.sql("ALTER TYPE test_place RENAME ATTRIBUTE street TO road")

    def renamed():
        answer = service.query("place", method="POST", v={"road": "x"})
        return answer.status == 200 and answer.data["v"].get("road") == "x"
    until(renamed, "the field has its new name", deadline_s=5)
    # Each loop hears of it by itself.
    until(lambda: {answer.status for answer in several(lambda: service.query(
        "place", method="POST", v={"street": "x"}))} == {400}, "the old name to be gone",
          deadline_s=5)
    made.primary.sql("ALTER TYPE test_place RENAME ATTRIBUTE road TO street")
