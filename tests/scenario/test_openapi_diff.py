"""cqrsd openapi --diff, check --against: what breaks a client, and what does not."""

import json

import pytest
from harness.service import run

SCHEMA = """
CREATE TYPE od_few AS ENUM ('a', 'b');
CREATE TYPE od_more AS ENUM ('a', 'b', 'c');
CREATE DOMAIN od_short AS varchar(5);
CREATE DOMAIN od_long AS varchar(9);
CREATE TYPE od_pair AS (x int, y text);
CREATE TYPE od_wide AS (x int, y text, z int);
CREATE TABLE od_row (id int NOT NULL, big bigint NOT NULL, name text NOT NULL, note text,
  few od_few NOT NULL, more od_more NOT NULL, at timestamptz NOT NULL, number numeric NOT NULL,
  key uuid NOT NULL, bytes bytea NOT NULL, words text[] NOT NULL, numbers int[] NOT NULL,
  pair od_pair NOT NULL, wide od_wide NOT NULL);
"""
CLEAN = """DROP TABLE od_row; DROP TYPE od_wide, od_pair, od_few, od_more;
  DROP DOMAIN od_short, od_long;"""


def reads(columns="id", rows=":many", options=""):
    return f"-- query: NAME {rows}\n{options}SELECT {columns} FROM od_row;\n"


def takes(what, options=""):
    return f"-- query: NAME :many\n{options}SELECT id FROM od_row WHERE {what};\n"


def writes(options="", rows=":exec", returning=""):
    return (f"-- command: NAME {rows}\n{options}UPDATE od_row SET name = :name"
            f" WHERE id = :id{returning};\n")


