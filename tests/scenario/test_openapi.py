"""cqrsd openapi: the document of a catalog, and what of it is proved of the columns."""

import copy
import csv
import io
import json

import pytest
from harness.schemas import Promises, misfits_of_answer, resolve
from harness.service import run
from scenario import statements

NULL = "(null)"
# Rows that show what may be NULL: parents without children, children without parents.
SCHEMA = """
CREATE TYPE oa_mood AS ENUM ('glad', 'it''s "so"');
CREATE DOMAIN oa_word AS varchar(5) NOT NULL;
CREATE TABLE oa_parent (id int PRIMARY KEY, name text NOT NULL, note text, words text[] NOT NULL,
                        mood oa_mood NOT NULL, document jsonb NOT NULL);
CREATE TABLE oa_child (id bigint PRIMARY KEY, parent_id int REFERENCES oa_parent,
                       amount numeric NOT NULL, at timestamptz);
INSERT INTO oa_parent VALUES (1, 'a', NULL, '{}', 'glad', 'null'), (2, 'b', 'n', '{x,NULL}',
  'glad', '{}');
INSERT INTO oa_child VALUES (10, 1, 5, NULL), (11, NULL, 7, now()), (12, NULL, 8, NULL);
CREATE TABLE oa_base (id int, name text NOT NULL);
-- A NOT NULL that its heirs do not have. From 18 on one that is inherited cannot be dropped.
DO $$ BEGIN
  IF current_setting('server_version_num')::int >= 180000 THEN
    EXECUTE 'ALTER TABLE oa_base ADD CONSTRAINT oa_of_base NOT NULL id NO INHERIT';
    CREATE TABLE oa_heir () INHERITS (oa_base);
  ELSE
    ALTER TABLE oa_base ALTER id SET NOT NULL;
    CREATE TABLE oa_heir () INHERITS (oa_base);
    ALTER TABLE oa_heir ALTER id DROP NOT NULL;
  END IF;
END $$;
INSERT INTO oa_heir VALUES (NULL, 'heir');
CREATE TABLE oa_parts (id int NOT NULL, at date NOT NULL, note text) PARTITION BY RANGE (at);
CREATE TABLE oa_part PARTITION OF oa_parts FOR VALUES FROM ('2020-01-01') TO ('2030-01-01');
INSERT INTO oa_parts VALUES (1, '2021-01-01', NULL);
CREATE VIEW oa_view AS SELECT p.id, p.note, p.name, c.amount
  FROM oa_parent AS p LEFT JOIN oa_child AS c ON c.parent_id = p.id;
CREATE VIEW oa_view_of_view AS SELECT v.id AS number, v.amount, count(*) OVER () AS n FROM
  oa_view AS v;
CREATE VIEW oa_triggered AS SELECT id, name FROM oa_parent;
CREATE FUNCTION oa_nothing() RETURNS trigger LANGUAGE plpgsql AS
  'BEGIN NEW.name := NULL; RETURN NEW; END';
CREATE TRIGGER oa_instead INSTEAD OF UPDATE ON oa_triggered
  FOR EACH ROW EXECUTE FUNCTION oa_nothing();
CREATE FUNCTION oa_count(int) RETURNS int LANGUAGE sql AS 'SELECT NULL::int';
CREATE PROCEDURE oa_call(INOUT x int) LANGUAGE plpgsql AS 'BEGIN x := NULL; END';
"""
CLEAN = """
DROP VIEW oa_triggered, oa_view_of_view, oa_view; DROP TABLE oa_child, oa_parent, oa_heir,
  oa_base, oa_parts;
DROP FUNCTION oa_nothing(), oa_count(int); DROP PROCEDURE oa_call; DROP DOMAIN oa_word; DROP TYPE
  oa_mood;
"""

