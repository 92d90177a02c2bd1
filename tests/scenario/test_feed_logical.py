"""The feed as the primary decodes it: writes by any writer to tables that are not watched."""

import contextlib
import os
import signal

import pytest
from harness import service as harness_service
from harness.cluster import Cluster
from harness.promotion import promote
from harness.until import TooLate, until

from .conftest import fill
from .test_feed import (CATALOG, CLEAN, READS, SCHEMA as TABLES, WHOLE, answers, behind_with_others,
                        counted, counting, lowered, read, share)

PUBLICATION = "CREATE PUBLICATION cqrsd_feed FOR ALL TABLES"
SCHEMA = TABLES + PUBLICATION
CLEAN = "DROP PUBLICATION IF EXISTS cqrsd_feed;" + CLEAN
WHOLE_PUBLICATION = "publish = 'insert, update, delete, truncate'"
LOGICAL = {**WHOLE, "feed": "logical"}
# All queries of the catalog but the one whose function is not declared.
QUERIES = 5


@pytest.fixture(scope="module")
def shop_cluster():
    cluster = Cluster.create(replicas=2, settings={"wal_level": "logical"})
    try:
        fill(cluster)
        yield cluster
    finally:
        cluster.destroy()


@pytest.fixture
def start(schema, start_cqrsd, own_catalog):
    """A service that follows what the primary decodes."""
    def start(queries=QUERIES, **options):
        service = start_cqrsd(catalog=own_catalog(CATALOG), **{**LOGICAL, **options})
        until(lambda: counting(service) == queries, f"{queries} queries to count", 30)
        until(lambda: lowered(service), "what is decoded to be followed", 30)
        return service
    return start


def slots(node):
    return int(node.sql("SELECT count(*) FROM pg_replication_slots WHERE plugin = 'pgoutput'"))


def follows_again(service):
    until(lambda: lowered(service), "what is decoded to be followed again", 40)


def test_a_replica_that_is_behind_with_other_tables_answers(start, cluster):
    service = start()
    behind_with_others(cluster)

    assert answers(service, cluster.replica(2), id=1) == {0}
    until(lambda: share(read(service, "quiet", id=1)[1], cluster.primary) == 0,
          "replicas to answer: one that is silent for 100 ms loses a query to the primary")


def test_what_psql_has_written_to_a_table_that_is_not_watched_is_seen(start, cluster):
    service = start()
    behind_with_others(cluster)

    for number in range(1, 20):
        cluster.primary.sql(f"UPDATE test_quiet SET number = {number}")
        answer = service.query("quiet", consistency="strong", id=1)
        assert answer.data["number"] == number
        assert answer.served_by.node != cluster.replica(2).address


@pytest.mark.parametrize("write", [
    "INSERT INTO test_quiet VALUES (2, 7)",
    "INSERT INTO test_quiet VALUES (1, 7) ON CONFLICT (id) DO UPDATE SET id = 2, number = 7",
    "COPY test_quiet (id, number) FROM PROGRAM 'echo 2,7' WITH (FORMAT csv)",
    "SET session_replication_role = replica; INSERT INTO test_quiet VALUES (2, 7)",
    "TRUNCATE test_quiet; INSERT INTO test_quiet VALUES (2, 7)",
    "DELETE FROM test_quiet; INSERT INTO test_quiet VALUES (2, 7)",
    "BEGIN; INSERT INTO test_quiet VALUES (2, 7); SAVEPOINT a; DELETE FROM test_quiet;"
    " ROLLBACK TO a; COMMIT",
    "DROP TABLE test_quiet CASCADE; CREATE TABLE test_quiet (id int PRIMARY KEY, number int);"
    " INSERT INTO test_quiet VALUES (2, 7)",
    # What no decoder is sent: the table is rewritten.
    "DROP VIEW test_view;"
    " ALTER TABLE test_quiet ALTER id TYPE int USING 2, ALTER number TYPE int USING 7",
    "ALTER PUBLICATION cqrsd_feed SET (publish = 'truncate'); INSERT INTO test_quiet VALUES (2, 7);"
    f" ALTER PUBLICATION cqrsd_feed SET ({WHOLE_PUBLICATION})",
    "DROP PUBLICATION cqrsd_feed; INSERT INTO test_quiet VALUES (2, 7)",
    f"DROP PUBLICATION cqrsd_feed; INSERT INTO test_quiet VALUES (2, 7); {PUBLICATION}",
])
def test_however_it_is_written_a_strong_read_sees_it(start, cluster, write):
    service = start()
    behind_with_others(cluster)

    cluster.primary.sql(write)

    for _ in range(READS):
        answer = service.query("quiet", consistency="strong", id=2)
        assert answer.data["number"] == 7


