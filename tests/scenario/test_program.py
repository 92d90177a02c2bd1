"""The program: verbs, options, where they come from, and what it says when they are wrong."""

import json
import re
import socket
from concurrent.futures import ThreadPoolExecutor

import pytest
from harness.service import run
from harness.until import until


def options_of(cluster, catalog):
    return {"primary": cluster.primary.conninfo, "catalog": catalog,
            "replica": [node.conninfo for node in cluster.replicas]}


def test_help_is_there_for_the_program_and_every_verb():
    for line in (["-h"], ["serve", "-h"], ["migrate", "-h"], ["check", "-h"], ["health", "-h"],
                 ["version", "-h"], ["--help"], ["serve", "--help"]):
        done = run(*line)
        assert done.returncode == 0, line
        assert done.stdout.strip(), line


def test_help_of_serve_names_every_option_with_its_default():
    told = run("serve", "-h").stdout

    for option, default in (("primary", ""), ("replica", ""), ("catalog", "./sql"),
                            ("listen", "127.0.0.1:8080"), ("max-lag-ms", "1000"),
                            ("wait-ms", "30"), ("drain-ms", "25000"), ("insecure", "")):
        assert f"--{option}" in told and default in told


def test_version_tells_version_and_revision():
    assert re.search(r"cqrsd \d+\.\d+", run("version").stdout)
    assert "version" in json.loads(run("version", "--json").stdout)


def test_nothing_to_do_is_wrong_usage():
    assert run().returncode == 2


@pytest.mark.parametrize("line, near", [
    (["srve"], "serve"), (["migrat"], "migrate"),
    (["serve", "--max-lga-ms", "5"], "max-lag-ms"), (["serve", "--pirmary", "x"], "primary"),
    (["check", "--catalgo", "x"], "catalog")])
def test_an_unknown_word_is_wrong_usage_and_the_nearest_is_named(line, near):
    done = run(*line)

    assert done.returncode == 2
    assert near in done.stderr
    assert done.stdout == ""


@pytest.mark.parametrize("line", [
    ["--pool-conns", "0"], ["--pool-conns", "many"], ["--wait-ms", "-1"], ["--wait-ms", "1.5"],
    ["--loops", "99999999999999999999"], ["--spill-share", "101"], ["--log-level", "loud"],
    ["--listen", "nowhere"], ["--listen", "127.0.0.1:99999"], ["--max-lag-ms", ""]])
def test_a_value_out_of_range_is_wrong_usage_and_its_option_is_named(line):
    done = run("serve", "--primary", "host=127.0.0.1", *line)

    assert done.returncode == 2, done.stderr
    assert line[0][2:] in done.stderr


def test_serve_without_a_primary_is_wrong_usage():
    done = run("serve")

    assert done.returncode == 2
    assert "primary" in done.stderr


def test_a_value_out_of_range_in_the_environment_names_the_variable():
    done = run("serve", "--primary", "host=127.0.0.1", env={"CQRSD_POOL_CONNS": "0"})

    assert done.returncode == 2
    assert "CQRSD_POOL_CONNS" in done.stderr


@pytest.mark.parametrize("text, wrong_line, near", [
    ("# fine\npool-conns = 4\nmax-lga-ms = 5\n", 3, "max-lag-ms"),
    ("pool-conns = 0\n", 1, "pool-conns"), ("pool-conns\n", 1, "pool-conns"),
    ("\n\n= 5\n", 3, ""), ("wait-ms = soon\n", 1, "wait-ms")])
def test_a_wrong_line_of_the_config_file_is_named(tmp_path, text, wrong_line, near):
    config = tmp_path / "cqrsd.conf"
    config.write_text(text)

    done = run("serve", "--primary", "host=127.0.0.1", "--config", config)

    assert done.returncode == 2
    assert f"cqrsd.conf:{wrong_line}" in done.stderr
    assert near in done.stderr


def test_a_config_file_that_is_not_there_is_named():
    done = run("serve", "--primary", "host=127.0.0.1", "--config", "/nowhere/at.all")

    assert done.returncode in (1, 2)
    assert "/nowhere/at.all" in done.stderr


def test_flag_beats_environment_beats_file_beats_default(start_cqrsd, tmp_path):
    def takes(cqrsd, size):
        body = b'{"first":1,"second":1' + b" " * (size - 22) + b"}"
        return cqrsd.post("/v1/queries/undeclared", body).status == 200
    config = tmp_path / "cqrsd.conf"
    config.write_text("# a comment\n\n  body-bytes-max = 2000   # small\n")
    variable = {"CQRSD_BODY_BYTES_MAX": "4000"}

    by_file = start_cqrsd(config=config)
    by_variable = start_cqrsd(config=config, env=variable)
    by_flag = start_cqrsd(config=config, env=variable, body_bytes_max=8000)

    assert takes(by_file, 2000) and not takes(by_file, 2001)
    assert takes(by_variable, 4000) and not takes(by_variable, 4001)
    assert takes(by_flag, 8000) and not takes(by_flag, 8001)


