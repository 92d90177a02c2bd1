"""Idempotency-Key: a command takes effect once, and a repeat is told what the first was told."""

import concurrent.futures
import threading

import pytest
from harness.promotion import fail_over
from harness.until import until

CATALOG = """
-- command: add :one
-- @param number int
INSERT INTO effects (number) VALUES (:number) RETURNING id, number;

-- command: add_strictly :one
-- @param number int
-- @idempotency required
-- @isolation serializable
INSERT INTO effects (number) VALUES (:number) RETURNING id, number;

-- command: add_plainly :one
-- @param number int
-- @idempotency none
INSERT INTO effects (number) VALUES (:number) RETURNING id, number;

-- command: add_slowly :one
-- @param number int
-- @timeout 20s
WITH added AS (INSERT INTO effects (number) VALUES (:number) RETURNING id, number)
SELECT id, number FROM added, pg_sleep(0.3);

-- command: add_for_long :one
-- @param number int
-- @timeout 20s
WITH added AS (INSERT INTO effects (number) VALUES (:number) RETURNING id, number)
SELECT id, number FROM added, pg_sleep(2);

-- command: add_and_raise :one
-- @param number int
INSERT INTO effects (number) VALUES (:number / 0) RETURNING id;

-- command: add_late :one
-- @param number int
INSERT INTO effects (number, twice) VALUES (:number, 1) RETURNING id;

-- command: add_two :one
INSERT INTO effects (number) VALUES (1), (2) RETURNING id;

-- command: add_none :exec
-- @param number int
INSERT INTO effects (number) SELECT :number::int WHERE false;

-- query: count_of :one
-- @param number int
SELECT count(*) AS count FROM effects WHERE number = :number;
"""
SCHEMA = """CREATE TABLE effects (id serial PRIMARY KEY, number int,
twice int UNIQUE DEFERRABLE INITIALLY DEFERRED);"""


@pytest.fixture(scope="module")
def effects(shop_cluster):
    shop_cluster.primary.sql(SCHEMA)
    shop_cluster.wait_until_replayed()
    yield
    shop_cluster.primary.sql("DROP TABLE effects")


@pytest.fixture
def cqrsd(request, effects, start_cqrsd, own_catalog):
    marker = request.node.get_closest_marker("serve")
    return start_cqrsd(catalog=own_catalog(CATALOG), **(marker.kwargs if marker else {}))


NUMBERS = iter(range(1000, 10**6))


@pytest.fixture
def number():
    return next(NUMBERS)


def send(cqrsd, name, key, number=None, user="ann", **headers):
    headers = {**headers, **({} if key is None else {"Idempotency-Key": key})}
    params = {} if number is None else {"number": number}
    return cqrsd.command(name, user=user, headers=headers, **params)


def count(cqrsd, number):
    return cqrsd.query("count_of", number=number, consistency="strong").data["count"]


def test_a_repeat_is_told_what_the_first_was_told(cqrsd, number):
    first = send(cqrsd, "add", "k-1", number)
    again = send(cqrsd, "add", '"k-1"', number)

    assert first.status == again.status == 200
    assert first.data == again.data
    assert "idempotent-replayed" not in first.headers
    assert again.headers["idempotent-replayed"] == "true"
    assert count(cqrsd, number) == 1
    assert cqrsd.query("count_of", number=number, token=again.token).data["count"] == 1


def test_the_order_of_members_and_white_space_do_not_matter(cqrsd, number):
    headers = {"Idempotency-Key": "k-order", "Content-Type": "application/json"}
    first = cqrsd.post("/v1/commands/add", b'{"number": %d}' % number, headers)
    again = cqrsd.post("/v1/commands/add", b' {  "number":%d}' % number, headers)

    assert again.headers["idempotent-replayed"] == "true" and again.data == first.data


def test_another_body_with_the_same_key_is_refused(cqrsd, number):
    send(cqrsd, "add", "k-2", number)
    answer = send(cqrsd, "add", "k-2", number + 500000)

    assert (answer.status, answer.code) == (422, "idempotency-mismatch")
    assert count(cqrsd, number + 500000) == 0


