"""Where a record ends: at the end of a page, of a segment, or beyond what was flushed.

On a quiet pair of servers no position that is handed out may be one that the replica does not
reach by itself. The segments are small, so that their ends are near.
"""

import collections
import contextlib
import time

import pytest
from harness.client import Client
from harness.cluster import Cluster
from harness.until import until

from .conftest import fill

PAGE = 8192
PAGE_HEADER = 24
SEGMENT = 1 << 20
SEGMENT_HEADER = 40
SAMPLE_BYTES = 400  # of a commit that is measured
ROOM = 1000         # a commit of this size fits, and so does a larger one
COMMITS = 6000

pytestmark = pytest.mark.serve(wait_ms=1000)


@pytest.fixture(scope="module")
def quiet_cluster():
    """Nobody writes there but the tests."""
    cluster = Cluster.create(replicas=1, wal_segment_mb=1,
                             settings={"autovacuum": "off", "checkpoint_timeout": "1h"})
    try:
        fill(cluster)
        yield cluster
    finally:
        cluster.destroy()


@pytest.fixture
def cluster(quiet_cluster):
    yield quiet_cluster
    quiet_cluster.restore()


@pytest.fixture
def client(cqrsd):
    """One connection for all requests: as soon after each other as can be."""
    return Client(cqrsd.address, keep_alive=True)


def inserted(node):
    """Where the next record begins."""
    return int(node.sql("SELECT pg_current_wal_insert_lsn() - '0/0'"))


def flushed(node):
    return int(node.sql("SELECT pg_current_wal_flush_lsn() - '0/0'"))


def at_page_start(lsn):
    """Behind the header, where a record can begin."""
    if lsn % SEGMENT == 0:
        return lsn + SEGMENT_HEADER
    return lsn + PAGE_HEADER if lsn % PAGE == 0 else lsn


