"""Which jobs run when: beside slow ones, by urgency, one after another by a parameter's value."""

import contextlib
import random

import pytest
from harness.service import Service
from harness.until import until

from .conftest import options_for
from .job_fixtures import catalog, effects, primary  # noqa: F401

GATE = 4711
CATALOG = f"""
-- command: quick :exec
-- @param number int
-- @async always
INSERT INTO effects (command, number) VALUES ('quick', :number);

-- command: slow :exec
-- @param number int
-- @async always
-- @timeout 60s
WITH open AS MATERIALIZED (SELECT pg_advisory_xact_lock_shared({GATE}))
INSERT INTO effects (command, number) SELECT 'slow', :number FROM open;

-- command: single :exec
-- @param number int
-- @async always
-- @workers 1
-- @timeout 60s
WITH open AS MATERIALIZED (SELECT pg_advisory_xact_lock_shared({GATE}))
INSERT INTO effects (command, number) SELECT 'single', :number FROM open;

-- command: urgent :exec
-- @param number int
-- @async always
-- @priority 0
-- @timeout 60s
WITH open AS MATERIALIZED (SELECT pg_advisory_xact_lock_shared({GATE}))
INSERT INTO effects (command, number) SELECT 'urgent', :number FROM open;

-- command: move :exec
-- @param account text?
-- @param number int
-- @async allowed
-- @order-by account
-- @retries 100 backoff=20ms
SELECT move(:account, :number);

-- command: move_slowly :exec
-- @param account text
-- @param number int
-- @async always
-- @order-by account
-- @timeout 60s
WITH open AS MATERIALIZED (SELECT pg_advisory_xact_lock_shared({GATE}))
INSERT INTO effects (command, account, number) SELECT 'move', :account, :number FROM open;
"""
# Numbers below 0 are refused for good, every seventh fails once in a while, 13 waits for a word.
SCHEMA = """
CREATE TABLE effects (id bigserial PRIMARY KEY, command text, account text, number int);
CREATE SEQUENCE moves;
CREATE TABLE words (word text);
CREATE FUNCTION move(account text, number int) RETURNS void LANGUAGE plpgsql AS $$ BEGIN
    IF number < 0 THEN RAISE EXCEPTION 'no' USING ERRCODE = '22003'; END IF;
    IF number % 7 = 0 AND nextval('moves') % 3 > 0 OR
       number = 13 AND NOT EXISTS (SELECT FROM words) THEN
        RAISE EXCEPTION 'not now' USING ERRCODE = '40001';
    END IF;
    INSERT INTO effects (command, account, number) VALUES ('move', account, number);
END $$;
"""
UNDO = "DROP FUNCTION move; DROP SEQUENCE moves; DROP TABLE effects, words"
TABLES = ("effects", "words")


def serve(shop_cluster, catalog):
    # Whatever a story of keys does, callers of this one need none.
    service = Service(**options_for(shop_cluster, catalog, {"auth": "none", "workers": 4}))
    service.start()
    return service


@pytest.fixture(scope="module")
def shared(effects, shop_cluster, catalog):
    service = serve(shop_cluster, catalog)
    yield service
    service.close()


@pytest.fixture(scope="module")
def second(effects, shop_cluster, catalog):
    service = serve(shop_cluster, catalog)
    yield service
    service.close()


@pytest.fixture
def cqrsd(shared, primary):
    return shared


class Gate:
    """While it is shut, jobs that go through it wait there."""

    def __init__(self, primary):
        self.primary = primary
        self.stack = contextlib.ExitStack()
        self.stack.enter_context(
            primary.open_transaction(f"SELECT pg_advisory_xact_lock({GATE})"))

    def waiting(self):
        return int(self.primary.sql(
            "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
            f" AND objid = {GATE}"))

    def waiting_of(self, command):
        return int(self.primary.sql(
            "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'advisory'"
            f" AND query LIKE '%SELECT ''{command}''%'"))

    def open(self):
        self.stack.close()