# A statement, and its columns: ? behind those that may be NULL.
PROVED = [
    ("SELECT id, name, note, words, mood FROM oa_parent", "id name note? words mood"),
    ("SELECT p.id, c.id AS child, c.amount FROM oa_parent p LEFT JOIN oa_child c ON c.parent_id"
     " = p.id",
     "id child? amount?"),
    ("SELECT p.id, c.id AS child FROM oa_parent p RIGHT JOIN oa_child c ON c.parent_id = p.id",
     "id? child"),
    ("SELECT p.id, c.id AS child FROM oa_parent p FULL JOIN oa_child c ON c.parent_id = p.id",
     "id? child?"),
    ("SELECT p.id, c.id AS child FROM oa_parent p JOIN oa_child c ON c.parent_id = p.id", "id"
     " child"),
    ("SELECT p.id, c.id AS child FROM oa_parent p LEFT JOIN oa_child c ON c.parent_id = p.id"
     " WHERE c.amount > 1", "id child"),
    ("SELECT p.id, c.id AS child FROM oa_parent p LEFT JOIN oa_child c"
     " ON c.parent_id = p.id AND c.amount > 1", "id child?"),
    ("SELECT p.id, c.id AS child FROM oa_parent p LEFT JOIN (oa_child c JOIN oa_parent q"
     " ON q.id = c.parent_id) ON c.parent_id = p.id", "id child?"),
    ("SELECT id, c.amount FROM oa_parent p LEFT JOIN oa_child c USING (id)", "id amount?"),
    ("SELECT x.note AS id, x.id AS note FROM oa_parent AS x", "id? note"),
    ("SELECT x.b, x.a FROM oa_parent AS x (a, b, c, d, e, f)", "b a"),
    ("SELECT x.id, x.name FROM oa_parent AS x (a, name, id, d, e, f)", "id? name"),
    ("SELECT count(*) AS n, count(note) AS m, sum(id) AS s, max(id) AS top FROM oa_parent",
     "n m s? top?"),
    ("SELECT p.id, sum(p.id) AS s, max(p.note) AS top, array_agg(p.note) AS notes,"
     " sum(p.id) FILTER (WHERE false) AS none FROM oa_parent p GROUP BY p.id",
     "id s top? notes none?"),
    ("SELECT id, note, count(*) AS n FROM oa_parent GROUP BY ROLLUP (id, note)", "id? note? n"),
    ("SELECT coalesce(note, '-') AS a, coalesce(note, name) AS b, coalesce(note, NULL) AS c,"
     " nullif(name, 'a') AS d FROM oa_parent", "a b c? d?"),
    ("SELECT CASE WHEN note IS NULL THEN 'x' ELSE name END AS a, CASE WHEN id = 1 THEN 'x' END"
     " AS b,"
     " CASE id WHEN 1 THEN note ELSE 'y' END AS c FROM oa_parent", "a b? c?"),
    ("SELECT 1 AS one, 'x' AS x, NULL::int AS nothing, true AS t, now() AS at, current_date AS day",
     "one x nothing? t at day"),
    ("SELECT id + 1 AS a, name || 'x' AS b, note || 'x' AS c, id::text AS d, lower(name) AS e,"
     " name = note AS f, note IS NULL AS g, name IS DISTINCT FROM note AS h FROM oa_parent",
     "a b c? d e f? g h"),
    ("SELECT g AS n, row_number() OVER () AS r, lag(g) OVER (ORDER BY g) AS l FROM"
     " generate_series(1, 3) g",
     "n r l?"),
    ("SELECT generate_series(1, 2) AS a, 'x' AS b", "a b"),
    ("SELECT generate_series(1, 2) AS a, generate_series(1, 3) AS b", "a? b?"),
    ("SELECT u.word, u.n FROM oa_parent p, unnest(p.words) WITH ORDINALITY AS u (word, n)",
     "word? n"),
    ("SELECT a, b FROM ROWS FROM (generate_series(1, 2), generate_series(1, 3)) AS f (a, b)",
     "a? b?"),
    ("SELECT id, note, name, amount FROM oa_view", "id note? name amount?"),
    ("SELECT number, amount, n FROM oa_view_of_view", "number amount? n"),
    ("SELECT v.number FROM oa_child c LEFT JOIN oa_view_of_view v ON v.number = c.parent_id",
     "number?"),
    ("WITH c AS MATERIALIZED (SELECT note, id, name FROM oa_parent) SELECT id, note FROM c",
     "id note?"),
    ("WITH RECURSIVE r (n, m) AS (SELECT 1, NULL::int UNION ALL SELECT n + 1, n FROM r WHERE n < 3)"
     " SELECT n, m FROM r", "n m?"),
    ("WITH RECURSIVE r (n) AS (SELECT 1 UNION ALL SELECT nullif(n + 1, 3) FROM r WHERE n < 3)"
     " SELECT n FROM r", "n?"),
    ("SELECT id FROM oa_parent UNION SELECT parent_id FROM oa_child", "id?"),
    ("SELECT id FROM oa_parent UNION ALL SELECT id::int FROM oa_child", "id"),
    ("SELECT parent_id AS p FROM oa_child INTERSECT SELECT id FROM oa_parent", "p"),
    ("SELECT id FROM oa_parent EXCEPT SELECT parent_id FROM oa_child", "id"),
    ("SELECT s.a, s.b FROM (SELECT note AS b, id AS a FROM oa_parent LIMIT 5) s", "a b?"),
    ("SELECT x.one FROM oa_child c LEFT JOIN (SELECT 1 AS one, id FROM oa_parent) x ON x.id ="
     " c.parent_id",
     "one?"),
    ("SELECT l.n FROM oa_parent p LEFT JOIN LATERAL (SELECT count(*) AS n FROM oa_child c"
     " WHERE c.parent_id = p.id) l ON true", "n"),
    ("SELECT l.n FROM oa_parent p LEFT JOIN LATERAL (SELECT count(*) AS n FROM oa_child c"
     " WHERE c.parent_id = p.id) l ON false", "n?"),
    ("SELECT (SELECT count(*) FROM oa_child) AS n, (SELECT id FROM oa_parent WHERE false) AS m,"
     " EXISTS (SELECT 1) AS e, ARRAY(SELECT note FROM oa_parent) AS a", "n m? e a"),
    ("SELECT concat(note) AS a, concat(VARIADIC nullif(words, '{}')) AS b, current_schema AS c,"
     " current_user AS d, lower('(,5)'::int4range) AS e, upper(name) AS f,"
     " json_build_array(VARIADIC NULL::text[]) AS g, cardinality(words) AS h,"
     " to_jsonb(note) AS i FROM oa_parent", "a b? c? d e? f g? h i?"),
    ("SELECT id FROM oa_base", "id?"),
    ("SELECT name FROM oa_base", "name"),
    ("SELECT id, at, note FROM oa_parts", "id at note?"),
    ("SELECT a, b FROM (VALUES (1, 'x'), (2, NULL)) AS v (a, b)", "a b?"),
    ("SELECT note FROM oa_parent WHERE note IS NOT NULL", "note"),
    ("SELECT note FROM oa_parent WHERE note = 'n' OR id = 1", "note?"),
    ("SELECT note FROM oa_parent WHERE note IN ('n', 'm')", "note"),
    ("SELECT oa_count(id) AS a, to_char(now(), '') AS b, substring(name FROM 'z') AS c,"
     " (document ->> 'x') AS d, greatest(note, name) AS e FROM oa_parent", "a? b? c? d? e"),
    ("SELECT count(*) AS n FROM oa_parent GROUP BY note HAVING count(*) > 5", "n"),
]
RETURNED = [
    ("INSERT INTO oa_parent VALUES (5, 'c', NULL, '{}', 'glad', '{}') RETURNING id, note, name",
     "id note? name"),
    ("UPDATE oa_parent SET note = NULL WHERE note = 'n' RETURNING id, note", "id note?"),
    ("UPDATE oa_child c SET amount = 1 FROM oa_child d LEFT JOIN oa_parent p ON p.id = d.parent_id"
     " WHERE d.id = c.id RETURNING c.id, d.amount, p.name", "id amount name?"),
    ("DELETE FROM oa_child RETURNING id, parent_id", "id parent_id?"),
    ("UPDATE oa_triggered SET name = 'z' RETURNING id, name", "id? name?"),
    ("WITH gone AS (DELETE FROM oa_child RETURNING id, at) SELECT g.at, g.id FROM gone g", "at?"
     " id"),
]


