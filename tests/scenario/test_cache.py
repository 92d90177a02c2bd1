"""Answers that are kept: given as long as nothing has touched them, and never behind a promise."""

import concurrent.futures

import pytest
from harness import service as harness_service
from harness.kept import is_kept, role, until_kept
from harness.until import until

CATALOG = """
-- query: thing :one
-- @cache 60s
SELECT number FROM test_kept WHERE id = :id;

-- query: grouped :one
-- @cache 60s
-- @tags kept:{id}
SELECT number FROM test_kept WHERE id = :id;

-- query: short :one
-- @cache 1s
SELECT number FROM test_kept WHERE id = :id;

-- query: mine :one
-- @cache 60s
SELECT number, :request_user::text AS who FROM test_kept WHERE id = :id;

-- query: claimed :one
-- @cache 60s
-- @claims
SELECT number, current_setting('request.user', true) AS who FROM test_kept WHERE id = :id;

-- query: other :one
-- @cache 60s
SELECT number FROM test_other WHERE id = :id;

-- query: maybe :maybe
-- @cache 60s
SELECT number FROM test_kept WHERE id = :id;

-- query: plain :one
SELECT number FROM test_kept WHERE id = :id;

-- command: touch :exec
-- @param id int
-- @param number int
UPDATE test_kept SET number = :number WHERE id = :id;

-- command: narrow :exec
-- @invalidates kept:{id}
-- @param id int
-- @param number int
UPDATE test_kept SET number = :number WHERE id = :id;

-- command: add :exec
-- @param id int
-- @param number int
INSERT INTO test_kept VALUES (:id, :number);

-- command: called :exec
-- @param number int
SELECT test_called(:number);

-- command: later :exec
-- @async always
-- @param id int
-- @param number int
UPDATE test_kept SET number = :number WHERE id = :id;

-- command: never :exec
-- @param id int
UPDATE test_kept SET number = number WHERE id = :id AND false;
"""

SCHEMA = """
CREATE TABLE test_kept (id int PRIMARY KEY, number int);
INSERT INTO test_kept SELECT i, 0 FROM generate_series(1, 50) AS i;
CREATE TABLE test_other (id int PRIMARY KEY, number int);
INSERT INTO test_other VALUES (1, 0);
CREATE FUNCTION test_called(number int) RETURNS void LANGUAGE plpgsql AS
    $$ BEGIN UPDATE test_other SET number = $1; END $$;
"""

CLEAN = """
DROP TABLE IF EXISTS test_kept, test_other;
DROP FUNCTION IF EXISTS test_called;
"""

WAITS = {"wait_ms": 2000, "max_lag_ms": 0, "max_lag_bytes": 0}


@pytest.fixture
def cache(schema, start_cqrsd, own_catalog):
    def start(**options):
        service = start_cqrsd(catalog=own_catalog(CATALOG), **{**WAITS, **options})
        until_kept(service, "thing", id=50)
        return service
    return start


def asked(service):
    """Queries that nodes have answered."""
    return sum(value for labels, value in service.metrics().values("cqrsd_routed_total")
               if labels["role"] != "cache")


def test_a_kept_answer_is_given(cache):
    service = cache()

    first = service.query("thing", id=1)
    second = service.query("thing", id=1)

    assert role(first) == "replica"
    assert role(second) == "cache"
    assert second.served_by.reason == "cache"
    assert second.data == first.data
    assert second.served_by.age >= 0
    assert role(service.query("thing", id=2)) == "replica"


def test_a_user_reads_their_own_write(cache):
    service = cache()
    service.query("thing", id=1)

    for number in range(1, 30):
        service.command("touch", user="ann", id=1, number=number)
        assert service.query("thing", user="ann", id=1).data["number"] == number


def test_what_another_table_holds_stays(cache):
    service = cache()
    service.query("other", id=1)

    service.command("touch", user="ann", id=1, number=7)

    assert role(service.query("other", user="ann", id=1)) == "cache"


def test_what_is_not_there_is_kept_until_it_is(cache):
    service = cache()
    assert service.query("maybe", id=1000).data is None
    assert role(service.query("maybe", id=1000)) == "cache"

    service.command("add", user="ann", id=1000, number=9)

    assert service.query("maybe", user="ann", id=1000).data["number"] == 9


def test_a_group_narrows_what_a_table_is_touched_by(cache):
    service = cache()
    for name in ("grouped", "thing"):
        for number in (1, 2):
            assert is_kept(service, name, id=number)

    service.command("narrow", user="ann", id=1, number=5)

    assert role(service.query("grouped", user="ann", id=2)) == "cache"
    assert service.query("grouped", user="ann", id=1).data["number"] == 5
    assert role(service.query("thing", user="ann", id=2)) == "replica"
    service.command("touch", user="ann", id=1, number=6)
    assert role(service.query("grouped", user="ann", id=2)) == "replica"
    assert service.query("grouped", user="ann", id=1).data["number"] == 6


