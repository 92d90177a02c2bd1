"""A processor that others keep busy: few clients, each of whom waits for its answer, are served."""

import json
import os
import pathlib
import subprocess
import sys
from contextlib import contextmanager

import pytest

LOADGEN = pathlib.Path(os.environ.get("LOADGEN", "build/loadgen")).absolute()
OPERATIONS = """
-- command: raise :one
-- @param id int
UPDATE counters SET value = value + 1 WHERE id = :id % 2 RETURNING value;

-- query: counter :one
-- @param id int
SELECT value FROM counters WHERE id = :id % 2;
"""
CLIENTS_OF_EACH, SECONDS, THIEVES = 8, 3, 3


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
def two_instances(start_cqrsd, cluster, own_catalog):
    """As many conns as by default; their groups wait for each other's row locks."""
    cluster.primary.sql("DROP TABLE IF EXISTS counters")
    cluster.primary.sql("CREATE TABLE counters (id int PRIMARY KEY, value bigint)")
    cluster.primary.sql("INSERT INTO counters SELECT id, 0 FROM generate_series(0, 7) AS id")
    cluster.wait_until_replayed()
    catalog = own_catalog(OPERATIONS)
    yield [start_cqrsd(catalog=catalog, pool_conns=None) for _ in range(2)]
    cluster.primary.sql("DROP TABLE counters")


def outcomes_of(instances, what):
    """What became of the requests of a closed loop of few clients at each instance."""
    loads = [subprocess.Popen([LOADGEN, "--to", instance.address, *what, "--connections",
                               str(CLIENTS_OF_EACH), "--seconds", str(SECONDS), "--json"],
                              stdout=subprocess.PIPE, text=True) for instance in instances]
    outcomes = {}
    for load in loads:
        text, _ = load.communicate(timeout=60)
        assert load.returncode == 0
        for kind in json.loads(text)["classes"]:
            for outcome, count in kind["outcomes"].items():
                outcomes[outcome] = outcomes.get(outcome, 0) + count
    return outcomes


@pytest.mark.parametrize("what", [
    pytest.param(["--post", '/v1/commands/raise {"id":{1-99}}'], id="commands"),
    pytest.param(["--get", "/v1/queries/counter?id={1-99}"], id="queries"),
])
def test_few_clients_are_never_refused_for_want_of_a_processor(two_instances, what):
    with stolen_processor():
        outcomes = outcomes_of(two_instances, what)

    assert set(outcomes) == {"2xx"}, outcomes
