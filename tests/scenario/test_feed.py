"""The feed: watched tables, and reads by the index that a replica behind with others may answer."""

import contextlib
import json
import os
import signal

import pytest
from harness import service as harness_service
from harness.until import TooLate, until

CATALOG = """
-- query: quiet :one
SELECT number FROM test_quiet WHERE id = :id;

-- query: busy :one
SELECT number FROM test_busy WHERE id = :id;

-- query: view :one
SELECT number FROM test_view WHERE id = :id;

-- query: parted :many
SELECT number FROM test_parted ORDER BY id;

-- query: called :one
SELECT test_called() AS number;

-- query: declared :one
-- @reads test_quiet
SELECT test_called() AS number;
"""

SCHEMA = """
CREATE TABLE test_quiet (id int PRIMARY KEY, number int, spare int DEFAULT 7);
INSERT INTO test_quiet VALUES (1, 0);
CREATE SCHEMA test_other;
CREATE TABLE test_other.test_quiet AS SELECT 1 AS id, 7 AS number;
CREATE TABLE test_busy (id int PRIMARY KEY, number int);
INSERT INTO test_busy VALUES (1, 0);
CREATE VIEW test_view AS SELECT id, number FROM test_quiet;
CREATE TABLE test_parted (id int, number int) PARTITION BY RANGE (id);
CREATE TABLE test_parted_1 PARTITION OF test_parted FOR VALUES FROM (0) TO (10);
CREATE FUNCTION test_called() RETURNS int STABLE LANGUAGE plpgsql AS
    $$ BEGIN RETURN (SELECT number FROM test_quiet WHERE id = 1); END $$;
"""

CLEAN = """
DROP SCHEMA IF EXISTS test_other, postgres CASCADE;
DROP FUNCTION IF EXISTS test_called;
DROP VIEW IF EXISTS test_view;
DROP TABLE IF EXISTS test_quiet, test_busy, test_parted, test_parted_2;
"""

WHOLE = {"strong": "replicas", "wait_ms": 1000, "max_lag_ms": 0, "max_lag_bytes": 0}
READS = 40


def watch(cluster, *tables, verb="watch", **options):
    return harness_service.run(verb, *tables, primary=cluster.primary.conninfo, **options)


@pytest.fixture
def start(schema, start_cqrsd, own_catalog):
    """A service that has found out which queries read watched tables only; more: there may be more
    of them."""
    def start(*tables, queries, more=False, **options):
        if tables:
            done = watch(schema, *tables)
            assert done.returncode == 0, done.stderr
        schema.wait_until_replayed()
        service = start_cqrsd(catalog=own_catalog(CATALOG), **{**WHOLE, **options})
        until(lambda: counting(service) == queries or more and counting(service) > queries,
              f"{queries} queries of watched tables only")
        if queries:
            until(lambda: lowered(service), "the feed to be followed")
        return service
    return start


def counting(service):
    return service.metrics().sum("cqrsd_feed_queries")


def counted(service, result):
    return service.metrics().sum("cqrsd_read_index_tables_total", result=result)


def lowered(service):
    before = counted(service, "lowered")
    service.query("quiet", consistency="strong", id=1)
    service.query("parted", consistency="strong")
    return counted(service, "lowered") > before


def read(service, name, **values):
    """So many strong reads: what they showed, and which nodes answered."""
    answers = [service.query(name, consistency="strong", **values) for _ in range(READS)]
    return ({answer.data["number"] for answer in answers},
            [answer.served_by.node for answer in answers])


def behind_with_others(cluster):
    """Replica 2 stands still, with all that was known of the tables until now; another table is
    written to."""
    cluster.wait_until_replayed()
    cluster.replica(2).pause_replay()
    cluster.primary.sql("UPDATE test_busy SET number = number + 1")


def share(nodes, node):
    return nodes.count(node.address) / len(nodes)


def answers(service, node, name="quiet", **values):
    """What it shows, once it answers: until the feed is known as far as the index, a replica that
    is at the index does."""
    def some():
        numbers, nodes = read(service, name, **values)
        return numbers if share(nodes, node) > 0 else None
    return until(some, f"{node.name} to answer")


def test_a_replica_that_is_behind_with_other_tables_answers(start, cluster):
    service = start("test_quiet", queries=3)
    behind_with_others(cluster)

    assert answers(service, cluster.replica(2), id=1) == {0}
    until(lambda: share(read(service, "quiet", id=1)[1], cluster.primary) == 0,
          "replicas to answer: one that is silent for 100 ms loses a query to the primary")