# Old, new, and the lines that say so: + is compatible, ! is breaking. None: the operation is not
# there.
CHANGES = [
    (reads(), None, ["!the query is gone"]),
    (None, reads(), ["+the query is new"]),
    (writes(), None, ["!the command is gone"]),
    (reads(), reads(), []),
    (reads(), "-- It reads.\n" + reads(), []),
    (reads("id, note"), reads("note, id"), []),
    # What clients receive.
    (reads("id, note"), reads("id"), ["!column note is gone"]),
    (reads("id"), reads("id, note"), ["+column note is new"]),
    (reads("name AS a"), reads("note AS a"), ["!column a may be null"]),
    (reads("note AS a"), reads("name AS a"), ["+column a is not null any more"]),
    (reads("note AS a"), reads("coalesce(note, '-') AS a"), ["+column a is not null any more"]),
    (reads("id AS a"), reads("name AS a"), ["!column a: integer (int32) became string"]),
    (reads("id AS a"), reads("big AS a"), ["!column a: integer (int32) became integer (int64)"]),
    (reads("big AS a"), reads("id AS a"), ["+column a: integer (int64) became integer (int32)"]),
    (reads("big AS a"), reads("big AS a", options="-- @int8 string\n"),
     ["!column a: integer (int64) became string (int64)"]),
    (reads("id AS a"), reads("number AS a"), [
        "!column a: integer (int32) became string (decimal)"]),
    (reads("at AS a"), reads("at::date AS a"), [
        "!column a: string (date-time) became string (date)"]),
    (reads("key AS a"), reads("key::text AS a"), ["!column a: string (uuid) became string"]),
    (reads("name AS a"), reads("key AS a"), ["+column a: string became string (uuid)"]),
    (reads("name AS a"), reads("bytes AS a"), ["!column a: string became string (base64)"]),
    (reads("few AS a"), reads("more AS a"), ['!column a: the value "c" is new']),
    (reads("more AS a"), reads("few AS a"), ['+column a: the value "c" is gone']),
    (reads("few AS a"), reads("name AS a"), ["!column a: any value instead of certain ones"]),
    (reads("name AS a"), reads("few AS a"), ["+column a: certain values only instead of any"]),
    (reads("id AS a"), reads("numbers AS a"), ["!column a: integer (int32) became array"]),
    (reads("words AS a"), reads("numbers AS a"), ["!column a[]: string became integer (int32)"]),
    (reads("pair AS a"), reads("wide AS a"), ["+column a.z is new"]),
    (reads("wide AS a"), reads("pair AS a"), ["!column a.z is gone"]),
    (reads("to_jsonb(name) AS a"), reads("name AS a"), ["+column a: any JSON became string"]),
    (reads("name AS a"), reads("to_jsonb(name) AS a"), ["!column a: string became any JSON"]),
    (reads(rows=":one"), reads(rows=":maybe"), [
        "!one row (:one) became one row or null (:maybe)"]),
    (reads(rows=":maybe"), reads(rows=":one"), [
        "!one row or null (:maybe) became one row (:one)"]),
    (reads(rows=":one"), reads("id, name"), [
        "!one row (:one) became an array of rows (:many)",
        "!code unexpected-cardinality (500) is gone", "+column name is new"]),
    (reads(options="-- @max-rows 5\n"), reads(options="-- @max-rows 9\n"),
     ["+rows: maxItems 5 became 9"]),
    (reads(options="-- @max-rows 9\n"), reads(options="-- @max-rows 5\n"),
     ["!rows: maxItems 9 became 5"]),
    (reads(options="-- @cache 5s\n"), reads(), [
        "!header Age of the answer is gone", "!header Cache-Control is gone",
        "!header Cache-Status of the answer is gone",
        "!304: header Age of the answer is gone",
        "!304: header Cache-Status of the answer is gone"]),
    (reads(), reads(options="-- @cache 5s\n"), [
        "+header Age of the answer is new", "+header Cache-Control is new, and optional",
        "+header Cache-Status of the answer is new",
        "+304: header Age of the answer is new",
        "+304: header Cache-Status of the answer is new"]),
    # What clients send.
    (takes("id = :a"), takes("id = :a AND name = :b"), ["!parameter b is new, and required"]),
    (takes("id = :a"), takes("id = :a AND name = :b", "-- @param a int4\n-- @param b text?\n"),
     ["+parameter b is new, and optional"]),
    (takes("id = :a"), takes("id = :a AND id < :b", "-- @param a int4\n-- @param b int4 = 5\n"),
     ["+parameter b is new, and optional"]),
    (takes("id = :a AND name = :b"), takes("id = :a"), ["!parameter b is gone"]),
    (takes("id = :a AND id < :b", "-- @param a int4\n-- @param b int4?\n"),
     takes("id = :a AND id < :b"),
     ["!parameter b is required", "!parameter b may not be null any more"]),
    (takes("id = :a AND id < :b"),
     takes("id = :a AND id < :b", "-- @param a int4\n-- @param b int4?\n"),
     ["+parameter b is not required any more", "+parameter b may be null"]),
    (takes("id = :a"), takes("id = :a", "-- @param a int4 = 5\n"),
     ["+parameter a is not required any more", "+a body is not required any more"]),
    (takes("id = :a", "-- @param a int4 = 5\n"), takes("id = :a"),
     ["!parameter a is required", "!a body is required"]),
    (takes("id = :a", "-- @param a int4 = 5\n"),
     takes("id = :a", "-- @param a int4 = 6\n"), ["!parameter a: default 5 became 6"]),
    (takes("id = :a"), takes("big = :a"),
     ["+parameter a: integer (int32) became integer|string (int64)"]),
    (takes("big = :a"), takes("id = :a"),
     ["!parameter a: integer|string (int64) became integer (int32)"]),
    (takes("name = :a"), takes("id = :a"), ["!parameter a: string became integer (int32)"]),
    (takes("few = :a"), takes("more = :a"), ['+parameter a: the value "c" is new']),
    (takes("more = :a"), takes("few = :a"), ['!parameter a: the value "c" is gone']),
    (takes("name = :a"), takes("few = :a"), [
        "!parameter a: certain values only instead of any"]),
    (takes("few = :a"), takes("name = :a"), ["+parameter a: any value instead of certain ones"]),
    (takes("name = :a", "-- @param a od_long\n"), takes("name = :a", "-- @param a od_short\n"),
     ["!parameter a: maxLength 9 became 5"]),
    (takes("name = :a", "-- @param a od_short\n"), takes("name = :a", "-- @param a od_long\n"),
     ["+parameter a: maxLength 5 became 9"]),
    (takes("name = :a"), takes("name = :a", "-- @param a od_short\n"),
     ["!parameter a: maxLength none became 5"]),
    (takes("words = :a"), takes("numbers = :a"),
     ["!parameter a[]: string became integer (int32)"]),
    # Commands, callers.
    (writes("-- @idempotency optional\n"), writes("-- @idempotency required\n"), [
        "!header Idempotency-Key is required", "+code idempotency-key-required (400) is new"]),
    (writes("-- @idempotency required\n"), writes("-- @idempotency optional\n"), [
        "+header Idempotency-Key is not required any more",
        "+code idempotency-key-required (400) is gone"]),
    (writes("-- @idempotency optional\n"), writes("-- @idempotency none\n"), [
        "!header Idempotency-Key is gone",
        "!header Idempotent-Replayed of the answer is gone",
        "!code idempotency-in-progress (409) is gone",
        "!code idempotency-mismatch (422) is gone"]),
    (writes(), writes(rows=":many", returning=" RETURNING id"), [
        "!no rows (:exec) became an array of rows (:many)", "!member rows_affected is gone"]),
    (writes(), writes("-- @async allowed\n"), [
        "+an answer 202 is new", "+code jobs-full (503) is new"]),
    (writes("-- @async allowed\n"), writes(), [
        "!an answer 202 is gone", "!code jobs-full (503) is gone"]),
    (writes("-- @async allowed\n"), writes("-- @async allowed\n-- @batch-max 5\n"), [
        "+body: object became array|object", "+202: member jobs is new"]),
    (writes("-- @async allowed\n-- @batch-max 5\n"), writes("-- @async allowed\n"), [
        "!body: array|object became object", "!202: member jobs is gone"]),
    (writes("-- @async allowed\n-- @batch-max 9\n"),
     writes("-- @async allowed\n-- @batch-max 5\n"), ["!body: maxItems 9 became 5"]),
    (reads(options="-- @deprecated 2027-03-31\n"), reads(), [
        "+it is not deprecated any more", "+header Deprecation of the answer is gone",
        "+header Sunset of the answer is gone",
        "+304: header Deprecation of the answer is gone",
        "+304: header Sunset of the answer is gone"]),
    (writes("-- @async allowed\n"), writes("-- @async always\n"), [
        "!it is always accepted as a job (202)"]),
    (writes("-- @async always\n"), writes("-- @async allowed\n"), [
        "!it is not always accepted as a job (200)"]),
    (reads(options="-- @public\n"), reads(), [
        "!a caller without credential may not call it any more"]),
    (reads(), reads(options="-- @public\n"), [
        "+a caller without credential may call it, too"]),
    (reads(options="-- @roles a, b\n"), reads(options="-- @roles b, c\n"), [
        "!a caller with the role a may not call it any more",
        "+a caller with the role c may call it, too"]),
    (reads(), reads(options="-- @roles a\n"), [
        "!a caller without certain roles may not call it any more"]),
    (reads(options="-- @roles a\n"), reads(), [
        "+a caller without certain roles may call it, too"]),
    (reads(), reads(options="-- @internal\n"), ["!it is internal"]),
    (reads(options="-- @internal\n"), reads(), ["+it is not internal any more"]),
]