def test_a_command_that_may_write_to_anything_touches_all(cache):
    service = cache()
    service.query("other", id=1)

    service.command("called", user="ann", number=8)

    assert service.query("other", user="ann", id=1).data["number"] == 8


def test_a_job_touches_what_it_writes_to(cache, cluster):
    service = cache()
    service.query("thing", id=3)

    reply = service.command("later", user="ann", id=3, number=33)
    job = reply.headers["location"]

    until(lambda: service.get(job, {"X-User-Id": "ann"}).json["job"]["state"] == "done",
          "the job to end")
    assert service.query("thing", user="ann", id=3).data["number"] == 33


def test_its_time_is_over(cache, cluster):
    service = cache()
    until_kept(service, "short", id=4, what="it to be kept")

    cluster.primary.sql("UPDATE test_kept SET number = 44 WHERE id = 4")

    until(lambda: service.query("short", id=4).data["number"] == 44, "it to be asked for again")


@pytest.mark.parametrize("name", ["mine", "claimed"])
def test_a_user_is_given_their_own(cache, name):
    service = cache()
    until_kept(service, name, user="ann", id=1, what="it to be kept")

    for _ in range(2):
        for user in ("ann", "ben"):
            assert service.query(name, user=user, id=1).data["who"] == user
    assert role(service.query(name, user="ben", id=1)) == "cache"


def test_strong_asks_the_primary(cache):
    service = cache()
    service.query("thing", id=1)

    assert role(service.query("thing", id=1, consistency="strong")) == "primary"


def test_a_token_counts_at_every_level(cache, cluster):
    here, there = cache(), cache()
    assert is_kept(here, "thing", id=5)

    for number in range(1, 20):
        token = there.command("touch", user="ann", id=5, number=number).token
        for level in ("eventual", "session"):
            assert here.query("thing", id=5, token=token,
                              consistency=level).data["number"] == number


def test_reads_go_on_while_a_command_that_touches_them_waits(cache, cluster):
    service = cache(request_timeout_ms=60000)
    assert is_kept(service, "thing", id=6)

    with concurrent.futures.ThreadPoolExecutor(17) as pool:
        with cluster.primary.open_transaction("SELECT FROM test_kept WHERE id = 6 FOR UPDATE"):
            waiting = pool.submit(service.command, "touch", user="ben", id=6, number=66)
            until(lambda: role(service.query("thing", id=6)) != "cache", "it to be sent")
            replies = list(pool.map(lambda _: service.query("thing", user="ann", id=6),
                                    range(100)))
            assert {reply.data["number"] for reply in replies} == {0}
            assert {role(reply) for reply in replies} == {"replica"}
        assert waiting.result().status == 200
    assert service.query("thing", user="ben", id=6).data["number"] == 66


def asked_with(service, directives, name="thing", **arguments):
    return service.query(name, headers={"Cache-Control": directives}, **arguments)


@pytest.mark.parametrize("options", [{}, {"replica": []}], ids=["replicas", "a-lone-node"])
@pytest.mark.parametrize("level", ["session", "eventual"])
def test_no_cache_shows_what_others_wrote_before(cache, cluster, options, level):
    service = cache(**options)
    assert is_kept(service, "thing", id=11)

    for number in range(1, 6):
        cluster.primary.sql(f"UPDATE test_kept SET number = {number} WHERE id = 11")
        reply = asked_with(service, "no-cache", id=11, consistency=level)
        assert reply.data["number"] == number
        assert reply.headers["cache-status"].startswith("cqrsd; fwd=request")


def test_no_cache_is_for_queries_that_are_not_kept_too(cache, cluster):
    service = cache(wait_ms=20000)

    for replica in cluster.replicas:
        replica.pause_replay()
    cluster.primary.sql("UPDATE test_kept SET number = 5 WHERE id = 12")
    assert service.query("plain", id=12).data["number"] == 0
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(asked_with, service, "no-cache", "plain", id=12)
        for replica in cluster.replicas:
            replica.resume_replay()
        assert waiting.result().data["number"] == 5


def test_no_cache_is_answered_by_the_cache_where_the_feed_is_known_so_far(cache, cluster):
    harness_service.run("watch", "test_kept", primary=cluster.primary.conninfo)
    service = cache()
    assert is_kept(service, "thing", id=13)

    until(lambda: role(asked_with(service, "no-cache", id=13)) == "cache", "the feed to be known")
    cluster.primary.sql("UPDATE test_kept SET number = 13 WHERE id = 13")

    assert asked_with(service, "no-cache", id=13).data["number"] == 13


def test_a_kept_answer_is_no_older_than_the_client_takes_it(cache):
    service = cache()
    assert is_kept(service, "thing", id=14)

    reply = asked_with(service, "max-age=0", id=14)
    assert role(reply) == "replica"
    assert reply.headers["cache-status"] == "cqrsd; fwd=request; stored"
    assert role(asked_with(service, "max-age=3600", id=14)) == "cache"