def test_without_watched_tables_it_does_not(start, cluster):
    service = start(queries=0)
    behind_with_others(cluster)

    numbers, nodes = read(service, "quiet", id=1)

    assert numbers == {0}
    assert share(nodes, cluster.replica(2)) == 0


def test_what_psql_has_written_to_a_watched_table_is_seen(start, cluster):
    service = start("test_quiet", queries=3)
    behind_with_others(cluster)

    for number in range(1, 20):
        cluster.primary.sql(f"UPDATE test_quiet SET number = {number}")
        answer = service.query("quiet", consistency="strong", id=1)
        assert answer.data["number"] == number
        assert answer.served_by.node != cluster.replica(2).address


@pytest.mark.parametrize("write", [
    "COPY test_quiet (id, number) FROM PROGRAM 'echo 2,7' WITH (FORMAT csv)",
    "SET session_replication_role = replica; INSERT INTO test_quiet VALUES (2, 7)",
    "TRUNCATE test_quiet; INSERT INTO test_quiet VALUES (2, 7)",
    "ALTER TABLE test_quiet DISABLE TRIGGER ALL; INSERT INTO test_quiet VALUES (2, 7)",
    "DROP TABLE test_quiet CASCADE; CREATE TABLE test_quiet (id int PRIMARY KEY, number int);"
    " INSERT INTO test_quiet VALUES (2, 7)",
    "ALTER TABLE test_quiet ADD COLUMN other int; DROP TRIGGER cqrsd_watch ON test_quiet;"
    " INSERT INTO test_quiet VALUES (2, 7)",
])
def test_however_it_is_written_a_strong_read_sees_it(start, cluster, write):
    service = start("test_quiet", queries=3)
    behind_with_others(cluster)

    cluster.primary.sql(write)

    for _ in range(READS):
        answer = service.query("quiet", consistency="strong", id=2)
        assert answer.data["number"] == 7


NAMES = [
    "BEGIN; ALTER TABLE test_quiet RENAME number TO test_number;"
    " ALTER TABLE test_quiet RENAME spare TO number; COMMIT",
    # Before public in the search path.
    "CREATE SCHEMA postgres; CREATE TABLE postgres.test_quiet AS SELECT 1 AS id, 7 AS number",
    "ALTER SCHEMA test_other RENAME TO postgres",
]


@pytest.mark.parametrize("write", NAMES)
def test_a_name_that_means_another_is_seen(start, cluster, write):
    service = start("test_quiet", queries=3)
    behind_with_others(cluster)

    cluster.primary.sql(write)

    for _ in range(READS):
        assert service.query("quiet", consistency="strong", id=1).data["number"] == 7


DATABASE = "DO $$ BEGIN EXECUTE format('ALTER DATABASE %%I %s', current_database()); END $$"


@pytest.mark.parametrize("change", [
    *NAMES,
    "ALTER SCHEMA public RENAME TO test_public; ALTER SCHEMA test_public RENAME TO public",
    DATABASE % "SET search_path = test_other, public",
    "INSERT INTO pg_subscription_rel (srsubid, srrelid, srsubstate)"
    " SELECT 1, 'test_quiet'::regclass, 'i'",
])
def test_the_shape_of_a_table_is_what_it_is_called_and_who_writes_to_it(schema, change):
    sql = schema.primary.sql
    oid = sql("SELECT 'test_quiet'::regclass::oid")
    shape = f"SELECT cqrsd.feed_shape(ARRAY[{oid}]::oid[], cqrsd.feed_path())"
    before = sql(shape)
    assert sql(shape) == before
    try:
        sql(change)
        assert sql(shape) != before
    finally:
        sql(DATABASE % "RESET search_path")
        sql(f"DELETE FROM pg_subscription_rel WHERE srrelid = {oid}")


def gaps(service):
    return service.metrics().sum("cqrsd_feed_gaps")