def next_multiple(lsn, size):
    return (lsn // size + 1) * size


def fill_log_until(node, lsn):
    """Write up to somewhere before that place, which is on the same page then."""
    while lsn - inserted(node) > PAGE - ROOM:
        pages = (lsn - inserted(node)) // PAGE
        node.sql("SELECT pg_logical_emit_message(true, 'fill', repeat('x', "
                 f"{max(1, pages * (PAGE - PAGE_HEADER) - PAGE // 2)}))")


class Sizes:
    """How many bytes of log a commit of cqrsd takes beyond what it carries: measured, and again
    after each that did not end where it should."""

    def __init__(self, client, node, command):
        self.client, self.node, self.command = client, node, command
        self.overhead = None

    def measure(self):
        """Until two in a row took the same: the server writes records of its own now and then."""
        def twice_the_same():
            last, self.overhead = self.overhead, self._sample()
            return self.overhead is not None and self.overhead == last
        until(twice_the_same, "two commits of the same size")

    def _sample(self):
        before = inserted(self.node)
        self.client.command(self.command, user="measure", bytes=SAMPLE_BYTES)
        taken = inserted(self.node) - before
        on_one_page = before // PAGE == (before + taken) // PAGE
        return taken - SAMPLE_BYTES if on_one_page and taken < 2 * SAMPLE_BYTES else None

    def commit_up_to(self, lsn):
        """A commit whose record ends there, and the own read at once: did it, and the reason."""
        room = lsn - inserted(self.node)
        if room - self.overhead < SAMPLE_BYTES:
            return False, None
        user = f"user{lsn}"
        done = self.client.command(self.command, user=user, bytes=room - self.overhead)
        assert done.status == 200, done
        answer = self.client.query("cell", user=user, owner=user)
        assert answer.data is None
        return inserted(self.node) == at_page_start(lsn), answer.served_by.reason


def reasons_at(client, node, size, command, wanted):
    """The reasons of own reads after commits that end exactly at multiples of size."""
    sizes = Sizes(client, node, command)
    sizes.measure()
    reasons = collections.Counter()
    for _ in range(3 * wanted):
        end = next_multiple(inserted(node), size)
        if end - inserted(node) < ROOM:
            end += size
        fill_log_until(node, end)
        exact, reason = sizes.commit_up_to(end)
        if exact:
            reasons[reason] += 1
        else:
            sizes.measure()
        if reasons.total() == wanted:
            return reasons
    raise AssertionError(f"only {reasons.total()} of {wanted} commits ended where they should")


def assert_from_the_replica(reasons):
    assert not [reason for reason in reasons if reason.startswith("spill")], reasons


@pytest.mark.parametrize("command", ["pad", "pad.async"])
@pytest.mark.parametrize("size", [PAGE, SEGMENT])
def test_a_commit_that_ends_with_a_page_is_read_from_the_replica(client, cluster, size, command):
    assert_from_the_replica(reasons_at(client, cluster.primary, size, command, 12))


def test_a_segment_that_is_left_early_is_no_obstacle(client, cluster):
    for _ in range(5):
        client.command("put", user="ann", number=1)
        cluster.primary.sql("SELECT pg_switch_wal()")
        token = client.query("ping", consistency="strong").token

        assert client.query("ping", token=token).served_by.role == "replica"


def test_thousands_of_commits_one_at_a_time_are_read_from_the_replica(client, cluster):
    reasons = collections.Counter()
    for number in range(COMMITS):
        client.command("put", user="ann", number=number)
        answer = client.query("cell", user="ann", owner="ann")
        assert answer.data["number"] == number
        reasons[answer.served_by.reason] += 1

    assert_from_the_replica(reasons)


# Amid a record: an open transaction has written across the end of a page, and the walwriter has
# flushed that page. Nobody commits: the rest stays where it is.


@contextlib.contextmanager
def flushed_amid_a_record(primary):
    room = next_multiple(inserted(primary), PAGE) - inserted(primary)
    message = f"SELECT pg_logical_emit_message(true, 'open', repeat('x', {room + 2000}))"
    before = inserted(primary)
    with primary.open_transaction(message):
        until(lambda: flushed(primary) > before, "the walwriter to flush a page", every_s=0.001)
        yield


def test_what_the_primary_showed_is_read_from_the_replica(client, cluster):
    reasons = collections.Counter()
    for _ in range(10):
        with flushed_amid_a_record(cluster.primary):
            token = client.query("ping", consistency="strong").token
            reasons[client.query("ping", token=token).served_by.reason] += 1

    assert_from_the_replica(reasons)


def test_what_the_replica_showed_is_read_from_it_again(client, cluster):
    reasons = collections.Counter()
    for _ in range(10):
        with flushed_amid_a_record(cluster.primary):
            token = client.query("ping", consistency="eventual").token
            reasons[client.query("ping", token=token).served_by.reason] += 1

    assert_from_the_replica(reasons)


def test_a_service_that_starts_then_reads_from_the_replica(start_cqrsd, cluster):
    with flushed_amid_a_record(cluster.primary):
        service = start_cqrsd(wait="rotation", wait_ms=1000)

        assert service.query("ping", user="ann").served_by.role == "replica"


@pytest.mark.serve(max_lag_ms=300)
def test_the_replica_does_not_seem_to_fall_behind(cqrsd, cluster):
    address = cluster.replica(1).address
    with flushed_amid_a_record(cluster.primary):
        behind = flushed(cluster.primary)

        until(lambda: cqrsd.node(address)["lag_bytes"] == 0 and
              int(cluster.replica(1).sql("SELECT pg_last_wal_replay_lsn() - '0/0'")) >= behind,
              "the replica to be where the primary is", deadline_s=5)
        since = time.monotonic()

        def seems_to_stand_there():
            """For longer than one that is behind stays in the rotation."""
            nonlocal since
            node = cqrsd.node(address)
            if node["lag_bytes"] or not node["in_rotation"]:
                since = time.monotonic()
            return time.monotonic() - since > 1.5
        until(seems_to_stand_there, "the replica not to seem to fall behind", 20)


def test_a_command_that_wrote_nothing_is_shown_by_the_replica(client, cluster):
    with flushed_amid_a_record(cluster.primary):
        answer = client.command("touch", user="ann", owner="nobody",
                                headers={"Prefer": "wait-replicas=1, wait=5"})

    assert answer.headers["preference-applied"].startswith("wait-replicas=1")