KEPT = """
-- query: kept :one
-- @cache 60s
SELECT number FROM test_quiet WHERE id = :id;

-- command: write :exec
-- @param number int
UPDATE test_quiet SET number = :number;
"""


def test_answers_that_are_kept_show_what_others_wrote(schema, start_cqrsd, own_catalog):
    """Another instance, and psql."""
    services = [start_cqrsd(catalog=own_catalog(KEPT), sessions="cluster", **LOGICAL)
                for _ in range(2)]

    def kept(service):
        return service.query("kept", user="ann", id=1).served_by.role == "cache"

    for service in services:
        until(lambda service=service: kept(service), "answers to be kept", 40)
    for number in range(1, 25):
        if number % 3:
            services[number % 2].command("write", user="ann", number=number)
        else:
            schema.primary.sql(f"UPDATE test_quiet SET number = {number}")
        for service in services:
            assert service.query("kept", user="ann", id=1).data["number"] == number
    for service in services:
        until(lambda service=service: kept(service), "answers to be kept again")


@pytest.mark.parametrize("tags, seen", [
    ("ARRAY['test_quiet'::regclass::oid::bigint, 1]", True),
    ("NULL", True),
    ("ARRAY['test_busy'::regclass::oid::bigint, -1]", False),
])
def test_a_row_of_the_feed_makes_its_tags_stale(start, cluster, tags, seen):
    """As a command writes it, for other instances."""
    service = start()
    behind_with_others(cluster)
    answers(service, cluster.replica(2), id=1)

    cluster.primary.sql(f"INSERT INTO cqrsd.invalidation (tags) VALUES ({tags})")

    follows_again(service)
    if seen:
        for _ in range(READS):
            until(lambda: lowered(service), "a read by table")
            answer = service.query("quiet", consistency="strong", id=1)
            assert answer.served_by.node != cluster.replica(2).address
    else:
        assert answers(service, cluster.replica(2), id=1) == {0}


@pytest.mark.parametrize("write, numbers", [
    ("INSERT INTO test_parted VALUES (1, 7)", [3, 7]),
    ("INSERT INTO test_parted_1 VALUES (1, 7)", [3, 7]),
    ("TRUNCATE test_parted_1", []),
    ("TRUNCATE test_parted", []),
])
def test_what_is_written_to_a_partition_is_seen(start, cluster, write, numbers):
    cluster.primary.sql("INSERT INTO test_parted VALUES (0, 3)")
    service = start()
    behind_with_others(cluster)

    cluster.primary.sql(write)

    for _ in range(READS):
        answer = service.query("parted", consistency="strong")
        assert [row["number"] for row in answer.data] == numbers


def test_what_an_open_transaction_has_written_before_it_was_published_is_seen(start, cluster):
    """A change of the publication does not wait for those who write to its tables."""
    service = start()
    os.kill(service.pid, signal.SIGSTOP)
    try:
        cluster.primary.sql("ALTER PUBLICATION cqrsd_feed SET (publish = 'truncate')")
        with cluster.primary.open_transaction("UPDATE test_quiet SET number = 9") as run:
            cluster.primary.sql(f"ALTER PUBLICATION cqrsd_feed SET ({WHOLE_PUBLICATION})")
            cluster.wait_until_replayed()
            os.kill(service.pid, signal.SIGCONT)
            until(lambda: not lowered(service), "the change to be seen")
            # A new slot waits for the one that is open; an old one may not count.
            with contextlib.suppress(TooLate):
                until(lambda: lowered(service), "a slot from before the change", 20)
            # Nothing else may be decoded before: it would be judged by what is published then.
            cluster.wait_until_replayed()
            cluster.replica(2).pause_replay()

            run("COMMIT")

            follows_again(service)
            for _ in range(READS):
                answer = service.query("quiet", consistency="strong", id=1)
                assert answer.data["number"] == 9
    finally:
        os.kill(service.pid, signal.SIGCONT)