def test_a_rolled_back_writer_and_an_open_one_hold_nothing_up(start, cluster):
    service = start("test_quiet", queries=3)
    cluster.primary.sql("BEGIN; UPDATE test_quiet SET number = 9; ROLLBACK")
    with cluster.primary.open_transaction("INSERT INTO test_quiet VALUES (2, 0)"):
        cluster.primary.sql("UPDATE test_quiet SET number = 1 WHERE id = 1")
        until(lambda: gaps(service) == 1, "the ids of both to be missed")
        behind_with_others(cluster)

        assert answers(service, cluster.replica(2), id=1) == {1}
        assert gaps(service) == 1
    until(lambda: gaps(service) == 0, "the gap to be closed")


def test_one_transaction_of_many_statements_turns_nothing_off(start, cluster):
    """More of them than there may be gaps, while others write."""
    service = start("test_quiet", "test_busy", queries=4)
    with cluster.primary.open_transaction(
            "DO $$ BEGIN FOR i IN 1..5000 LOOP"
            " UPDATE test_quiet SET number = i; END LOOP; END $$"):
        cluster.primary.sql("UPDATE test_busy SET number = number + 1")
        until(lambda: gaps(service) == 1, "its ids to be missed")

        assert read(service, "busy", id=1)[0] == {1}
        until(lambda: lowered(service), "a read by table")
        assert service.metrics().sum("cqrsd_feed_emptied_total") == 0
    until(lambda: gaps(service) == 0, "the gap to be closed")


def test_what_is_not_watched_is_seen_all_the_same(start, cluster):
    service = start("test_quiet", queries=3, more=True)
    behind_with_others(cluster)

    for number in range(2, 20):
        cluster.primary.sql(f"UPDATE test_busy SET number = {number}")
        assert service.query("busy", consistency="strong", id=1).data["number"] == number


def questions(service):
    return service.metrics().sum("cqrsd_feed_reads_total", result="answered")


def asked_again(service):
    """What was answered before has been read, and once more after that."""
    before = questions(service)
    until(lambda: questions(service) > before + 2, "the feed to be read again")


def rows(service):
    return service.metrics().sum("cqrsd_feed_rows_total")


def without_marks(cluster):
    """No instance takes a transaction id to write one: as if another one did it."""
    return cluster.primary.open_transaction("SELECT pg_advisory_xact_lock(x'637172736466'::bigint)")


def is_at_the_xmax(replica, xid):
    """Does its snapshot end before this one, which goes on? False: others have come between."""
    with contextlib.suppress(TooLate):
        return until(lambda: replica.sql(
            "SELECT pg_snapshot_xmin(s) = pg_snapshot_xmax(s)"
            f" AND pg_snapshot_xmax(s) = '{xid}' FROM pg_current_snapshot() AS s") == "t",
            "its snapshot", 3)
    return False


@contextlib.contextmanager
def passed_by(cluster):
    """One that goes on has the smaller id, one that has committed the smaller xid: the xmax of its
    snapshot, and the xmin of the next, is the xid of the one that goes on. The server itself may
    take xids, too: then it is done again."""
    primary = cluster.primary
    for _ in range(20):
        with primary.open_transaction("SELECT pg_current_xact_id()") as first, \
                primary.open_transaction("UPDATE test_quiet SET number = 7") as second:
            xid = primary.sql("SELECT max(backend_xid::text::bigint) FROM pg_stat_activity")
            first("UPDATE test_busy SET number = number + 1; COMMIT")
            if is_at_the_xmax(cluster.replica(1), xid):
                yield second
                return
    raise AssertionError("other transactions came between all the time")


def test_an_id_that_was_passed_by_is_seen_when_it_commits(start, cluster):
    service = start("test_quiet", "test_busy", queries=4)
    cluster.replica(2).pause_replay()
    with without_marks(cluster):
        before = rows(service)
        with passed_by(cluster) as second:
            until(lambda: rows(service) > before, "the one that has committed to be read")
            asked_again(service)
            second("COMMIT")
            for _ in range(READS):
                assert service.query("quiet", consistency="strong", id=1).data["number"] == 7