def document(cluster, folder, **options):
    done = run("openapi", primary=cluster.primary.conninfo, catalog=folder, **options)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def rows_of(cluster, statement):
    """What it returns, by names; nothing stays of it."""
    done = cluster.primary.psql(["--csv", "-P", f"null={NULL}", "-P", "tuples_only=off"],
                                f"BEGIN;\n{statement};\nROLLBACK;\n")
    assert done.returncode == 0, done.stderr
    return list(csv.DictReader(io.StringIO(done.stdout)))


def may_be_null(schema):
    return "null" in schema.get("type", ["null"])


def shown(whole, name):
    columns = whole["components"]["schemas"][f"{name}.row"]
    assert columns["required"] == list(columns["properties"])
    return " ".join(column + "?" * may_be_null(schema)
                    for column, schema in columns["properties"].items())


def judge(cluster, own_catalog, table):
    """table: kind, statement, its columns. No column is NULL that the document says is not."""
    folder = own_catalog("\n".join(f"-- {kind}: o{number} :many\n{statement};\n"
                                   for number, (kind, statement, _) in enumerate(table)))
    whole = document(cluster, folder)
    wrong = [f"{statement}\n  is {shown(whole, f'o{number}')}, not {columns}"
             for number, (_, statement, columns) in enumerate(table)
             if shown(whole, f"o{number}") != columns]

    for number, (_, statement, _) in enumerate(table):
        properties = whole["components"]["schemas"][f"o{number}.row"]["properties"]
        for row in rows_of(cluster, statement):
            assert [name for name, value in row.items()
                    if value == NULL and not may_be_null(properties[name])] == [], statement
    assert not wrong, "\n".join(wrong)