def test_a_key_belongs_to_its_user_and_its_command(cqrsd, number):
    answers = [send(cqrsd, "add", "k-3", number, user="ann"),
               send(cqrsd, "add", "k-3", number, user="bob"),
               send(cqrsd, "add", "k-3", number, user=None),
               send(cqrsd, "add_strictly", "k-3", number, user="ann")]

    assert len({answer.data["id"] for answer in answers}) == 4
    assert count(cqrsd, number) == 4


@pytest.mark.parametrize("name", ["add_slowly", "add_strictly", "add"])
def test_of_many_at_once_one_takes_effect(cqrsd, number, name):
    start = threading.Barrier(24)

    def one(_):
        start.wait()
        return send(cqrsd, name, f"k-many-{name}", number)
    with concurrent.futures.ThreadPoolExecutor(24) as pool:
        answers = list(pool.map(one, range(24)))

    assert count(cqrsd, number) == 1
    told = [answer for answer in answers if answer.status == 200]
    assert len({answer.data["id"] for answer in told}) == 1
    assert {a.code for a in answers if a.status != 200} <= {"idempotency-in-progress",
                                                           "queue-timeout", "shed"}


@pytest.mark.serve(queue_wait_ms=5000)
def test_who_prefers_to_wait_gets_the_answer_of_the_first(cqrsd, number):
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(
            lambda _: send(cqrsd, "add_slowly", "k-wait", number, Prefer="wait=5"), range(8)))

    assert [answer.status for answer in answers] == [200] * 8, answers
    assert len({answer.data["id"] for answer in answers}) == 1
    assert sum("idempotent-replayed" in answer.headers for answer in answers) == 7
    assert count(cqrsd, number) == 1


def test_what_failed_is_not_stored(cqrsd, number):
    for _ in range(2):
        assert send(cqrsd, "add_and_raise", "k-fail", number).code == "invalid-value"
    assert send(cqrsd, "add_late", "k-late-1", number).status == 200
    for _ in range(2):
        assert send(cqrsd, "add_late", "k-late-2", number).code == "conflict"
    assert count(cqrsd, number) == 1


def test_what_cannot_be_told_is_undone(cqrsd):
    before = count(cqrsd, 1)
    for _ in range(2):
        answer = send(cqrsd, "add_two", "k-two")
        assert (answer.status, answer.code) == (500, "unexpected-cardinality")
    assert count(cqrsd, 1) == before


def test_a_command_without_rows_is_stored_too(cqrsd, number):
    first, again = (send(cqrsd, "add_none", "k-none", number) for _ in range(2))

    assert first.rows_affected == again.rows_affected == 0
    assert again.headers["idempotent-replayed"] == "true"


def test_a_key_may_be_required_or_refused(cqrsd, number):
    assert send(cqrsd, "add_strictly", None, number).code == "idempotency-key-required"
    assert send(cqrsd, "add_plainly", "k", number).code == "bad-request"
    assert send(cqrsd, "add_plainly", None, number).status == 200
    assert count(cqrsd, number) == 1


@pytest.mark.parametrize("key", ["", '""', "a" * 256, '"a', 'a"b', '"a\\b"', "tab\there"])
def test_what_is_no_key_is_refused(cqrsd, number, key):
    assert send(cqrsd, "add", key, number).status == 400
    assert count(cqrsd, number) == 0


def test_the_longest_key_and_an_escaped_one_are_keys(cqrsd, number):
    for key in ("a" * 255, '"say \\"hi\\" \\\\"'):
        assert send(cqrsd, "add", key, number).status == 200
        assert send(cqrsd, "add", key, number).headers["idempotent-replayed"] == "true"


def test_minimal_answers_are_minimal_again(cqrsd, number):
    send(cqrsd, "add", "k-min", number)
    answer = send(cqrsd, "add", "k-min", number, Prefer="return=minimal")

    assert answer.data is None and answer.headers["idempotent-replayed"] == "true"


