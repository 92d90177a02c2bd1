# SPDX-License-Identifier: Apache-2.0
"""Idempotency-Key where things break: a key tells the truth, whoever died in the middle."""

import concurrent.futures
import pathlib
import re

import pytest
from harness import service as harness_service
from harness.promotion import cut_off_all, promote
from harness.until import until
from harness.waiting import until_waits

ROOT = pathlib.Path(__file__).resolve().parents[2]
CATALOG = """
-- command: add :one
-- @param number int
INSERT INTO marks (number) VALUES (:number) RETURNING id, number;

-- command: add_slowly :one
-- @param number int
WITH added AS (INSERT INTO marks (number) VALUES (:number) RETURNING id)
SELECT id FROM added, pg_sleep(2);

-- command: add_repeatably :one
-- @param number int
-- @isolation repeatable read
INSERT INTO marks (number, once) VALUES (:number, :number) RETURNING id, number;

-- command: add_serializably :one
-- @param number int
-- @isolation serializable
INSERT INTO marks (number, once) VALUES (:number, :number) RETURNING id, number;

-- command: copy_repeatably :one
-- @param number int
-- @isolation repeatable read
INSERT INTO marks (number) SELECT number FROM marks WHERE number = :number RETURNING id, number;

-- query: count_of :one
-- @param number int
SELECT count(*) AS count FROM marks WHERE number = :number;
"""
SCHEMA = "CREATE TABLE marks (id serial PRIMARY KEY, number int, once int UNIQUE);"
NUMBERS = iter(range(1000, 10**6))
# Whoever stores a reply, or claims a key on a connection named "held", waits for this lock.
GATE = 4711


@pytest.fixture(scope="module")
def marks(shop_cluster):
    shop_cluster.primary.sql(SCHEMA)
    shop_cluster.wait_until_replayed()
    yield
    shop_cluster.primary.sql("DROP TABLE marks")


@pytest.fixture
def cqrsd(marks, start_cqrsd, own_catalog):
    return start_cqrsd(catalog=own_catalog(CATALOG))


@pytest.fixture
def number():
    return next(NUMBERS)


@pytest.fixture
def held_store(cluster):
    """Replies are stored only while nobody holds the gate."""
    cluster.primary.sql(f"""
        CREATE FUNCTION hold_store() RETURNS trigger LANGUAGE plpgsql AS
        'BEGIN PERFORM pg_advisory_xact_lock_shared({GATE}); RETURN new; END';
        CREATE TRIGGER hold BEFORE INSERT ON cqrsd.idempotency_key
        FOR EACH ROW EXECUTE FUNCTION hold_store()""")
    yield
    cluster.primary.sql("DROP TRIGGER hold ON cqrsd.idempotency_key; DROP FUNCTION hold_store()")


@pytest.fixture
def held_claim(cluster):
    """Keys are claimed over connections named "held" only while nobody holds the gate."""
    cluster.primary.sql(f"""
        CREATE SCHEMA held;
        ALTER FUNCTION cqrsd.claim_key(bytea) SET SCHEMA held;
        CREATE FUNCTION cqrsd.claim_key(id bytea) RETURNS void LANGUAGE plpgsql AS
        'BEGIN IF current_setting(''application_name'') = ''held'' THEN
         PERFORM pg_advisory_xact_lock_shared({GATE}); END IF;
         PERFORM held.claim_key(id); END'""")
    yield
    cluster.primary.sql("DROP FUNCTION cqrsd.claim_key(bytea);"
                        "ALTER FUNCTION held.claim_key(bytea) SET SCHEMA cqrsd; DROP SCHEMA held")


def send(cqrsd, name, key, number, user="ann", **headers):
    return cqrsd.command(name, user=user, headers={"Idempotency-Key": key, **headers},
                         number=number)


def count(cqrsd, number):
    return cqrsd.query("count_of", number=number, consistency="strong").data["count"]


def until_told(cqrsd, key, number):
    """The answer to the key, once there is a primary that gives one."""
    return until(lambda: answered(send(cqrsd, "add", key, number)), "commands again", 30)


def answered(answer):
    return answer if answer.status == 200 else None


def later(function, *arguments, **keywords):
    """The call runs in a thread of its own; its end is waited for by result()."""
    pool = concurrent.futures.ThreadPoolExecutor(1)
    future = pool.submit(function, *arguments, **keywords)
    pool.shutdown(wait=False)
    return future


# Before the commit: nothing has happened, and that is told