@pytest.mark.usefixtures("schema")
def test_what_is_never_null_is_proved_and_nothing_else(cluster, own_catalog):
    judge(cluster, own_catalog, [("query", *row) for row in PROVED]
          + [("command", *row) for row in RETURNED])


def test_statements_of_all_kinds_are_judged_as_their_rows_are(cluster, own_catalog):
    cluster.primary.sql("SET client_min_messages = error;" + statements.SCHEMA)
    cluster.wait_until_replayed()
    version = int(cluster.primary.sql("SHOW server_version_num")) // 10000
    try:
        judge(cluster, own_catalog, [("query", *row) for row in statements.QUERIES]
              + [("command", *row) for row in statements.COMMANDS
                 + statements.OF_17 * (version >= 17) + statements.OF_18 * (version >= 18)])
    finally:
        cluster.primary.sql(statements.CLEAN)


def references(node):
    if isinstance(node, dict):
        yield from ([node["$ref"]] if isinstance(node.get("$ref"), str) else [])
        node = list(node.values())
    for child in node if isinstance(node, list) else []:
        yield from references(child)


def calls(whole):
    return [call for path in whole["paths"].values() for way, call in path.items()
            if way != "parameters"]


def test_the_document_hangs_together_and_is_the_same_each_time(cluster, catalog):
    whole = document(cluster, catalog)
    names = [call["operationId"] for call in calls(whole)]

    assert whole["openapi"].startswith("3.1")
    assert len(names) == len(set(names)) > 40
    for reference in set(references(whole)):
        assert resolve(whole, {"$ref": reference})
    for call in calls(whole):
        assert "security" in call and "200" in call["responses"] and "default" in call["responses"]
    assert document(cluster, catalog) == whole


def test_types_and_constraints_are_those_of_the_database(cluster, catalog):
    schemas = document(cluster, catalog)["components"]["schemas"]
    listed = schemas["orders_by_customer.parameters"]

    assert listed["required"] == ["customer_id"]
    assert listed["additionalProperties"] is False
    assert listed["properties"]["status"]["enum"] == ["new", "paid", "shipped", "cancelled", None]
    assert listed["properties"]["max"]["default"] == 50
    assert schemas["order_by_id.row"]["properties"]["status"]["enum"] == [
        "new", "paid", "shipped", "cancelled"]


def test_the_author_says_what_is_never_null_and_shows_a_call(cluster, own_catalog):
    whole = document(cluster, own_catalog(
        "-- query: a :one\n-- @param max int = 5\n-- @notnull known, \"odd\n"
        "-- @example {\"max\": 7}\n"
        "SELECT nullif(:max, 1) AS known, nullif(:max, 1) AS other, nullif(:max, 1)"
        " AS \"\"\"odd\";\n"))
    path = whole["paths"]["/v1/queries/a"]

    assert shown(whole, "a") == 'known other? "odd'
    assert path["get"]["parameters"][0]["example"] == 7
    assert path["post"]["requestBody"]["content"]["application/json"]["example"] == {"max": 7}