def test_a_key_expires_and_is_swept(cqrsd, cluster, number):
    send(cqrsd, "add", "k-old", number)
    cluster.primary.sql("UPDATE cqrsd.idempotency_key SET expires_at = now() - interval '1 s'")
    send(cqrsd, "add", "k-old", number)
    assert count(cqrsd, number) == 2

    cluster.primary.sql("UPDATE cqrsd.idempotency_key SET expires_at = now() - interval '1 s'")
    cqrsd.kill9()
    cqrsd.start("commands")
    until(lambda: cluster.primary.sql("SELECT count(*) FROM cqrsd.idempotency_key") == "0",
          "the keys to be swept", 20)
    until(lambda: cqrsd.metrics().sum("cqrsd_idempotency_swept_total") > 0, "them to be counted")


def test_a_restart_of_the_service_changes_nothing(cqrsd, number):
    first = send(cqrsd, "add", "k-restart", number)
    cqrsd.kill9()
    cqrsd.start("commands")

    assert send(cqrsd, "add", "k-restart", number).data == first.data


def test_the_truth_is_told_after_a_crash_in_the_middle(cqrsd, cluster, number):
    """The backend is killed before it commits, and while it does."""
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        sent = pool.submit(send, cqrsd, "add_for_long", "k-crash", number)
        until(lambda: cluster.primary.sql(
            "SELECT count(*) FROM pg_stat_activity WHERE state = 'active'"
            " AND query LIKE '%pg_sleep(2)%' AND pid <> pg_backend_pid()") == "1", "it to run")
        assert send(cqrsd, "add_for_long", "k-crash", number).code == "idempotency-in-progress"
        cluster.primary.kill9()
        first = sent.result()
    assert (first.status, first.code) == (503, "no-primary"), first
    cluster.primary.start()
    until(lambda: send(cqrsd, "add_for_long", "k-crash", number).status == 200, "commands again",
          30)

    assert send(cqrsd, "add_for_long", "k-crash", number).headers["idempotent-replayed"] == "true"
    assert count(cqrsd, number) == 1


def test_a_key_crosses_a_promotion(effects, start_cqrsd, own_catalog, fresh_cluster, number):
    old, new, other = fresh_cluster.nodes
    old.sql(SCHEMA)
    cqrsd = start_cqrsd(on=fresh_cluster, catalog=own_catalog(CATALOG))
    kept = send(cqrsd, "add", "kept", number)
    fresh_cluster.wait_until_replayed()
    lost = []
    fail_over(old, new, [other],
              lose=lambda: lost.append(send(cqrsd, "add", "lost", number + 500000, user="bob")))
    until(lambda: cqrsd.node(new.address)["role"] == "primary", "the new primary", 20)

    again = send(cqrsd, "add", "kept", number)
    assert again.data == kept.data and again.headers["idempotent-replayed"] == "true"
    assert send(cqrsd, "add", "lost", number + 500000, user="bob").code == "write-lost"
    rerun = send(cqrsd, "add", "lost", number + 500000, user="bob")
    assert rerun.status == 200 and "idempotent-replayed" not in rerun.headers
    assert count(cqrsd, number + 500000) == 1


def test_without_its_table_a_key_is_refused_and_nothing_runs(effects, start_cqrsd, own_catalog,
                                                            cluster, number):
    cqrsd = start_cqrsd(catalog=own_catalog(CATALOG))
    cluster.primary.sql("ALTER FUNCTION cqrsd.claim_key(bytea) RENAME TO claim_key_away")
    try:
        answer = send(cqrsd, "add", "k-away", number)
    finally:
        cluster.primary.sql("ALTER FUNCTION cqrsd.claim_key_away(bytea) RENAME TO claim_key")
    assert (answer.status, answer.code) == (500, "query-failed")
    assert "cqrsd migrate" in answer.problem["detail"]
    assert count(cqrsd, number) == 0