@pytest.fixture
def gate(primary):
    gate = Gate(primary)
    yield gate
    gate.open()


def accept(cqrsd, name, numbers, user="ann"):
    for number in numbers:
        answer = cqrsd.command(name, user=user, number=number)
        assert answer.status == 202, answer


def done(primary, command):
    return int(primary.sql(f"SELECT count(*) FROM effects WHERE command = '{command}'"))


class TestSlow:
    def test_slow_jobs_never_take_all_workers_from_quick_ones(self, cqrsd, primary, gate):
        accept(cqrsd, "quick", range(3))
        until(lambda: done(primary, "quick") == 3)
        accept(cqrsd, "slow", range(8))
        until(lambda: gate.waiting() >= 2)

        accept(cqrsd, "quick", range(50))

        until(lambda: done(primary, "quick") == 53)
        assert done(primary, "slow") == 0
        gate.open()
        until(lambda: done(primary, "slow") == 8)

    def test_a_command_has_no_more_batches_at_once_than_its_workers(self, cqrsd, primary, gate):
        """On whatever loop: each of both has two workers."""
        accept(cqrsd, "quick", range(3))  # so that it is known to be quick
        until(lambda: done(primary, "quick") == 3)
        accept(cqrsd, "single", range(4))
        until(lambda: gate.waiting_of("single") == 1)
        accept(cqrsd, "slow", [1])

        until(lambda: gate.waiting_of("slow") == 1)

        accept(cqrsd, "quick", range(50))
        until(lambda: done(primary, "quick") == 53)
        assert (gate.waiting_of("single"), gate.waiting_of("slow")) == (1, 1)
        gate.open()
        until(lambda: done(primary, "single") == 4)

    def test_a_flood_of_urgent_jobs_does_not_stop_the_others(self, cqrsd, primary, gate):
        accept(cqrsd, "urgent", range(200))
        accept(cqrsd, "slow", [1])
        gate.open()

        until(lambda: done(primary, "slow") == 1 and done(primary, "urgent") == 200)

        behind = "SELECT count(*) FROM effects WHERE id > (SELECT id FROM effects"
        assert int(primary.sql(f"{behind} WHERE command = 'slow')")) > 0


LATER = {"Prefer": 'respond-async, not-before="2099-01-01T00:00:00Z"'}
PUT = """
INSERT INTO cqrsd.job (n, run_at, mark, keep_s, keyed, attempts_max, command, version, order_key,
                       parameters) OVERRIDING SYSTEM VALUE
VALUES ({n}, now(), 1, 60, false, 5, '{command}', 'v', '{key}',
        '{{"account": "{key}", "number": "{i}"}}'::json)
"""


def move(cqrsd, account, number, headers=None, name="move"):
    answer = cqrsd.command(name, user="ann", headers=headers or {"Prefer": "respond-async"},
                           account=account, number=number)
    assert answer.status == 202, answer
    return answer.json["job"]["id"]


def cancel(cqrsd, job):
    return cqrsd.client.request("DELETE", f"/v1/jobs/{job}", headers={"X-User-Id": "ann"}).status


def moved(primary, account):
    numbers = primary.sql(f"SELECT number FROM effects WHERE account = '{account}' ORDER BY id")
    return [int(number) for number in numbers.split()]


def queued(primary):
    return int(primary.sql("SELECT count(*) FROM cqrsd.job"))


