"""A processor that others keep busy: few clients, each of whom waits for its answer, are served."""

import json
import os
import pathlib
import subprocess
import sys
from contextlib import contextmanager

import pytest

from harness.until import rest_now

LOADGEN = pathlib.Path(os.environ.get("LOADGEN", "build/loadgen")).absolute()
OPERATIONS = """
-- command: raise :one
-- @param id int
UPDATE counters SET value = value + 1 WHERE id = :id % 2 RETURNING value;

-- query: counter :one
-- @param id int
SELECT value FROM counters WHERE id = :id % 2;
"""
RAISE = ["--post", '/v1/commands/raise {"id":{1-99}}']
CLIENTS_OF_EACH, SECONDS, THIEVES = 8, 3, 3
QUEUE_WAIT_MS = 400


@contextmanager
def stolen_processor():
    """Other processes that never sleep, as a compiler."""
    thieves = [subprocess.Popen([sys.executable, "-c", "while True: pass"])
               for _ in range(THIEVES)]
    try:
        yield
    finally:
        for thief in thieves:
            thief.kill()
            thief.wait()


@pytest.fixture
def two_instances(request, start_cqrsd, cluster, own_catalog):
    """As many conns as by default; their groups wait for each other's row locks."""
    cluster.primary.sql("DROP TABLE IF EXISTS counters")
    cluster.primary.sql("CREATE TABLE counters (id int PRIMARY KEY, value bigint)")
    cluster.primary.sql("INSERT INTO counters SELECT id, 0 FROM generate_series(0, 7) AS id")
    cluster.wait_until_replayed()
    catalog = own_catalog(OPERATIONS)
    options = getattr(request, "param", {})
    yield [start_cqrsd(catalog=catalog, pool_conns=None, **options) for _ in range(2)]
    cluster.primary.sql("DROP TABLE counters")


def outcomes_of(instances, what, clients=CLIENTS_OF_EACH, meanwhile=lambda: None):
    """What became of the requests of a closed loop of few clients at each instance."""
    loads = [subprocess.Popen([LOADGEN, "--to", instance.address, *what, "--connections",
                               str(clients), "--seconds", str(SECONDS), "--json"],
                              stdout=subprocess.PIPE, text=True) for instance in instances]
    meanwhile()
    outcomes = {}
    for load in loads:
        text, _ = load.communicate(timeout=60)
        assert load.returncode == 0
        for kind in json.loads(text)["classes"]:
            for outcome, count in kind["outcomes"].items():
                outcomes[outcome] = outcomes.get(outcome, 0) + count
    return outcomes


@pytest.mark.parametrize("two_instances", [{"queue_wait_ms": QUEUE_WAIT_MS}], indirect=True)
def test_few_clients_are_not_refused_while_whoever_holds_their_locks_waits(two_instances, cluster):
    """As where the processor was taken from the one that holds them: for twice the wait in a queue,
    and less than the five times for which few commands wait."""
    def hold_locks():
        for _ in range(2):
            with cluster.primary.open_transaction("SELECT FROM counters FOR UPDATE"):
                rest_now(2 * QUEUE_WAIT_MS / 1000)

    outcomes = outcomes_of(two_instances, RAISE, 2 * CLIENTS_OF_EACH, hold_locks)

    assert set(outcomes) == {"2xx"}, outcomes


@pytest.mark.parametrize("what", [
    pytest.param(RAISE, id="commands"),
    pytest.param(["--get", "/v1/queries/counter?id={1-99}"], id="queries"),
])
def test_few_clients_are_never_refused_for_want_of_a_processor(two_instances, what):
    with stolen_processor():
        outcomes = outcomes_of(two_instances, what)

    assert set(outcomes) == {"2xx"}, outcomes
