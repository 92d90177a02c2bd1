"""A service that starts again asks what it had kept, behind its clients, and finds it kept."""

import concurrent.futures
import json
import re
import stat
import threading
import time

import pytest
from harness.kept import is_kept, role, until_kept
from harness.promotion import fail_over
from harness.until import until

CATALOG = """
-- query: thing :one
-- @cache 600s
SELECT number FROM test_warm WHERE id = :id;

-- query: named :maybe
-- @param name text?
-- @cache 600s
SELECT number FROM test_warm WHERE name IS NOT DISTINCT FROM :name;

-- query: changing :one
-- @cache 600s
SELECT number + 0 AS number FROM test_warm WHERE id = :id;

-- query: mine :one
-- @cache 600s
SELECT number, :request_user::text AS who FROM test_warm WHERE id = :id;

-- query: claimed :one
-- @cache 600s
-- @claims
SELECT number, current_setting('request.user', true) AS who FROM test_warm WHERE id = :id;

-- query: closed :one
-- @cache 600s
-- @roles clerk
SELECT number FROM test_warm WHERE id = :id;

-- query: slow :one
-- @cache 600s volatile=ok
SELECT number, pg_sleep(0.1)::text AS slept FROM test_warm WHERE id = :id;

-- query: sleep :one
SELECT pg_sleep(:seconds::float8)::text AS slept;

-- command: touch :exec
-- @param id int
-- @param number int
UPDATE test_warm SET number = :number WHERE id = :id;
"""

SCHEMA = """
CREATE TABLE test_warm (id int PRIMARY KEY, number int, name text);
INSERT INTO test_warm SELECT i, 770000 + i, 'name ' || i FROM generate_series(1, 50) AS i;
INSERT INTO test_warm VALUES (51, 770051, NULL);
"""

CLEAN = "DROP TABLE IF EXISTS test_warm"

WAITS = {"wait_ms": 2000, "max_lag_ms": 0, "max_lag_bytes": 0}
ROUND = re.compile(r"--cache-warm: (\d+) keys, (\d+) asked again, (\d+) kept; (\d+) were kept "
                   r"already, (\d+) dropped")


@pytest.fixture
def warm(schema, start_cqrsd, own_catalog, tmp_path):
    def start(**options):
        options = {"cache_warm": tmp_path / "warm", "loops": 1, **WAITS, **options}
        service = start_cqrsd(catalog=own_catalog(CATALOG), **options)
        until_kept(service, "thing", id=50)
        return service
    return start


def stop(service):
    service.terminate()
    assert service.wait() == 0


def start_again(service):
    service.launch()
    until(lambda: service.reached("rotation"), "it to be up again")


def said(service):
    """How the round of the file ended: keys, asked, kept, there, dropped."""
    found = ROUND.search(service.log_text())
    return found and [int(number) for number in found.groups()]


def asked_again(service):
    """It rests four times as long as a group of keys took: on a machine that stands still, long."""
    return until(lambda: said(service), "the keys to be asked again", 60)


def warned(service):
    return [line["msg"] for line in service.log_lines()
            if line["level"] == "warn" and "--cache-warm" in line["msg"]]


def test_what_was_kept_is_kept_after_a_restart(warm):
    service = warm()
    for number in range(1, 31):
        service.query("thing", id=number)
        service.query("named", name=f"name {number}")
    service.query("named", name=None)
    service.query("named", name='"]\n[\\ ä')

    stop(service)
    start_again(service)
    keys, asked, kept, there, dropped = asked_again(service)

    assert keys == 63
    assert dropped == 0
    assert asked == kept + there == 63
    for number in range(1, 31):
        assert role(service.query("thing", id=number)) == "cache"
        assert role(service.query("named", name=f"name {number}")) == "cache"
    assert service.query("named", name=None).data["number"] == 770051
    assert role(service.query("named", name=None)) == "cache"
    assert role(service.query("named", name='"]\n[\\ ä')) == "cache"
    assert service.query("thing", id=7).data["number"] == 770007
    metrics = service.metrics()
    assert metrics.sum("cqrsd_cache_warm_keys_total", result="read") == 63
    assert metrics.sum("cqrsd_cache_warm_keys_total", result="kept") >= 1


def test_without_the_option_a_restart_is_cold(warm):
    service = warm(cache_warm=None)

    stop(service)
    start_again(service)
    service.query("thing", id=1)

    assert role(service.query("thing", id=50)) != "cache"


def test_what_is_asked_again_shows_what_was_written_meanwhile(warm, cluster):
    service = warm()
    service.query("thing", id=1)

    stop(service)
    cluster.primary.sql("UPDATE test_warm SET number = 5 WHERE id = 1")
    start_again(service)
    asked_again(service)

    until(lambda: role(service.query("thing", id=1)) == "cache", "it to be kept")
    service.command("touch", user="ann", id=1, number=6)
    assert service.query("thing", user="ann", id=1).data["number"] == 6


def test_the_file_holds_neither_answers_nor_who_asked(warm, tmp_path):
    service = warm()
    service.query("thing", id=1)
    assert is_kept(service, "mine", user="ann-of-the-file", id=1)
    assert is_kept(service, "claimed", user="ann-of-the-file", id=1)

    stop(service)

    file = tmp_path / "warm"
    text = file.read_text()
    lines = [json.loads(line) for line in text.splitlines()[1:]]
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert sorted((line[0], line[2]) for line in lines) == [("thing", "1"), ("thing", "50")]
    assert "ann-of-the-file" not in text
    assert "7700" not in text
    assert [entry.name for entry in tmp_path.iterdir() if "warm" in entry.name] == ["warm"]


