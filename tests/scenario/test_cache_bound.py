# SPDX-License-Identifier: Apache-2.0
"""What the primary answers before a commit is seen there, which it has flushed, is not kept."""

import pytest
from harness.kept import until_kept
from harness.waiting import in_background, until_waits

# The function holds an answer back whose snapshot was taken: the query is on its way as long as
# the lock is held.
CATALOG = """
-- query: held :one
-- @cache 60s volatile=ok
SELECT number FROM test_bound, pg_advisory_xact_lock_shared(1919) WHERE id = :id;

-- query: thing :one
-- @cache 60s
SELECT number FROM test_bound WHERE id = :id;

-- command: touch :exec
-- @param id int
-- @param number int
UPDATE test_bound SET number = :number WHERE id = :id;
"""

SCHEMA = """
CREATE TABLE test_bound (id int PRIMARY KEY, number int);
INSERT INTO test_bound SELECT i, 0 FROM generate_series(1, 50) AS i;
"""

CLEAN = "DROP TABLE test_bound"

TRIES = 20


@pytest.fixture
def service(schema, start_cqrsd, own_catalog):
    """At one node, where what the primary answers is kept."""
    service = start_cqrsd(catalog=own_catalog(CATALOG), replicas=0, request_timeout_ms=60000)
    until_kept(service, "thing", id=50)
    yield service
    schema.primary.set(synchronous_standby_names="")


def ask_amid_a_commit(service, primary, number):
    """Ann's commit is flushed, and not seen before a standby has it. Meanwhile the query of another
    client begins, and it ends behind the commit. Is the log as long then as when it began?"""
    primary.set(synchronous_standby_names="absent")
    written = in_background(
        lambda: service.command("touch", user="ann", id=1, number=number))
    until_waits(primary, "SyncRep", "the commit to wait for a standby", "test_bound")
    with primary.open_transaction("SELECT pg_advisory_xact_lock(1919)"):
        asked = in_background(lambda: service.query("held", id=1))
        until_waits(primary, "advisory", "the answer to be held back", "test_bound")
        flushed = primary.flush_lsn()
        primary.set(synchronous_standby_names="")
        assert written().status == 200
        unmoved = primary.flush_lsn() == flushed
    assert asked().data["number"] == number - 1
    return unmoved


def test_an_answer_that_began_before_a_commit_was_seen_is_not_given_behind_it(service, cluster):
    """Where nothing else is written, the log ended where that commit ends when the answer began,
    though the answer does not show it."""
    unmoved = 0
    for number in range(1, TRIES):
        unmoved += ask_amid_a_commit(service, cluster.primary, number)
        for level in ("session", "eventual"):
            assert service.query("held", user="ann", id=1,
                                 consistency=level).data["number"] == number
        if unmoved == 3:
            return
    raise AssertionError("something else was written each time")
