"""cqrsd check: what is wrong with a catalog, and where."""

import json
import re

import pytest
from harness.service import run


def check(cluster, folder, **options):
    return run("check", primary=cluster.primary.conninfo, catalog=folder,
               replica=[node.conninfo for node in cluster.replicas], **options)


def test_the_catalog_of_the_tests_is_sound(cluster, catalog):
    done = check(cluster, catalog)

    assert done.returncode == 0, done.stderr
    assert "error:" not in done.stderr


def test_check_can_tell_machines(cluster, catalog):
    done = check(cluster, catalog, json=True)

    assert done.returncode == 0
    json.loads(done.stdout)


@pytest.mark.parametrize("text, line, column, says", [
    ("-- query: a :many\nSELECT id, nmae\n  FROM customers;\n", 2, 12, "nmae"),
    ("-- query: a :many\nSELECT id\n  FROM custommers;\n", 3, 8, "custommers"),
    ("-- query: a :many\n-- @param id bigint\nSELECT id FROM customers\n"
     " WHERE id = :id AND wrong(:id);\n", 4, 21, "wrong"),
    ("-- query: a :many\nSELECT 'täglich', 漢;\n", 2, 19, "漢"),
    ("-- query: ok :one\nSELECT 1;\n\n-- query: a :one\nSELECT 1 +;\n", 5, 11, "syntax"),
    ("-- query: a :one\nSELECT /* :x */ ':y' AS y, :x::int + :x::int + bad;\n", 2, 48, "bad"),
], ids=["column", "table", "function", "after wide letters", "syntax", "after parameters"])
def test_what_postgres_says_is_told_at_the_authors_place(cluster, own_catalog, text, line, column,
                                                         says):
    done = check(cluster, own_catalog(text))

    assert done.returncode == 1
    assert f"operations.sql:{line}:{column}: error: " in done.stderr
    assert says in done.stderr


def test_every_mistake_is_told_not_only_the_first(cluster, own_catalog):
    folder = own_catalog("-- query: a :one\nSELECT nope_a;\n\n-- query: b :one\nSELECT nope_b;\n")
    own_catalog("-- query: c :one\nSELECT nope_c;\n", name="more.sql")
    done = check(cluster, folder)

    assert len(re.findall(r"error: ", done.stderr)) == 3
    for name in ("nope_a", "nope_b", "nope_c"):
        assert name in done.stderr


@pytest.mark.parametrize("sql", [
    "UPDATE cells SET number = 1", "DELETE FROM cells", "INSERT INTO cells VALUES ('x', 1)",
    "WITH gone AS (DELETE FROM cells RETURNING *) SELECT * FROM gone",
    "SELECT * FROM cells FOR UPDATE", "SELECT * FROM cells FOR SHARE"])
def test_a_query_that_writes_or_locks_is_found(cluster, own_catalog, sql):
    done = check(cluster, own_catalog(f"-- query: a :many\n{sql};\n"))

    assert done.returncode == 1
    assert re.search(r"operations\.sql:\d+:\d+: error: ", done.stderr)


def test_a_command_may_write(cluster, own_catalog):
    done = check(cluster, own_catalog("-- command: a :exec\nDELETE FROM cells WHERE number < 0;\n"))

    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("sql", ["COPY cells TO STDOUT", "BEGIN", "COMMIT", "VACUUM", "LISTEN x",
                                 "SET work_mem = '1GB'", "COPY cells FROM STDIN"])
def test_a_statement_that_no_operation_may_be_is_found(cluster, own_catalog, sql):
    done = check(cluster, own_catalog(f"-- command: a :exec\n{sql};\n"))

    assert done.returncode == 1, done.stdout
    assert "error: " in done.stderr


def test_a_type_that_is_not_there_is_found(cluster, own_catalog):
    done = check(cluster, own_catalog("-- query: a :one\n-- @param v bigintt\nSELECT :v AS v;\n"))

    assert done.returncode == 1
    assert "bigintt" in done.stderr


def test_offline_reads_the_catalog_and_asks_nobody(own_catalog):
    fine = run("check", "--offline", catalog=own_catalog("-- query: a :one\nSELECT nope;\n"))
    bad = run("check", "--offline", catalog=own_catalog("-- query: a :won\nSELECT nope;\n"))

    assert fine.returncode == 0, fine.stderr
    assert bad.returncode == 1
    assert re.search(r"operations\.sql:1:\d+: error: .*:one", bad.stderr)


def test_rate_limits_are_checked_with_the_words_of_serve(own_catalog, tmp_path):
    folder = own_catalog("-- query: dear :one\n-- @cost 5\nSELECT 5;\n")
    config = tmp_path / "cqrsd.conf"
    config.write_text("rate-limit = user 1/h burst 4\nrate-limit = operation deer 9/s\n")
    done = run("check", "--offline", "--json", catalog=folder, config=config)
    told = json.loads(done.stdout)
    served = run("serve", primary="host=127.0.0.1", catalog=folder, config=config)

    assert done.returncode == 1
    assert done.stderr == served.stderr
    assert 'for deer, which is no operation of the catalog; did you mean "dear"?' in done.stderr
    assert (told["ok"], told["errors"], told["warnings"]) == (False, 1, 1)
    assert {found["kind"] for found in told["findings"]} == {"error", "warning"}


def test_an_operation_that_can_never_pass_a_rate_limit_is_a_warning(own_catalog):
    folder = own_catalog("-- query: dear :one\n-- @cost 5\nSELECT 5;\n")
    done = run("check", "--offline", catalog=folder, rate_limit="user 1/h burst 4")

    assert done.returncode == 0
    assert "operations.sql:1: warning: dear costs 5, more than the burst of 4" in done.stderr


def test_a_rate_limit_that_is_none_is_wrong_usage(own_catalog):
    done = run("check", "--offline", catalog=own_catalog("-- query: a :one\nSELECT 1;\n"),
               rate_limit="usr 5/s")

    assert done.returncode == 2
    assert '--rate-limit: "usr" where a rate belongs' in done.stderr


def test_options_that_have_no_effect_are_reported(cluster, own_catalog):
    done = check(cluster, own_catalog("-- query: a :one\n-- @tags n\nSELECT 1 AS n;\n"))

    assert done.returncode == 0
    assert re.search(r"operations\.sql:2.*no effect", done.stderr + done.stdout)


def test_without_a_catalog_it_says_so(tmp_path):
    done = run("check", "--offline", catalog=tmp_path / "nowhere")

    assert done.returncode == 1
    assert "nowhere" in done.stderr
