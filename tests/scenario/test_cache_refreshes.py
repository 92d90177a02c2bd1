"""@refreshes: behind a command the cache has the new answer before somebody asks for it."""

import concurrent.futures

import pytest
from harness import service as harness_service
from harness.kept import role, until_kept
from harness.until import until

CATALOG = """
-- query: thing :one
-- @cache 60s
SELECT number FROM test_refreshed WHERE id = :id;

-- query: mine :one
-- @cache 60s
SELECT number, :request_user::text AS who FROM test_refreshed WHERE id = :id;

-- query: all :many
-- @cache 60s
-- @param most int = 10
SELECT id, number FROM test_refreshed WHERE id <= :most ORDER BY id;

-- query: broken :one
-- @cache 60s
SELECT number / (id - id) AS number FROM test_refreshed WHERE id = :id;

-- query: slow :one
-- @cache 60s volatile=ok
-- @reads test_refreshed
SELECT number, pg_sleep(30)::text AS slept FROM test_refreshed WHERE id = :id;

-- command: touch :exec
-- @refreshes thing(id = :id)
-- @refreshes all
-- @param id int
-- @param number int
UPDATE test_refreshed SET number = :number WHERE id = :id;

-- command: touch_and_wait :exec
-- @refreshes thing(id = :id) wait
-- @refreshes mine(id = :id) wait
-- @param id int = 7
-- @param number int
UPDATE test_refreshed SET number = :number WHERE id = :id;

-- command: fail_behind :exec
-- @refreshes broken(id = :id) wait
-- @param id int
UPDATE test_refreshed SET number = number + 1 WHERE id = :id;

-- command: refuse :exec
-- @refreshes thing(id = :id) wait
-- @param id int
INSERT INTO test_refreshed VALUES (:id, 0);
"""

SCHEMA = """
CREATE TABLE test_refreshed (id int PRIMARY KEY, number int);
INSERT INTO test_refreshed SELECT i, 0 FROM generate_series(1, 50) AS i;
"""

CLEAN = "DROP TABLE IF EXISTS test_refreshed;"

WAITS = {"wait_ms": 5000, "max_lag_ms": 0, "max_lag_bytes": 0}


@pytest.fixture
def cache(schema, start_cqrsd, own_catalog):
    def start(catalog=CATALOG, **options):
        service = start_cqrsd(catalog=own_catalog(catalog), **{**WAITS, **options})
        until_kept(service, "thing", id=50)
        return service
    return start


def refreshed(service):
    return {labels["result"]: value
            for labels, value in service.metrics().values("cqrsd_cache_refreshes_total")}


@pytest.mark.parametrize("options", [{}, {"replica": []}], ids=["replicas", "a-lone-node"])
def test_an_answer_is_there_before_somebody_asks(cache, options):
    service = cache(**options)

    for number in range(1, 6):
        before = refreshed(service).get("kept", 0)
        assert service.command("touch", user="ann", id=1, number=number).status == 200
        until(lambda: refreshed(service).get("kept", 0) == before + 2, "both to be kept")
        reply = service.query("thing", user="ben", id=1)
        assert (role(reply), reply.data["number"]) == ("cache", number)
        reply = service.query("all", user="ben")
        assert (role(reply), reply.data[0]["number"]) == ("cache", number)


def test_the_reply_waits_for_it_where_the_command_says_so(cache):
    service = cache()

    for number in range(1, 20):
        assert service.command("touch_and_wait", user="ann", id=2, number=number).status == 200
        for name in ("thing", "mine"):
            reply = service.query(name, user="ann", id=2)
            assert (role(reply), reply.data["number"]) == ("cache", number)
    assert role(service.query("mine", user="ben", id=2)) == "replica"
    assert service.query("mine", user="ben", id=2).data["who"] == "ben"


def test_a_default_of_the_command_is_a_value(cache):
    service = cache()

    service.command("touch_and_wait", user="ann", number=70)

    reply = service.query("thing", user="ann", id=7)
    assert (role(reply), reply.data["number"]) == ("cache", 70)


def test_a_command_is_done_though_its_query_fails(cache):
    service = cache()

    assert service.command("fail_behind", user="ann", id=3).status == 200

    assert refreshed(service) == {"failed": 1}
    assert service.query("thing", user="ann", id=3).data["number"] == 1


def test_a_command_that_fails_refreshes_nothing(cache):
    service = cache()

    assert service.command("refuse", user="ann", id=3).status == 409

    assert refreshed(service) == {}


def test_replicas_that_stand_still_hold_up_no_command(cache, cluster):
    service = cache(request_timeout_ms=30000)
    for replica in cluster.replicas:
        replica.pause_replay()

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        replies = list(pool.map(
            lambda number: service.command("touch_and_wait", user="ann", id=4, number=number),
            range(80)))

    assert {reply.status for reply in replies} == {200}
    assert service.readyz().status == 200
    for replica in cluster.replicas:
        replica.resume_replay()
    until_kept(service, "thing", user="ann", id=4, what="answers to be kept again")


def test_a_stop_waits_for_no_query_behind_a_command(cache):
    service = cache(CATALOG + """
-- command: touch_slowly :exec
-- @refreshes slow(id = :id)
UPDATE test_refreshed SET number = 5 WHERE id = :id;
""")
    assert service.command("touch_slowly", id=5).status == 200

    service.terminate()

    assert service.wait() == 0


def test_who_may_not_ask_the_query_refreshes_it_for_those_who_may(cache):
    # The service is open, where no caller has a role.
    service = cache(CATALOG.replace("-- query: all :many", "-- query: all :many\n-- @roles admin"))

    before = refreshed(service).get("kept", 0)
    assert service.command("touch", user="ann", id=6, number=6).status == 200

    until(lambda: refreshed(service).get("kept", 0) == before + 2, "both to be kept")
    assert service.query("all", user="ann").status == 403


def test_check_names_what_cannot_be_refreshed(own_catalog, cluster):
    folder = own_catalog("-- query: a :one\n-- @cache 5s\nSELECT :id::int;\n"
                         "-- command: b :exec\n-- @refreshes a(x = :y) wait\nSELECT :y::int")

    done = harness_service.run("check", catalog=folder, primary=cluster.primary.conninfo)

    assert done.returncode == 1
    assert '"x" is no parameter of a' in done.stdout + done.stderr
    assert "id of a is required" in done.stdout + done.stderr