def test_what_is_not_to_be_stored_is_not_kept(cache):
    service = cache()

    for _ in range(3):
        assert role(asked_with(service, "no-store", id=15)) == "replica"
    assert role(service.query("thing", id=15)) == "replica"
    assert role(asked_with(service, "no-store", id=15)) == "cache"


def test_a_kept_answer_or_none(cache):
    service = cache()

    refused = [asked_with(service, "only-if-cached", name, id=16) for name in ("thing", "plain")]
    assert [(reply.status, reply.problem["code"]) for reply in refused] == \
        [(504, "not-cached")] * 2
    assert is_kept(service, "thing", id=16)
    assert role(asked_with(service, "only-if-cached", id=16)) == "cache"
    assert asked_with(service, "only-if-cached, max-age=0", id=16).status == 504


def test_many_at_once_are_one_query(cache, cluster):
    service = cache()
    before = asked(service)

    with concurrent.futures.ThreadPoolExecutor(32) as pool:
        replies = list(pool.map(lambda _: service.query("thing", id=7), range(400)))

    assert {reply.data["number"] for reply in replies} == {0}
    assert asked(service) - before <= 2


def test_a_lone_node_keeps_answers(cache, start_cqrsd, own_catalog, cluster):
    service = start_cqrsd(catalog=own_catalog(CATALOG), replica=[])
    until_kept(service, "thing", id=50)

    for number in range(1, 30):
        service.command("touch", user="ann", id=1, number=number)
        for _ in range(2):
            assert service.query("thing", user="ann", id=1).data["number"] == number
    assert role(service.query("thing", user="ann", id=1)) == "cache"


def test_what_others_write_to_watched_tables_is_seen(cache, cluster):
    assert harness_service.run("watch", "test_kept", primary=cluster.primary.conninfo)
    service = cache()
    assert is_kept(service, "thing", id=9)

    cluster.primary.sql("UPDATE test_kept SET number = 99 WHERE id = 9")

    until(lambda: service.query("thing", id=9).data["number"] == 99, "what psql wrote")


def test_two_instances_show_each_others_writes(schema, cluster, start_cqrsd, own_catalog):
    harness_service.run("watch", "test_kept", primary=cluster.primary.conninfo)
    services = [start_cqrsd(catalog=own_catalog(CATALOG), sessions="cluster", **WAITS)
                for _ in range(2)]
    for service in services:
        until_kept(service, "thing", user="ann", id=50)

    for number in range(1, 40):
        writer, reader = services[number % 2], services[1 - number % 2]
        writer.command("touch", user="ann", id=1, number=number)
        assert reader.query("thing", user="ann", id=1).data["number"] == number
    assert is_kept(services[0], "thing", user="ann", id=1)
    assert not is_kept(services[0], "other", user="ann", id=1)


def test_a_reload_that_makes_another_document_is_seen(start_cqrsd, own_catalog, schema):
    folder = own_catalog(CATALOG)
    service = start_cqrsd(catalog=folder, **WAITS)
    until_kept(service, "thing", id=8)

    for file in folder.glob("*.sql"):
        file.write_text(file.read_text().replace("-- query: thing :one", "-- query: thing :many"))
    service.hup()

    until(lambda: service.query("thing", id=8).data == [{"number": 0}], "the list")
    until_kept(service, "thing", id=8, what="answers to be kept again")
    assert service.query("thing", id=8).data == [{"number": 0}]
    assert is_kept(service, "other", id=1)


def test_the_page_says_what_is_kept_and_what_another_size_would_bring(cache):
    service = cache(cache_bytes=1 << 20)
    for _ in range(3):
        for number in range(1, 50):
            service.query("thing", id=number)

    page = service.admin.get("/admin/api/cache").json
    assert page["bytes_max"] <= 1 << 20
    assert page["entries"] >= 49
    assert page["bytes"] >= 49 * 256
    shares = page["hit_share_by_size"]
    assert shares is None or list(shares) == ["0.25", "0.5", "1", "2", "4"]


def test_a_cache_that_is_too_small_to_be_one_is_refused(start_cqrsd):
    done = harness_service.run("serve", primary="host=localhost", cache_bytes=1000)

    assert done.returncode == 2
    assert "--cache-bytes" in done.stderr


def test_without_the_cache_none_are_kept(start_cqrsd, own_catalog, schema):
    service = start_cqrsd(catalog=own_catalog(CATALOG), cache_bytes=0)

    assert not is_kept(service, "thing", id=1)


@pytest.mark.parametrize("sessions, said", [
    ("local", "answers are kept; only what this instance writes is seen at once: --feed logical"),
    ("cluster", "no answers are kept: --feed logical is read on replicas, there is none")])
def test_a_lone_node_says_that_a_decoded_feed_needs_a_replica(schema, start_cqrsd, own_catalog,
                                                              sessions, said):
    service = start_cqrsd(catalog=own_catalog(CATALOG), replica=[], feed="logical",
                          sessions=sessions)

    assert said in service.log_text()