@pytest.mark.parametrize("verb", ["check", "openapi"])
def test_a_column_that_is_not_there_is_found(cluster, own_catalog, verb):
    done = run(verb, primary=cluster.primary.conninfo, catalog=own_catalog(
        "-- query: a :one\n-- @notnull sku, nmae\nSELECT sku, name FROM products LIMIT 1;\n"))

    assert done.returncode == 1
    assert 'operations.sql:2:18: error: @notnull: there is no column "nmae"' in done.stderr
    assert 'did you mean "name"?' in done.stderr


def test_an_operation_that_is_wrong_has_no_document(cluster, own_catalog):
    done = run("openapi", primary=cluster.primary.conninfo,
               catalog=own_catalog("-- query: a :one\nSELECT nope;\n"))

    assert (done.returncode, done.stdout) == (1, "")
    assert "operations.sql:2:8: error: " in done.stderr
    assert "nope" in done.stderr


def test_a_standby_is_not_asked(cluster, catalog):
    done = run("openapi", primary=cluster.replica(1).conninfo, catalog=catalog)

    assert (done.returncode, done.stdout) == (1, "")
    assert "is a standby" in done.stderr


# Of the shop and the tests: an operation, how it is asked, and what comes.
ASKED = [
    ("order_by_id", {"id": 1}, 200), ("order_by_id", {"id": 10**9}, 404),
    ("order_by_id", {"id": "x"}, 400), ("order_by_id", {}, 400), ("order_by_id", {"no": 1}, 400),
    ("customer_by_id", {"id": 10**9}, 200), ("customer_by_id", {"id": 7}, 200),
    ("customer_summary", {"id": 7}, 200), ("customer_summary", {"id": 9001}, 200),
    ("orders_by_customer", {"customer_id": 7}, 200), ("my_orders", {}, 200),
    ("orders_by_customer", {"customer_id": 7, "status": "paid"}, 200),
    ("orders_by_customer", {"customer_id": 7, "status": "no"}, 400),
    ("orders_between", {"since": "2020-01-01", "until": "2030-01-01"}, 200),
    ("products.search", {"max": 3}, 200), ("product_by_sku", {"sku": "pen"}, None),
    ("top_products", {"since": "2020-01-01"}, None),
    ("place_order", {"customer_id": 7, "sku": "no such sku"}, 409),
    ("place_order", {"customer_id": 7, "sku": "pen", "quantity": -1}, None),
    ("cancel_order", {"id": 10**9}, 404), ("cancel_order", {"id": 1}, None),
    ("optional", {"required": 1}, 200), ("whoami", {}, 200), ("columns", {}, 200),
    ("not_parameters", {}, None), ("numbers.one", {"n": 2}, None), ("divide", {"by": 0}, 422),
]


def test_what_is_answered_is_in_the_document(cluster, catalog, cqrsd):
    whole = document(cluster, catalog)
    wrong = []
    for name, params, status in ASKED:
        kind = "queries" if f"/v1/queries/{name}" in whole["paths"] else "commands"
        path = f"/v1/{kind}/{name}"
        answers = {"post": cqrsd.post(path, params)}
        if kind == "queries":
            answers["get"] = cqrsd.query(name, **params)
        for way, answer in answers.items():
            assert status in (None, answer.status), (name, params, answer)
            wrong += [f"{way} {name} {params}: {line}" for line in
                      misfits_of_answer(whole, whole["paths"][path][way], answer)]

    assert not wrong, "\n".join(wrong)


def test_what_stories_are_answered_is_compared_with_the_document(cqrsd, promised):
    narrow = copy.deepcopy(promised.whole)
    name = narrow["components"]["schemas"]["whoami.row"]["properties"]
    column = next(iter(name))
    name[column] = {"type": "boolean"}
    cqrsd.promises = promised
    right = cqrsd.query("whoami", user="ann")
    assert right.status == 200 and not cqrsd.broken
    cqrsd.promises = Promises(narrow)

    answer = cqrsd.query("whoami", user="ann")

    assert answer.status == 200
    assert any(f".{column}" in line for line in cqrsd.broken), cqrsd.broken
    cqrsd.broken.clear()