@pytest.fixture
def folders(tmp_path):
    """A function that writes the old catalog and the new one of a table of changes."""
    def write(changes):
        both = []
        for side, name in enumerate(("old", "new")):
            both.append(tmp_path / name)
            both[-1].mkdir()
            (both[-1] / "operations.sql").write_text(
                "\n".join(change[side].replace("NAME", f"t{number:02}")
                          for number, change in enumerate(changes) if change[side]),
                encoding="utf-8")
        return both
    return write


def document_of(cluster, folder, path):
    done = run("openapi", primary=cluster.primary.conninfo, catalog=folder)
    assert done.returncode == 0, done.stderr
    path.write_text(done.stdout, encoding="utf-8")
    return path


def compare(cluster, old, new):
    return run("openapi", primary=cluster.primary.conninfo, catalog=new, diff=old)


def expected(changes):
    words = {"!": "breaking", "+": "compatible"}
    return sorted(f"{words[line[0]]} t{number:02}: {line[1:]}"
                  for number, change in enumerate(changes) for line in change[2])


def of_operations(text):
    """The lines of the table: those of jobs come and go with the commands that have them."""
    return [line for line in text.splitlines() if line.split()[1].startswith("t")]


@pytest.mark.usefixtures("schema")
def test_each_change_is_breaking_or_compatible_for_its_reason(cluster, folders, tmp_path):
    old, new = folders(CHANGES)
    done = compare(cluster, document_of(cluster, old, tmp_path / "old.json"), new)

    assert len(CHANGES) > 40
    assert done.stderr == ""
    assert set(of_operations(done.stdout)) ^ set(expected(CHANGES)) == set()
    assert sorted(of_operations(done.stdout)) == expected(CHANGES)
    assert done.returncode == 1
    names = [line.split()[1] for line in done.stdout.splitlines()]
    assert names == sorted(names)
    assert compare(cluster, tmp_path / "old.json", new).stdout == done.stdout


