"""Whole databases go out as JSON and in again without a difference."""

import json
import pathlib

import pytest

from harness.service import Service
from scenario.conftest import options_for

SCHEMA = pathlib.Path(__file__).with_name("round_trip.sql")
CLEAN = "DROP SCHEMA twin CASCADE; DROP SCHEMA trip CASCADE; DROP EXTENSION hstore"
# A column's name that is no parameter's.
ONLY_AS_A_WHOLE = {"Play List"}

COLUMNS = """SELECT json_object_agg(relname, (SELECT json_agg(json_build_array(attname,
    format_type(atttypid, NULL)) ORDER BY attnum) FROM pg_attribute
    WHERE attrelid = pg_class.oid AND attnum > 0)) FROM pg_class
    WHERE relnamespace = 'twin'::regnamespace AND relkind = 'r'"""

BY_ROWS = """
-- query: {name}.rows :one
SELECT array_agg(whole) AS rows FROM trip."{table}" AS whole;

-- command: {name}.put_rows :exec
-- @param rows twin."{table}"[]
INSERT INTO twin."{table}" SELECT (whole).* FROM unnest(:rows) AS whole;
"""

BY_COLUMNS = """
-- query: {name}.all :many
SELECT * FROM trip.{table};

-- command: {name}.put :exec
{params}
INSERT INTO twin.{table} VALUES ({values});
"""


LOOKS = """
-- query: looks :one
SELECT '"a"=>"b"'::twin.hstore AS own, 'a=>b'::hstore AS real, ARRAY['{a}'::twin.hstore] AS owns;

-- query: own :one
-- @param v twin.hstore?
SELECT :v AS v;
"""


def catalog_of(tables):
    text = LOOKS
    for table, columns in tables.items():
        name = table.lower().replace(" ", "_")
        text += BY_ROWS.format(name=name, table=table)
        if table not in ONLY_AS_A_WHOLE:
            text += BY_COLUMNS.format(
                name=name, table=table, values=", ".join(f":{column}" for column, _ in columns),
                params="\n".join(f"-- @param {column} {of}?" for column, of in columns))
    return text


@pytest.fixture(scope="module")
def trip(shop_cluster):
    shop_cluster.primary.sql_file(SCHEMA)
    shop_cluster.wait_until_replayed()
    yield shop_cluster.primary
    shop_cluster.primary.sql(CLEAN)


@pytest.fixture(scope="module")
def tables(trip):
    return json.loads(trip.sql(COLUMNS))


@pytest.fixture(scope="module", params=["number", "string"])
def service(request, shop_cluster, tables, tmp_path_factory):
    folder = tmp_path_factory.mktemp("sql")
    (folder / "trip.sql").write_text(catalog_of(tables), encoding="utf-8")
    service = Service(**options_for(shop_cluster, folder, {"int8": request.param})).start()
    yield service
    service.close()


def differences(trip, table):
    """Rows of either that the other lacks, as PostgreSQL writes them."""
    sides = [f'SELECT whole::text FROM {schema}."{table}" AS whole' for schema in ("trip", "twin")]
    counts = [trip.sql(f'SELECT count(*) FROM {schema}."{table}"') for schema in ("trip", "twin")]
    assert counts[0] == counts[1] != "0"
    return trip.sql(f"({sides[0]} EXCEPT ALL {sides[1]}) UNION ALL "
                    f"({sides[1]} EXCEPT ALL {sides[0]})")


def rows_of(body):
    """Each object of {"data":[…]} as it was written: Python's numbers would lose digits."""
    decoder, at = json.JSONDecoder(), body.index("[") + 1
    while body[at] != "]":
        at += body[at] == ","
        _, end = decoder.raw_decode(body, at)
        yield body[at:end]
        at = end


def test_every_row_of_every_table_comes_back_as_an_object_of_its_row_type(service, trip, tables):
    for table in tables:
        name = table.lower().replace(" ", "_")
        answer = service.query(f"{name}.rows")
        assert answer.status == 200, answer.problem
        written = answer.body.decode()[len('{"data":'):-1]

        done = service.post(f"/v1/commands/{name}.put_rows", body=written)

        assert done.status == 200, done.problem
        assert differences(trip, table) == ""
        trip.sql(f'TRUNCATE twin."{table}"')


def test_every_row_of_every_table_comes_back_column_by_column(service, trip, tables):
    for table in tables.keys() - ONLY_AS_A_WHOLE:
        answer = service.query(f"{table}.all")
        assert answer.status == 200, answer.problem

        for row in rows_of(answer.body.decode()):
            done = service.post(f"/v1/commands/{table}.put", body=row)
            assert done.status == 200, done.problem

        assert differences(trip, table) == ""
        trip.sql(f'TRUNCATE twin."{table}"')


def test_a_type_that_is_only_called_hstore_is_none(service):
    assert service.query("looks").data == {"own": '"a"=>"b"', "real": {"a": "b"}, "owns": ["{a}"]}
    assert service.query("own", method="POST", v={"a": "b"}).code == "invalid-parameter"
    assert service.query("own", method="POST", v="{a}").data == {"v": "{a}"}
