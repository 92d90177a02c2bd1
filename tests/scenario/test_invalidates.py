"""Commands with @invalidates: their rows of the feed, written with what they commit."""

import concurrent.futures
import json
import uuid

import pytest
from harness import service as harness_service
from harness.until import always, until

from .conftest import empty_jobs

CATALOG = """
-- command: touch :exec
-- @invalidates things, things:{id}
-- @param id int
-- @param number int
UPDATE test_things SET number = :number WHERE id = :id;

-- command: plain :exec
-- @param id int
UPDATE test_things SET number = number + 1 WHERE id = :id;

-- command: checked :exec
-- @invalidates checked:{id}
-- @param id int
-- @param number int
INSERT INTO test_checked VALUES (:id, :number);

-- command: priced :exec
-- @invalidates prices:{price}
-- @param id int
-- @param price numeric
UPDATE test_things SET number = :id WHERE id = :id AND :price > 0;

-- command: later :exec
-- @invalidates later:{id}
-- @async always
-- @param id int
UPDATE test_things SET number = number + 1 WHERE id = :id;

-- query: thing :one
SELECT number FROM test_things WHERE id = :id;
"""

SCHEMA = """
CREATE TABLE test_things (id int PRIMARY KEY, number int);
INSERT INTO test_things SELECT i, 0 FROM generate_series(1, 50) AS i;
CREATE TABLE test_checked (id int, number int CHECK (number > 0));
"""

CLEAN = "DROP TABLE IF EXISTS test_things, test_checked"


@pytest.fixture
def feed(schema, start_cqrsd, own_catalog):
    def start(**options):
        return start_cqrsd(catalog=own_catalog(CATALOG), **options)
    return start


def last(cluster):
    return int(cluster.primary.sql("SELECT coalesce(max(id), 0) FROM cqrsd.invalidation"))


def a_key():
    return {"Idempotency-Key": str(uuid.uuid4())}


def rows(cluster, since):
    """The tags of each row since then, as sets; None: whatever there is."""
    lines = cluster.primary.sql(
        "SELECT coalesce(to_json(tags)::text, 'null') FROM cqrsd.invalidation"
        f" WHERE id > {since} ORDER BY id").splitlines()
    return [frozenset(json.loads(line)) if line != "null" else None for line in lines]


def test_a_command_that_wrote_has_a_row_in_its_transaction(feed, cluster):
    service, since = feed(), last(cluster)

    service.command("touch", id=1, number=7)

    (tags,) = rows(cluster, since)
    assert len(tags) == 2
    assert all(abs(tag) > 2**32 for tag in tags)
    assert cluster.primary.sql(
        "SELECT t.xmin = i.xmin FROM test_things AS t, cqrsd.invalidation AS i"
        f" WHERE t.id = 1 AND i.id > {since}") == "t"


def test_the_tags_are_those_of_the_values(feed, cluster):
    service, since = feed(), last(cluster)

    service.command("touch", id=1, number=7)
    service.command("touch", id=1, number=8)
    service.command("touch", id=2, number=8)

    first, again, other = rows(cluster, since)
    assert first == again
    assert len(first & other) == 1


def test_a_value_that_may_be_spelt_otherwise_makes_all_stale(feed, cluster):
    service, since = feed(), last(cluster)

    service.command("priced", id=1, price="1.50")

    assert rows(cluster, since) == [None]


def test_what_wrote_nothing_has_no_row(feed, cluster):
    service, since = feed(), last(cluster)

    service.command("touch", id=1000, number=7)
    service.command("touch", id=1000, number=7, headers=a_key())
    service.command("plain", id=1)

    assert rows(cluster, since) == []


def test_what_was_rolled_back_has_no_row(feed, cluster):
    service, since = feed(), last(cluster)

    answer = service.command("checked", id=1, number=-1)

    assert answer.status == 422
    assert rows(cluster, since) == []


def test_a_command_with_a_key_has_one_row_and_its_repeat_none(feed, cluster):
    service, since, key = feed(), last(cluster), a_key()

    for _ in range(2):
        service.command("touch", id=1, number=7, headers=key)

    assert len(rows(cluster, since)) == 1