def test_beside_an_open_transaction_it_begins_when_that_has_ended(schema, start_cqrsd, own_catalog):
    with schema.primary.open_transaction("UPDATE test_busy SET number = 9") as run:
        service = start_cqrsd(catalog=own_catalog(CATALOG), **LOGICAL)
        until(lambda: counting(service) == QUERIES, "the queries to count", 30)
        until(lambda: slots(schema.primary), "the slot to be asked for")
        assert service.query("quiet", consistency="strong", id=1).data["number"] == 0
        assert not lowered(service)
        run("COMMIT")
        follows_again(service)
    assert service.query("busy", consistency="strong", id=1).data["number"] == 9


def test_when_its_connection_ends_all_begins_anew_and_nothing_stays(start, cluster):
    service = start()
    assert slots(cluster.primary) == 1
    behind_with_others(cluster)

    for number in range(1, 4):
        cluster.primary.sql(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_replication"
            " WHERE application_name = 'cqrsd_feed'")
        cluster.primary.sql(f"UPDATE test_quiet SET number = {number}")
        assert read(service, "quiet", id=1)[0] == {number}
        cluster.replica(2).resume_replay()
        follows_again(service)
        behind_with_others(cluster)
        assert read(service, "quiet", id=1)[0] == {number}
        assert slots(cluster.primary) == 1

    assert service.metrics().sum("cqrsd_feed_emptied_total", reason="stream") >= 3
    service.kill9()
    until(lambda: slots(cluster.primary) == 0, "the slot to be gone")


def test_an_instance_that_stands_still_keeps_no_log_for_long(start, cluster):
    service = start()
    os.kill(service.pid, signal.SIGSTOP)
    try:
        until(lambda: slots(cluster.primary) == 0, "the server to give it up", 60)
    finally:
        os.kill(service.pid, signal.SIGCONT)
    follows_again(service)
    assert read(service, "quiet", id=1)[0] == {0}


def test_what_is_decoded_is_known_though_nothing_is_published(start, cluster):
    """By keepalives: what others write is of no table."""
    service = start()
    for _ in range(3):
        cluster.primary.sql("SELECT pg_logical_emit_message(true, 'test', repeat('x', 100000))")
        cluster.wait_until_replayed()
        until(lambda: service.metrics().sum("cqrsd_feed_position_lag_bytes") == 0,
              "all of it to be known")
        until(lambda: lowered(service), "a read by table")


@pytest.mark.parametrize("condition", [False, True])
def test_only_what_the_publication_has_whole_counts(schema, start, own_catalog, condition):
    tables = "test_quiet, test_parted, cqrsd.invalidation"
    if condition and int(schema.primary.sql("SHOW server_version_num")) >= 150000:
        tables += ", test_busy WHERE (id > 1)"
    schema.primary.sql("DROP PUBLICATION cqrsd_feed;"
                       f" CREATE PUBLICATION cqrsd_feed FOR TABLE {tables}")
    service = start(queries=QUERIES - 1)
    behind_with_others(schema)

    assert read(service, "busy", id=1)[0] == {1}
    assert read(service, "quiet", id=1)[0] == {0}
    done = harness_service.run("check", explain=True, feed="logical", catalog=own_catalog(CATALOG),
                               primary=schema.primary.conninfo)
    said = done.stdout + done.stderr
    assert done.returncode == 0, said
    assert "quiet reads test_quiet; by table" in said
    assert "busy reads test_busy; the whole read index holds, since test_busy: it is not in the" \
        " publication cqrsd_feed" in said