def test_nodes_come_from_the_environment(start_cqrsd, cluster):
    replicas = " ".join(node.conninfo for node in cluster.replicas)
    cqrsd = start_cqrsd(primary=None, replica=None, env={
        "CQRSD_PRIMARY": cluster.primary.conninfo, "CQRSD_REPLICA": replicas})

    assert {node["node"] for node in cqrsd.readyz().json["nodes"]} == {
        node.address for node in cluster.nodes}


def test_the_primary_comes_from_a_file_that_the_environment_names(start_cqrsd, cluster, tmp_path):
    secret = tmp_path / "primary"
    secret.write_text(cluster.primary.conninfo + "\n")

    cqrsd = start_cqrsd(primary=None, env={"CQRSD_PRIMARY_FILE": str(secret)})

    assert cqrsd.query("ping").data == {"pong": 1}


def test_a_password_in_a_flag_works_and_is_warned_about_and_never_logged(start_cqrsd, cluster):
    conninfo = cluster.primary.conninfo.replace("postgres@", "postgres:s3cret-word@")
    cqrsd = start_cqrsd(primary=conninfo)

    assert cqrsd.query("ping").data == {"pong": 1}
    assert "password" in cqrsd.log_text()
    assert "s3cret-word" not in cqrsd.log_text()


def test_listening_beyond_loopback_needs_to_be_called_insecure(cluster, catalog):
    for listen in ("0.0.0.0:0", "[::]:0"):
        done = run("serve", **options_of(cluster, catalog), listen=listen,
                   admin_listen="127.0.0.1:0")
        assert done.returncode in (1, 2)
        assert "insecure" in done.stderr


@pytest.mark.parametrize("header", ["Host", "content-TYPE", "Idempotency-Key"])
def test_a_header_that_says_something_else_names_no_user(cluster, catalog, header):
    done = run("serve", **options_of(cluster, catalog), user_header=header)

    assert done.returncode == 2
    assert f"--user-header: {header} is used by" in done.stderr


@pytest.mark.parametrize(("how", "shown"), [("number", "0"), ("none", None)])
def test_replies_name_a_node_as_the_operator_wants(start_cqrsd, cluster, how, shown):
    cqrsd = start_cqrsd(node_in_replies=how)

    answer = cqrsd.query("ping", consistency="strong")

    assert answer.served_by.role == "primary"
    assert answer.served_by.node == shown
    assert cluster.primary.address not in str(answer.headers)
    assert cqrsd.node(cluster.primary.address)["role"] == "primary"


def test_an_address_in_use_is_named(cluster, catalog):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        done = run("serve", **options_of(cluster, catalog), listen=address,
                   admin_listen="127.0.0.1:0")

    assert done.returncode == 1
    assert address in done.stderr and "in use" in done.stderr


def test_serve_with_a_broken_catalog_says_where_and_does_not_start(cluster, own_catalog):
    folder = own_catalog("-- query: fine :one\nSELECT 1;\n\n-- query: bad :sometimes\nSELECT 1;\n")
    done = run("serve", **options_of(cluster, folder))

    assert done.returncode == 1
    assert re.search(r"operations\.sql:4:\d+: error: ", done.stderr)


def test_migrate_twice_changes_nothing_the_second_time(cluster):
    def schema():
        return cluster.primary.sql(
            "SELECT c.relname, c.xmin, s.n_tup_ins FROM pg_class c "
            "LEFT JOIN pg_stat_user_tables s ON s.relid = c.oid "
            "WHERE c.relnamespace = 'cqrsd'::regnamespace ORDER BY 1")
    before = schema()
    done = run("migrate", primary=cluster.primary.conninfo)

    assert done.returncode == 0
    assert before and schema() == before


def test_migrations_at_the_same_time_agree(cluster):
    cluster.primary.sql("CREATE DATABASE together")
    conninfo = cluster.primary.conninfo.replace("/shop", "/together")
    try:
        with ThreadPoolExecutor(4) as pool:
            done = list(pool.map(lambda _: run("migrate", primary=conninfo), range(4)))
        assert [one.returncode for one in done] == [0, 0, 0, 0], [one.stderr for one in done]
    finally:
        cluster.primary.sql("DROP DATABASE together WITH (FORCE)")


def test_migrate_without_a_server_says_so(cluster):
    done = run("migrate", primary="postgresql://postgres@127.0.0.1:1/shop")

    assert done.returncode == 1
    assert done.stderr.strip()


def test_a_database_without_the_schema_is_told_to_migrate(start_cqrsd, cluster):
    cluster.primary.sql("CREATE DATABASE bare")
    try:
        cqrsd = start_cqrsd(wait="alive", replicas=0,
                            primary=cluster.primary.conninfo.replace("/shop", "/bare"))
        until(lambda: "migrate" in cqrsd.readyz().body.decode(), "/readyz to name the way out")
        assert cqrsd.readyz().status == 503
        cqrsd.terminate()
        assert cqrsd.wait() == 0
    finally:
        cluster.primary.sql("DROP DATABASE bare WITH (FORCE)")


def test_health_asks_a_running_service(cqrsd):
    well = run("health", admin_listen=cqrsd.admin_address)
    cqrsd.terminate()
    cqrsd.wait()
    gone = run("health", admin_listen=cqrsd.admin_address)

    assert (well.returncode, gone.returncode) == (0, 1)