def test_commands_that_commit_together_have_one_row(feed, cluster):
    service = feed(loops=1, pool_conns=2)
    for _ in range(3):
        service.command("touch", id=1, number=1)
    since = last(cluster)

    def touch(id):
        return service.command("touch", id=id, number=id)

    def together():
        with concurrent.futures.ThreadPoolExecutor(32) as pool:
            always(all(answer.status == 200 for answer in pool.map(touch, range(1, 33))))
        return any(len(tags) > 2 for tags in rows(cluster, since))

    until(together, "a group")
    found = rows(cluster, since)
    transactions = int(cluster.primary.sql(
        f"SELECT count(DISTINCT xid) FROM cqrsd.invalidation WHERE id > {since}"))
    assert transactions == len(found)
    assert len(frozenset().union(*found)) == 33


def test_one_of_a_group_that_fails_makes_nothing_stale(feed, cluster):
    """Beside others that commit: whatever it travels with, its tag is never written."""
    service, since = feed(loops=1, pool_conns=2), last(cluster)

    def run(number):
        if number % 2:
            return service.command("checked", id=777, number=-number).status
        return service.command("touch", id=number, number=number).status

    for _ in range(5):
        with concurrent.futures.ThreadPoolExecutor(32) as pool:
            assert set(pool.map(run, range(2, 34))) == {200, 422}
    seen = frozenset().union(*rows(cluster, since))
    since = last(cluster)
    service.command("checked", id=777, number=1)
    (tags,) = rows(cluster, since)
    assert not tags & seen


def test_a_job_has_its_row_when_it_has_run(feed, cluster):
    service, since = feed(), last(cluster)

    service.command("later", id=1)

    until(lambda: rows(cluster, since), "the row of the job")
    assert len(rows(cluster, since)) == 1
    assert cluster.primary.sql("SELECT number FROM test_things WHERE id = 1") == "1"
    empty_jobs(cluster.primary)


def test_another_instance_reads_the_row(feed, start_cqrsd, own_catalog, cluster):
    """By table: that one follows the feed."""
    harness_service.run("watch", "test_things", primary=cluster.primary.conninfo)
    cluster.wait_until_replayed()
    other = feed(strong="replicas", wait_ms=1000, max_lag_ms=0, max_lag_bytes=0)
    until(lambda: other.metrics().sum("cqrsd_feed_queries") == 1, "the query to count")
    until(lambda: lowered(other), "the feed to be followed")
    writer = feed()
    before = other.metrics().sum("cqrsd_feed_rows_total")

    writer.command("checked", id=1, number=1)

    until(lambda: other.metrics().sum("cqrsd_feed_rows_total") == before + 1, "the row")


def lowered(service):
    before = service.metrics().sum("cqrsd_read_index_tables_total", result="lowered")
    service.query("thing", consistency="strong", id=1)
    return service.metrics().sum("cqrsd_read_index_tables_total", result="lowered") > before


def test_marks_are_written_though_nothing_reads_the_feed(feed, cluster):
    """By which rows are deleted when they are old enough."""
    service = feed()
    service.command("touch", id=1, number=1)
    since = last(cluster)

    until(lambda: cluster.primary.sql(
        f"SELECT count(*) FROM cqrsd.feed_mark WHERE id >= {since}") != "0", "a mark", 30)


# --- rights -----------------------------------------------------------------------------------


@pytest.fixture
def poor(schema):
    """The primary as a role that may do all but write rows of the feed."""
    sql = schema.primary.sql
    sql("CREATE ROLE test_poor LOGIN; GRANT USAGE ON SCHEMA cqrsd TO test_poor;"
        " GRANT ALL ON ALL TABLES IN SCHEMA public, cqrsd TO test_poor;"
        " REVOKE INSERT ON cqrsd.invalidation FROM test_poor;"
        " GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA cqrsd TO test_poor;"
        " GRANT pg_monitor TO test_poor")
    schema.wait_until_replayed()
    yield schema.primary.conninfo.replace("postgres@", "test_poor@")
    sql("DROP OWNED BY test_poor; DROP ROLE test_poor")


def test_check_says_that_the_role_may_not_write_rows(poor, own_catalog):
    done = harness_service.run("check", primary=poor, catalog=own_catalog(CATALOG))

    assert done.returncode == 1
    assert "error: checked has @invalidates, and" in done.stderr
    assert "INSERT on the table cqrsd.invalidation" in done.stderr


def test_check_wants_no_right_without_them(poor, own_catalog):
    done = harness_service.run("check", primary=poor, catalog=own_catalog(
        "-- query: thing :one\nSELECT number FROM test_things WHERE id = :id;\n"))

    assert "invalidat" not in done.stderr


def test_a_service_says_so_at_its_start(poor, feed):
    service = feed(primary=poor)

    until(lambda: "commands with @invalidates fail" in service.log_text(), "the log")
    assert service.command("touch", id=1, number=7).status == 500
