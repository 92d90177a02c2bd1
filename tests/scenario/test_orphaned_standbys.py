"""A standby that was restarted while there is no primary: its tokens are positions that it has."""

import shutil

import pytest

from harness.cluster import Cluster
from harness.node import server_user
from harness.until import always, until
from scenario.conftest import fill

READS = 40
# Without a primary a standby that was restarted answers alone after 10 s.
ALONE_DEADLINE_S = 40


@pytest.fixture
def made():
    """A function that makes a cluster of one's own with so many standbys."""
    clusters = []

    def make(replicas):
        clusters.append(Cluster.create(replicas=replicas))
        fill(clusters[-1])
        return clusters[-1]
    yield make
    for cluster in clusters:
        cluster.destroy()


def read(cqrsd, token=None):
    return cqrsd.query("cell", owner="ann", token=token, consistency="eventual")


def reads_on(cqrsd, token):
    """Brings the newest token each time, as a client does; the last one."""
    def answered():
        answer = read(cqrsd, token)
        # Each loop dials for itself after the restart.
        always(answer.status == 200 or answer.code in ("no-replica", "queue-timeout"), answer)
        return answer.token if answer.status == 200 else None
    for _ in range(READS):
        token = until(answered, "the standby to answer")
    return token


def restart_as_standby(node):
    node.stop()
    signal = node.data / "standby.signal"
    signal.write_text("")
    if server_user():
        shutil.chown(signal, server_user())
    node.start()


def stands(node):
    """Neither replays nor receives anything, as far as the server itself can tell."""
    return node.sql("SELECT pg_is_in_recovery() AND NOT EXISTS "
                    "(SELECT FROM pg_stat_wal_receiver)") == "t"


def test_a_reader_goes_on_at_a_standby_that_found_no_primary(start_cqrsd, made):
    pair = made(replicas=1)
    primary, standby = pair.nodes
    cqrsd = start_cqrsd(on=pair)
    written = cqrsd.command("put", user="ann", number=1)
    pair.wait_until_replayed()
    primary.stop()
    standby.restart()
    until(lambda: stands(standby), "the standby to look for a primary in vain")
    until(lambda: read(cqrsd, written.token).status == 200, "the standby to be asked again",
          ALONE_DEADLINE_S)

    token = reads_on(cqrsd, written.token)

    # Neither does a promotion call a write lost that nobody made.
    standby.promote()
    until(lambda: cqrsd.readyz().json["commands"], "the promotion to be seen")
    answer = cqrsd.query("cell", owner="ann", token=token)
    assert (answer.status, answer.data) == (200, {"owner": "ann", "number": 1}), answer


def test_a_reader_goes_on_at_a_primary_that_was_made_a_standby(start_cqrsd, made):
    lone = made(replicas=0)
    alone = lone.primary
    cqrsd = start_cqrsd(on=lone)
    written = cqrsd.command("put", user="ann", number=2)
    restart_as_standby(alone)
    until(lambda: read(cqrsd, written.token).status == 200, "the standby to be asked",
          ALONE_DEADLINE_S)

    token = reads_on(cqrsd, written.token)

    alone.promote()
    until(lambda: cqrsd.readyz().json["commands"], "the promotion to be seen")
    answer = cqrsd.query("cell", owner="ann", token=token)
    assert (answer.status, answer.data) == (200, {"owner": "ann", "number": 2}), answer