def refusal(cluster, own_catalog, **options):
    done = harness_service.run("serve", timeout_s=30, catalog=own_catalog(CATALOG), **{
        "primary": cluster.primary.conninfo, "listen": "127.0.0.1:0",
        "replica": [node.conninfo for node in cluster.replicas], **LOGICAL, **options})
    assert done.returncode == 1, done.stderr
    return done.stderr


@pytest.mark.parametrize("change, said", [
    ("DROP PUBLICATION cqrsd_feed", "CREATE PUBLICATION cqrsd_feed FOR ALL TABLES"),
    ("ALTER PUBLICATION cqrsd_feed SET (publish = 'insert')", "leaves out"),
    ("ALTER PUBLICATION cqrsd_feed SET (publish_via_partition_root)", "TRUNCATE of a partition"),
    ("DROP PUBLICATION cqrsd_feed; CREATE PUBLICATION cqrsd_feed FOR TABLE test_quiet",
     "ADD TABLE cqrsd.invalidation"),
])
def test_a_publication_that_is_missing_or_not_whole_is_refused(schema, own_catalog, change, said):
    schema.primary.sql(change)
    assert said in refusal(schema, own_catalog)


def test_a_role_that_may_not_is_refused(schema, own_catalog):
    schema.primary.sql("CREATE ROLE test_reader LOGIN")
    try:
        conninfo = schema.primary.conninfo.replace("//postgres", "//test_reader")
        assert "ALTER ROLE test_reader REPLICATION" in refusal(schema, own_catalog,
                                                               primary=conninfo)
    finally:
        schema.primary.sql("DROP ROLE test_reader")


@pytest.mark.parametrize("names", ["*", "ANY 1 (a, cqrsd_feed, *)"])
def test_what_would_count_as_a_standby_is_refused(schema, own_catalog, names):
    schema.primary.set(synchronous_standby_names=names)
    try:
        assert "would count as a standby" in refusal(schema, own_catalog)
    finally:
        schema.primary.set(synchronous_standby_names="")


def test_all_tables_of_cqrsd_can_be_published(cluster):
    """Else UPDATE and DELETE would fail there."""
    assert cluster.primary.sql(
        "SELECT string_agg(c.relname, ' ') FROM pg_class AS c WHERE c.relkind = 'r'"
        " AND c.relnamespace = 'cqrsd'::regnamespace AND c.relreplident = 'd' AND NOT EXISTS"
        " (SELECT FROM pg_index AS i WHERE i.indrelid = c.oid AND i.indisprimary)") == ""


@pytest.fixture
def fresh_cluster():
    cluster = Cluster.create(replicas=2, settings={"wal_level": "logical"})
    try:
        fill(cluster)
        cluster.primary.sql(SCHEMA)
        cluster.wait_until_replayed()
        yield cluster
    finally:
        cluster.destroy()


def test_a_promotion_is_followed_from_its_beginning(fresh_cluster, start_cqrsd, own_catalog):
    first, second, other = fresh_cluster.nodes
    service = start_cqrsd(on=fresh_cluster, catalog=own_catalog(CATALOG), **LOGICAL)
    until(lambda: counting(service) == QUERIES, "the queries to count", 30)
    follows_again(service)
    first.stop("fast")
    promote(second, [other])
    until(lambda: service.node(second.address)["role"] == "primary", "it to lead", 30)
    until(lambda: other.sql("SELECT count(*) FROM pg_stat_wal_receiver") == "1", "it to follow")

    for number in range(1, 4):
        second.sql(f"UPDATE test_quiet SET number = {number}")
        assert read(service, "quiet", id=1)[0] == {number}
    follows_again(service)

    other.pause_replay()
    second.sql("UPDATE test_busy SET number = 5")
    assert read(service, "busy", id=1)[0] == {5}
    second.sql("UPDATE test_quiet SET number = 5")
    assert read(service, "quiet", id=1)[0] == {5}
    assert slots(second) == 1
    assert counted(service, "lowered") > 0