def test_a_backend_that_is_ended_while_the_command_runs_changed_nothing(cqrsd, cluster, number):
    first = later(send, cqrsd, "add_slowly", "f-ended", number)
    pid = until_waits(cluster.primary, "PgSleep", "it to run", "marks")
    cluster.primary.sql(f"SELECT pg_terminate_backend({pid})")

    assert first.result().code == "no-primary"
    assert first.result().problem["retryable"] is True
    again = until(lambda: answered(send(cqrsd, "add_slowly", "f-ended", number)), "it to run", 20)
    assert "idempotent-replayed" not in again.headers
    assert count(cqrsd, number) == 1


def test_a_backend_that_is_ended_between_command_and_commit_changed_nothing(
        cqrsd, cluster, held_store, number):
    with cluster.primary.open_transaction(f"SELECT pg_advisory_xact_lock({GATE})"):
        first = later(send, cqrsd, "add", "f-between", number)
        pid = until_waits(cluster.primary, "advisory", "it to have run", "marks")
        cluster.primary.sql(f"SELECT pg_terminate_backend({pid})")
        assert first.result().code == "no-primary"
    again = until_told(cqrsd, "f-between", number)

    assert "idempotent-replayed" not in again.headers
    assert count(cqrsd, number) == 1


def test_a_repeat_while_the_first_is_about_to_commit_is_told_to_come_back(
        cqrsd, cluster, held_store, number):
    with cluster.primary.open_transaction(f"SELECT pg_advisory_xact_lock({GATE})"):
        first = later(send, cqrsd, "add", "f-about", number)
        until_waits(cluster.primary, "advisory", "it to have run", "marks")
        again = send(cqrsd, "add", "f-about", number)

    assert (again.status, again.code) == (409, "idempotency-in-progress")
    assert int(again.headers["retry-after"]) >= 1
    assert first.result().status == 200
    assert send(cqrsd, "add", "f-about", number).data == first.result().data


# During the commit: nobody can know, and the key does


@pytest.fixture
def no_commit_returns(cluster):
    """Commits reach the primary's disk and the replicas; nobody is told of them."""
    cluster.primary.set(synchronous_standby_names="nobody")
    yield
    until(lambda: cluster.primary.running or cluster.primary.start() is None, "the primary")
    cluster.primary.set(synchronous_standby_names="")


def test_a_primary_killed_in_mid_commit_knows_after_its_restart(
        cqrsd, cluster, no_commit_returns, number):
    first = later(send, cqrsd, "add", "f-commit", number)
    until_waits(cluster.primary, "SyncRep", "it to commit", "marks")
    assert send(cqrsd, "add", "f-commit", number).code == "idempotency-in-progress"
    cluster.primary.kill9()

    assert first.result().code == "outcome-unknown"
    cluster.primary.start()
    cluster.primary.set(synchronous_standby_names="")
    again = until_told(cqrsd, "f-commit", number)
    assert again.headers["idempotent-replayed"] == "true"
    assert count(cqrsd, number) == 1
    read = cqrsd.query("count_of", number=number, user="ann")
    assert read.data["count"] == 1, "the session entry is raised by the repeat"


@pytest.mark.parametrize("replicated", [True, False])
def test_the_promoted_server_knows_whether_a_commit_came_with_it(
        start_cqrsd, own_catalog, fresh_cluster, number, replicated):
    old, new, other = fresh_cluster.nodes
    old.sql(SCHEMA)
    cqrsd = start_cqrsd(on=fresh_cluster, catalog=own_catalog(CATALOG))
    fresh_cluster.wait_until_replayed()
    if not replicated:
        cut_off_all(new, other)
    old.set(synchronous_standby_names="nobody")
    first = later(send, cqrsd, "add", "f-promoted", number)
    until_waits(old, "SyncRep", "it to commit", "marks")
    if replicated:
        for node in (new, other):
            node.wait_until_replayed(old.flush_lsn())
    old.kill9()
    assert first.result().code == "outcome-unknown"
    promote(new, [other])

    again = until_told(cqrsd, "f-promoted", number)
    assert ("idempotent-replayed" in again.headers) is replicated
    assert count(cqrsd, number) == 1


# Snapshots that are older than the claim


@pytest.mark.parametrize("name", ["add_repeatably", "add_serializably"])
def test_a_claim_on_an_old_snapshot_is_no_conflict_of_the_application(
        cqrsd, start_cqrsd, own_catalog, cluster, held_claim, number, name):
    late = held_cqrsd(start_cqrsd, own_catalog, cluster)
    with cluster.primary.open_transaction(f"SELECT pg_advisory_xact_lock({GATE})"):
        repeat = later(send, late, name, f"f-{name}", number)
        until_waits(cluster.primary, "advisory", "its snapshot to be taken")
        first = send(cqrsd, name, f"f-{name}", number)

    assert repeat.result().data == first.data
    assert repeat.result().headers["idempotent-replayed"] == "true"
    assert count(cqrsd, number) == 1