@contextlib.contextmanager
def frozen(service):
    os.kill(service.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(service.pid, signal.SIGCONT)


def test_rows_that_were_deleted_before_they_were_read_are_missed(start, cluster):
    service = start("test_quiet", queries=3)
    primary = cluster.primary
    cluster.replica(2).pause_replay()
    with frozen(service):
        primary.sql("UPDATE test_quiet SET number = 7")
        until(lambda: primary.sql("SELECT cqrsd.feed_tick()") == "t", "a mark")
        until(lambda: primary.sql("SELECT cqrsd.feed_sweep('0')") != "0", "the row to be deleted")
        cluster.replica(1).wait_until_replayed(primary.flush_lsn())

    until(lambda: lowered(service), "the feed to be followed")
    for _ in range(READS):
        assert service.query("quiet", consistency="strong", id=1).data["number"] == 7


def test_a_partition_that_is_attached_later_makes_the_table_count_no_more(start, cluster):
    service = start("test_parted", queries=1)
    behind_with_others(cluster)
    cluster.primary.sql("CREATE TABLE test_parted_2 (id int, number int);"
                        " INSERT INTO test_parted_2 VALUES (11, 5);"
                        " ALTER TABLE test_parted ATTACH PARTITION test_parted_2"
                        " FOR VALUES FROM (10) TO (20)")

    for number in range(6, 20):
        cluster.primary.sql(f"UPDATE test_parted_2 SET number = {number}")
        assert service.query("parted", consistency="strong").data == [{"number": number}]


def test_a_function_counts_where_it_is_declared_what_it_reads(start, cluster):
    service = start("test_quiet", "test_busy", queries=4)
    behind_with_others(cluster)

    assert answers(service, cluster.replica(2), "declared") == {0}
    assert share(read(service, "called")[1], cluster.replica(2)) == 0


def test_a_token_of_such_an_answer_carries_the_index(start, cluster):
    service = start("test_quiet", queries=3)
    behind_with_others(cluster)

    for _ in range(READS):
        token = service.query("quiet", consistency="strong", id=1).token
        seen = service.query("busy", consistency="eventual", token=token, id=1)
        assert seen.data["number"] == 1


def test_check_explains_what_keeps_a_query_from_being_read_by_table(schema, own_catalog):
    watch(schema, "test_quiet")
    done = harness_service.run("check", explain=True, primary=schema.primary.conninfo,
                               catalog=own_catalog(CATALOG))

    assert done.returncode == 0, done.stderr
    said = done.stdout + done.stderr
    assert "quiet reads test_quiet; by table" in said
    assert "view reads test_quiet, test_view; by table" in said
    assert "busy reads test_busy; the whole read index holds, since test_busy: it is not watched" \
        in said
    assert "test_called(): a function may read anything" in said
    assert "declared reads test_quiet; by table" in said


def test_without_the_feed_the_whole_index_holds(schema, start_cqrsd, own_catalog):
    assert watch(schema, "test_quiet", "test_parted").returncode == 0
    schema.wait_until_replayed()
    service = start_cqrsd(catalog=own_catalog(CATALOG), **{**WHOLE, "feed": "off"})
    behind_with_others(schema)

    numbers, nodes = read(service, "quiet", id=1)

    assert numbers == {0}
    assert share(nodes, schema.replica(2)) == 0
    assert counting(service) == 0
    assert questions(service) == 0
    done = harness_service.run("check", explain=True, feed="off", primary=schema.primary.conninfo,
                               catalog=own_catalog(CATALOG))
    said = done.stdout + done.stderr
    assert done.returncode == 0, said
    assert "quiet reads test_quiet; the whole read index holds, since --feed is off" in said


def test_a_log_that_cannot_be_decoded_is_refused(schema, own_catalog):
    done = harness_service.run("serve", timeout_s=30, catalog=own_catalog(CATALOG),
                               primary=schema.primary.conninfo, listen="127.0.0.1:0",
                               replica=[node.conninfo for node in schema.replicas],
                               **{**WHOLE, "feed": "logical"})

    assert done.returncode == 1, done.stderr
    assert "--feed logical" in done.stderr
    assert "wal_level is replica, not logical" in done.stderr


def test_check_explains_that_an_aggregate_may_read_anything(schema, own_catalog):
    """Its volatility says nothing of it: it is always stored as immutable."""
    watch(schema, "test_quiet")
    schema.primary.sql(
        "CREATE FUNCTION test_other.add(int, int) RETURNS int STABLE LANGUAGE sql AS"
        " 'SELECT $1 + $2 + number FROM public.test_busy WHERE id = 1';"
        "CREATE FUNCTION test_other.plus(int, int) RETURNS int IMMUTABLE LANGUAGE sql AS"
        " 'SELECT $1 + $2';"
        "CREATE AGGREGATE test_other.reading (int) (SFUNC = test_other.add, STYPE = int);"
        "CREATE AGGREGATE test_other.pure (int) (SFUNC = test_other.plus, STYPE = int)")
    done = harness_service.run(
        "check", explain=True, primary=schema.primary.conninfo, catalog=own_catalog(
            "-- query: reading :one\nSELECT test_other.reading(number) FROM test_quiet;\n"
            "-- query: pure :one\nSELECT test_other.pure(number) FROM test_quiet;\n"))
    said = done.stdout + done.stderr

    assert "reading reads test_quiet; the whole read index holds, since test_other.add" in said
    assert "pure reads test_quiet; by table" in said


@pytest.mark.parametrize("partitions, told", [
    (255, "by table"),
    (256, "the whole read index holds, since these are more than 256 relations")])
def test_check_explains_that_a_query_reads_too_many_relations(schema, own_catalog, partitions,
                                                              told):
    schema.primary.sql("DROP TABLE test_parted; CREATE TABLE test_parted (id int, number int)"
                       " PARTITION BY LIST (id)")
    schema.primary.sql("\n".join(
        f"CREATE TABLE test_parted_{id} PARTITION OF test_parted FOR VALUES IN ({id});"
        for id in range(partitions)))
    watch(schema, "test_parted")
    done = harness_service.run(
        "check", explain=True, primary=schema.primary.conninfo,
        catalog=own_catalog("-- query: parted :many\nSELECT number FROM test_parted;\n"))
    said = done.stdout + done.stderr

    assert f"; {told}" in said, said[-1000:]


def test_check_names_the_queries_for_whose_relations_there_is_no_room(schema, own_catalog):
    """Five queries of 206 relations, of which they share one: 1,026, with room for 1,024."""
    schema.primary.sql("DROP TABLE test_parted; CREATE TABLE test_parted (part int, id int)"
                       " PARTITION BY LIST (part)")
    for part in range(1, 6):
        schema.primary.sql(
            f"CREATE TABLE test_parted_{part} PARTITION OF test_parted FOR VALUES IN ({part})"
            " PARTITION BY LIST (id);" + "\n".join(
                f"CREATE TABLE test_parted_{part}_{id} PARTITION OF test_parted_{part}"
                f" FOR VALUES IN ({id});" for id in range(204)))
    watch(schema, "test_parted")
    done = harness_service.run(
        "check", explain=True, primary=schema.primary.conninfo, catalog=own_catalog("".join(
            f"-- query: part_{part} :many\nSELECT id FROM test_parted_{part};\n"
            for part in range(1, 6)) + "-- query: small :many\nSELECT id FROM test_parted_1_7;\n"))
    said = (done.stdout + done.stderr).splitlines()

    def told(name):
        return next(line for line in said if f" {name} reads " in line).rpartition("; ")[2]
    assert [told(f"part_{part}") for part in range(1, 5)] == ["by table"] * 4
    assert told("part_5") == ("the whole read index holds, since with those of the queries before"
                              " it in the catalog these are more than 1024 relations")
    assert told("small") == "by table"


def test_a_relation_that_is_gone_is_not_watched(schema):
    assert schema.primary.sql("SELECT cqrsd.feed_wrong(1)") == "it is gone"


# --- the verb ---------------------------------------------------------------------------------


def test_watch_says_what_it_does_and_does_it_once(schema):
    dry = watch(schema, "test_parted", dry_run=True)
    first = watch(schema, "test_parted")
    again = watch(schema, "test_parted", json=True)
    listed = watch(schema)

    assert "public.test_parted_1: would be: watched" in dry.stdout
    assert "public.test_parted: watched" in first.stdout
    assert {json.loads(line)["did"] for line in again.stdout.splitlines()} == {"is watched already"}
    assert "public.test_parted_1: it is watched" in listed.stdout
    assert "unwatched" in watch(schema, "test_parted", verb="unwatch").stdout
    assert "test_parted" not in watch(schema).stdout


@pytest.mark.parametrize("table, said", [
    ("test_view", "is no table: the tables that this view reads can be watched"),
    ("not_there", "does not exist"),
    ("pg_catalog.pg_class", "is not to be watched"),
])
def test_watch_refuses_what_cannot_be_watched(schema, table, said):
    done = watch(schema, "test_quiet", table)

    assert done.returncode == 1
    assert said in done.stderr
    assert "test_quiet" not in watch(schema).stdout


def test_unwatch_wants_a_table(schema):
    assert watch(schema, verb="unwatch").returncode == 2
