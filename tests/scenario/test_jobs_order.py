"""Which jobs run when: beside slow ones, by urgency, one after another by a parameter's value."""

import contextlib

import pytest
from harness.service import Service
from harness.until import until

from .conftest import options_for

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
"""


@pytest.fixture(scope="module")
def effects(shop_cluster):
    shop_cluster.primary.sql(
        "CREATE TABLE effects (id bigserial PRIMARY KEY, command text, number int)")
    shop_cluster.wait_until_replayed()
    yield shop_cluster.primary
    shop_cluster.primary.sql("DROP TABLE effects")


@pytest.fixture
def primary(effects):
    yield effects
    effects.sql("TRUNCATE cqrsd.job, cqrsd.job_finished, cqrsd.job_dead, effects")


@pytest.fixture(scope="module")
def catalog(tmp_path_factory):
    folder = tmp_path_factory.mktemp("jobs")
    (folder / "jobs.sql").write_text(CATALOG, encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def shared(effects, shop_cluster, catalog):
    # Whatever a story of keys does, callers of this one need none.
    service = Service(**options_for(shop_cluster, catalog, {"auth": "none", "workers": 4}))
    service.start()
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
        accept(cqrsd, "single", range(4))
        until(lambda: gate.waiting() == 1)
        accept(cqrsd, "slow", [1])

        until(lambda: gate.waiting() == 2)

        accept(cqrsd, "quick", range(50))
        until(lambda: done(primary, "quick") == 50)
        assert gate.waiting() == 2
        gate.open()
        until(lambda: done(primary, "single") == 4)

    def test_a_flood_of_urgent_jobs_does_not_stop_the_others(self, cqrsd, primary, gate):
        accept(cqrsd, "urgent", range(200))
        accept(cqrsd, "slow", [1])
        gate.open()

        until(lambda: done(primary, "slow") == 1)

        assert done(primary, "urgent") < 200
        until(lambda: done(primary, "urgent") == 200)