class TestOrder:
    def test_jobs_of_one_value_run_one_at_a_time_and_those_of_others_beside_them(
            self, cqrsd, primary, gate):
        accept(cqrsd, "quick", range(3))  # so that it is known to be quick
        until(lambda: done(primary, "quick") == 3)
        for number in range(3):
            move(cqrsd, "a", number, name="move_slowly")
        move(cqrsd, "b", 3, name="move_slowly")
        accept(cqrsd, "quick", range(20))

        until(lambda: gate.waiting() == 2)

        until(lambda: done(primary, "quick") == 23)
        assert gate.waiting() == 2
        gate.open()
        until(lambda: queued(primary) == 0)
        assert moved(primary, "a") == [0, 1, 2]

    def test_a_head_that_waits_for_its_retry_blocks_its_value_only(self, cqrsd, primary):
        for number in (13, 1, 2):
            move(cqrsd, "a", number)
        move(cqrsd, "b", 3)

        until(lambda: moved(primary, "b") == [3])
        until(lambda: int(primary.sql("SELECT max(attempts) FROM cqrsd.job")) >= 2)

        assert moved(primary, "a") == []
        primary.sql("INSERT INTO words VALUES ('now')")
        until(lambda: moved(primary, "a") == [13, 1, 2])

    def test_a_head_for_later_blocks_until_it_is_cancelled(self, cqrsd, primary):
        first = move(cqrsd, "a", 1, LATER)
        move(cqrsd, "a", 2)
        move(cqrsd, "b", 3)
        until(lambda: moved(primary, "b") == [3])
        assert moved(primary, "a") == []

        assert cancel(cqrsd, first) == 200

        until(lambda: moved(primary, "a") == [2])

    def test_a_dead_head_blocks_nothing(self, cqrsd, primary):
        for number in (1, -1, 2):
            move(cqrsd, "a", number)

        until(lambda: moved(primary, "a") == [1, 2])

        assert primary.sql("SELECT order_key FROM cqrsd.job_dead") == "a"

    def test_one_that_becomes_visible_late_never_runs_beside_a_later_one(
            self, cqrsd, primary, gate):
        number = primary.sql("SELECT nextval(pg_get_serial_sequence('cqrsd.job', 'n'))")
        move(cqrsd, "a", 2, name="move_slowly")
        until(lambda: gate.waiting() == 1)
        primary.sql(PUT.format(n=number, command="move_slowly", key="a", i=1))

        for i in range(1, 20):  # all workers but one look for work again and again
            accept(cqrsd, "quick", [i])
            until(lambda i=i: done(primary, "quick") == i)

        assert gate.waiting() == 1
        gate.open()
        until(lambda: moved(primary, "a") == [2, 1])

    def test_jobs_without_a_value_have_no_order(self, cqrsd, primary):
        move(cqrsd, None, 1, LATER)
        move(cqrsd, None, 2)

        until(lambda: done(primary, "move") == 1)

    def test_an_order_stands_although_the_values_are_long(self, cqrsd, primary):
        account = "x" * 5000
        for number in range(4):
            move(cqrsd, account, number)

        until(lambda: moved(primary, account) == [0, 1, 2, 3])

    def test_jobs_of_a_command_that_had_an_order_once_run(self, cqrsd, primary):
        for i in range(3):
            primary.sql(PUT.format(n="DEFAULT", command="quick", key="k", i=i)
                        .replace('"account": "k", ', ""))

        until(lambda: done(primary, "quick") == 3, deadline_s=30)

    @pytest.mark.parametrize("seed", range(2))
    def test_two_instances_keep_the_order_whatever_fails_or_is_cancelled(
            self, cqrsd, second, primary, seed):
        dice = random.Random(seed)
        accepted, lost = {}, set()
        for number in range(1, 200):
            account = f"account-{dice.randrange(6)}"
            instance = dice.choice((cqrsd, second))
            numbers = accepted.setdefault(account, [])
            if dice.random() < 0.1:
                move(instance, account, -number)
                continue
            numbers.append(number)
            job = move(instance, account, number, LATER if dice.random() < 0.05 else None)
            if dice.random() < 0.1:
                numbers.remove(number)
                lost.add(job)
        primary.sql("INSERT INTO words VALUES ('now')")
        lost = {job for job in lost if cancel(dice.choice((cqrsd, second)), job) == 200}
        primary.sql("UPDATE cqrsd.job SET run_at = now()")

        until(lambda: queued(primary) == 0, deadline_s=60)

        for account, numbers in accepted.items():
            seen = moved(primary, account)
            assert seen == sorted(seen)
            assert set(numbers) <= set(seen)
            assert len(seen) == len(set(seen))
