"""Write, then read, by many users at once, while the replicas are held, delayed and let go."""

import itertools
import os

import pytest
from harness.load import Load
from harness.until import beats

PAIRS = int(os.environ.get("PAIRS", "4000"))
CLIENTS = 64


class Pairs:
    """What all clients share: how many pairs are left, and who answered."""

    def __init__(self):
        self.left = PAIRS
        self.by_role = {}
        self.stale = []
        self.refused = []

    async def client(self, _load, number, connection):
        """One user: puts the next number in the own cell, then must read at least that."""
        user = f"pair{number}"
        count = 0
        while self.left > 0:
            self.left -= 1
            count += 1
            wrote = await connection.command("put", user, number=count)
            if wrote.status != 200:
                self.refused.append(wrote)
                continue
            read = await connection.query(f"cell?owner={user}", user)
            if read.status != 200:
                self.refused.append(read)
                continue
            if read.data is None or read.data["number"] < count:
                self.stale.append((user, count, read))
            role = read.served_by.role
            self.by_role[role] = self.by_role.get(role, 0) + 1


def disturb(cluster, load):
    """One replica is held, then both; then they are delayed, now one, now both; then let go."""
    one, two = cluster.replicas
    scenes = [one.pause_replay, two.pause_replay, one.resume_replay, two.resume_replay,
              lambda: one.set_apply_delay(20), lambda: two.set_apply_delay(200),
              lambda: one.set_apply_delay(200), lambda: two.set_apply_delay(5), two.pause_replay,
              lambda: one.set_apply_delay(0), two.resume_replay, lambda: two.set_apply_delay(0)]
    for scene, _ in zip(itertools.cycle(scenes), beats(240, 0.1)):
        if not load.running:
            break
        scene()


@pytest.mark.serve(spill_share=100, queue_max=1000, queue_wait_ms=5000)
def test_64_users_always_read_their_own_writes_while_replicas_come_and_go(
        cqrsd, cluster, capsys):
    pairs = Pairs()

    with Load(cqrsd.address, pairs.client, CLIENTS) as load:
        disturb(cluster, load)
        load.finish()

    total = sum(pairs.by_role.values())
    with capsys.disabled():
        share = 100 * pairs.by_role.get("replica", 0) / max(total, 1)
        print(f"\n  {total} write-then-read pairs by {CLIENTS} clients: 0 stale expected, "
              f"{len(pairs.stale)} found; {share:.1f} % answered by replicas; "
              f"{len(pairs.refused)} refused")
    assert pairs.stale == []
    assert pairs.refused == []
    assert total == PAIRS
    assert pairs.by_role.get("replica", 0) > 0


@pytest.mark.serve(queue_wait_ms=1000)
def test_on_healthy_replicas_most_reads_of_own_writes_come_from_replicas(cqrsd, cluster):
    pairs = Pairs()
    pairs.left = 1000

    with Load(cqrsd.address, pairs.client, 8) as load:
        load.finish()

    assert pairs.stale == [] and pairs.refused == []
    assert pairs.by_role.get("replica", 0) > 0.5 * sum(pairs.by_role.values())