@pytest.mark.parametrize("make", [
    lambda file: file.write_text(file.read_text()[:-2]),
    lambda file: file.write_text(file.read_text().replace("thing", "thonk")),
    lambda file: file.write_text("-- query: x :one\nSELECT 1;\n"),
    lambda file: file.write_bytes(bytes(range(256)) * 1000),
    lambda file: file.write_text(""),
    lambda file: file.chmod(0o666),
    lambda file: (file.unlink(), file.mkdir()),
], ids=["cut off", "changed", "foreign", "bytes", "empty", "writable for all", "a folder"])
def test_a_file_that_is_damaged_is_a_warning(warm, tmp_path, make):
    service = warm()
    stop(service)
    make(tmp_path / "warm")

    start_again(service)

    assert len(warned(service)) == 1
    until_kept(service, "thing", id=1)
    assert said(service) is None


def test_a_folder_that_is_not_there_is_a_warning(warm, tmp_path):
    service = warm(cache_warm=tmp_path / "nowhere" / "warm")

    until(lambda: warned(service), "the warning")

    assert is_kept(service, "thing", id=1)
    stop(service)


def test_keys_of_operations_that_have_changed_are_dropped(warm, own_catalog):
    service = warm()
    for number in range(1, 11):
        service.query("thing", id=number)
        service.query("changing", id=number)

    stop(service)
    own_catalog(CATALOG.replace("number + 0", "number + 1"))
    start_again(service)

    keys, asked, _, _, dropped = asked_again(service)
    assert (keys, asked, dropped) == (21, 11, 10)


def test_who_may_not_ask_is_not_given_what_was_asked_again(warm, own_catalog):
    """Who may ask is judged for each request; what is kept is the same for all of them."""
    service = warm()

    stop(service)
    own_catalog(CATALOG.replace("-- query: thing :one", "-- query: thing :one\n-- @roles clerk"))
    start_again(service)
    asked_again(service)

    assert service.client.get("/v1/queries/thing?id=50").status == 403


def test_a_service_that_is_killed_has_written_before(warm, tmp_path):
    service = warm()
    service.query("thing", id=1)

    until(lambda: (tmp_path / "warm").exists() and '"1"]' in (tmp_path / "warm").read_text(),
          "the file")
    service.kill9()
    service.wait()
    start_again(service)
    asked_again(service)

    assert role(service.query("thing", id=1)) == "cache"


def test_a_service_that_is_stopped_while_cold_leaves_the_file(warm, tmp_path):
    service = warm()
    for number in range(1, 41):
        service.query("slow", id=number)
    stop(service)
    before = (tmp_path / "warm").read_text()
    assert before.count("slow") == 40

    start_again(service)
    service.query("thing", id=3)
    assert said(service) is None
    stop(service)

    assert (tmp_path / "warm").read_text() == before


def test_between_groups_it_rests(warm):
    """Control: make VARIANT=warm-without-rest. Nine keys of 0.1 s each, 0.4 s behind each."""
    service = warm()
    for number in range(1, 10):
        service.query("slow", id=number)
    stop(service)
    start_again(service)

    begun = until(lambda: asked_of_nodes(service, "slow") and time.monotonic(), "the first one")
    asked_again(service)

    assert time.monotonic() - begun > 3.2


def test_it_waits_while_queries_of_clients_do(warm):
    """Control: make VARIANT=warm-no-room. Forty keys of 0.1 s, beside clients who take all there is
    for more than ten seconds."""
    service = warm(node_cores=1, pool_conns=2, queue_wait_ms=60000)
    for number in range(1, 41):
        service.query("slow", id=number)
    stop(service)
    start_again(service)

    ended = threading.Event()
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        clients = [pool.submit(sleep_until, service, ended) for _ in range(8)]
        try:
            until(lambda: asked_of_nodes(service, "sleep") > 20, "clients to be served")
            before = asked_of_nodes(service, "slow")
            until(lambda: asked_of_nodes(service, "sleep") > 320, "clients to be served")
            asked = asked_of_nodes(service, "slow") - before
        finally:
            ended.set()
    for client in clients:
        client.result()
    assert before < 30
    assert asked == 0
    until(lambda: asked_of_nodes(service, "slow") > before, "the next key to be asked")


def sleep_until(service, ended):
    while not ended.is_set():
        service.query("sleep", seconds=0.1)


def asked_of_nodes(service, name):
    return sum(value for labels, value in
               service.metrics().values("cqrsd_routed_total", name=name)
               if labels["role"] != "cache")


def test_what_a_promotion_has_emptied_is_asked_again(fresh_cluster, start_cqrsd, own_catalog,
                                                     tmp_path):
    old, new, other = fresh_cluster.nodes
    old.sql(SCHEMA)
    fresh_cluster.wait_until_replayed()
    service = start_cqrsd(on=fresh_cluster, catalog=own_catalog(CATALOG), loops=1,
                          cache_warm=tmp_path / "warm", **WAITS)
    until_kept(service, "thing", id=50)
    for number in range(1, 11):
        service.query("thing", id=number)

    fail_over(old, new, [other])

    until(lambda: "what was kept was emptied: 11 keys" in service.log_text(),
          "the keys to be asked again")
    for number in range(1, 11):
        assert role(service.query("thing", id=number)) == "cache"