@pytest.mark.usefixtures("schema")
def test_what_breaks_nothing_ends_with_0(cluster, folders, tmp_path):
    old, new = folders([change for change in CHANGES
                        if not any(line.startswith("!") for line in change[2])])
    path = document_of(cluster, old, tmp_path / "old.json")
    done = compare(cluster, path, new)

    assert done.returncode == 0 and "breaking" not in done.stdout and "compatible" in done.stdout
    same = compare(cluster, path, old)
    assert (same.returncode, same.stdout) == (0, "")


@pytest.mark.usefixtures("schema")
def test_two_catalogs_are_compared_by_check(cluster, folders):
    old, new = folders(CHANGES)
    done = run("check", primary=cluster.primary.conninfo, catalog=new, against=old)

    assert done.returncode == 1
    assert sorted(line for line in done.stdout.splitlines()
                  if line.split()[1].startswith("t")) == expected(CHANGES)
    as_json = json.loads(run("check", "--json", primary=cluster.primary.conninfo, catalog=new,
                             against=old).stdout)
    assert sorted(f"{change['kind']} {change['name']}: {change['why']}"
                  for change in as_json["changes"]
                  if change["name"].startswith("t")) == expected(CHANGES)
    same = run("check", primary=cluster.primary.conninfo, catalog=new, against=new)
    assert same.returncode == 0 and "breaking" not in same.stdout
    offline = run("check", "--offline", catalog=new, against=old,
                  primary=cluster.primary.conninfo)
    assert offline.returncode == 1 and "--against" in offline.stderr


def test_an_old_document_that_is_none_is_refused(cluster, own_catalog, tmp_path):
    new = own_catalog("-- query: a :one\nSELECT 1 AS one;\n")
    for text, why in (("", "old.json:1:1: "), ('{"openapi":\n  nope}', "old.json:2:3: "),
                      ("[]", '"openapi" is not 3'), ('{"openapi":"2.0"}', '"openapi" is not 3'),
                      ('{"openapi":"3.1.0"}', '"paths"'),
                      ('{"openapi":"3.1.0","paths":{"/v1/queries/a":{"get":{"responses":{"200":'
                       '{"$ref":"#/nowhere"}}}}}}', "leads nowhere")):
        (tmp_path / "old.json").write_text(text, encoding="utf-8")
        done = compare(cluster, tmp_path / "old.json", new)
        assert (done.returncode, done.stdout) == (2, ""), text
        assert why in done.stderr
    missing = compare(cluster, tmp_path / "missing.json", new)
    assert (missing.returncode, missing.stdout) == (2, "")
    assert "No such file" in missing.stderr
    assert compare(cluster, tmp_path, new).returncode == 2