def test_a_claim_on_an_old_snapshot_does_not_miss_what_the_first_found(
        cqrsd, start_cqrsd, own_catalog, cluster, held_claim, number):
    late = held_cqrsd(start_cqrsd, own_catalog, cluster)
    with cluster.primary.open_transaction(f"SELECT pg_advisory_xact_lock({GATE})"):
        repeat = later(send, late, "copy_repeatably", "f-copy", number)
        until_waits(cluster.primary, "advisory", "its snapshot to be taken")
        send(cqrsd, "add", "f-copied", number)
        first = send(cqrsd, "copy_repeatably", "f-copy", number)

    assert repeat.result().data == first.data
    assert count(cqrsd, number) == 2


def test_an_error_of_a_stricter_level_that_no_key_explains_is_told_as_it_is(cqrsd, number):
    assert send(cqrsd, "add_repeatably", "f-strict-1", number).status == 200
    for _ in range(2):
        answer = send(cqrsd, "add_repeatably", "f-strict-2", number)
        assert (answer.code, answer.problem["sqlstate"]) == ("conflict", "23505")
    missing = send(cqrsd, "copy_repeatably", "f-strict-3", number + 500000)
    assert (missing.status, missing.code) == (404, "not-found")


def held_cqrsd(start_cqrsd, own_catalog, cluster):
    return start_cqrsd(wait="commands", catalog=own_catalog(CATALOG), replica=[],
                       primary=f"{cluster.primary.conninfo}?application_name=held")


# Rights, and what is swept


@pytest.fixture
def app_role(cluster, marks):
    """The role that serves has the rights of the manual, and those on the application's tables."""
    manual = (ROOT / "docs" / "operating.md").read_text(encoding="utf-8")
    rights = re.findall(r"^    ((?:GRANT|ALTER ROLE) .*;)$", manual, re.M)
    assert len(rights) >= 4
    cluster.primary.sql("CREATE ROLE app LOGIN; GRANT SELECT, INSERT ON marks TO app;"
                        "GRANT USAGE ON SEQUENCE marks_id_seq TO app;" + "\n".join(rights))
    cluster.wait_until_replayed()
    yield
    cluster.primary.sql("DROP OWNED BY app; DROP ROLE app")


def as_app(node):
    return node.conninfo.replace("//postgres@", "//app@")


def test_the_rights_that_the_manual_names_are_enough(
        start_cqrsd, own_catalog, cluster, app_role, number):
    cluster.primary.sql(
        "INSERT INTO cqrsd.idempotency_key (id, command, fingerprint, reply, expires_at)"
        " SELECT sha256(('old ' || n)::bytea), 'add', sha256(''), '{}', now() - interval '1 h'"
        " FROM generate_series(1, 2500) n")
    cqrsd = start_cqrsd(catalog=own_catalog(CATALOG), primary=as_app(cluster.primary),
                        replica=[as_app(node) for node in cluster.replicas])
    first, again = (send(cqrsd, "add", "f-rights", number) for _ in range(2))

    assert again.data == first.data and again.headers["idempotent-replayed"] == "true"
    until(lambda: cqrsd.metrics().sum("cqrsd_idempotency_swept_total") >= 2500,
          "three sweeps of what has expired", 30)
    assert cluster.primary.sql(
        "SELECT count(*) FROM cqrsd.idempotency_key WHERE expires_at < now()") == "0"
    assert send(cqrsd, "add", "f-rights", number).headers["idempotent-replayed"] == "true"


def test_check_tells_of_a_schema_without_keys(cluster, marks, own_catalog):
    folder = own_catalog(CATALOG)
    fine = harness_service.run("check", primary=cluster.primary.conninfo, catalog=folder)
    assert fine.returncode == 0 and "migrate" not in fine.stderr, fine.stderr
    cluster.primary.sql("ALTER FUNCTION cqrsd.claim_key(bytea) RENAME TO claim_key_away")
    try:
        done = harness_service.run("check", primary=cluster.primary.conninfo, catalog=folder)
    finally:
        cluster.primary.sql("ALTER FUNCTION cqrsd.claim_key_away(bytea) RENAME TO claim_key")
    assert "run cqrsd migrate" in done.stderr, done.stderr
