"""Users who write and then read, each request through whatever instance a proxy chooses."""

import pathlib
from collections import Counter

from .load import Load
from .service import Service
from .until import until

OPERATIONS = """
-- command: put :one
-- @param number bigint
INSERT INTO cells (owner, number) VALUES (:request_user, :number)
ON CONFLICT (owner) DO UPDATE SET number = excluded.number RETURNING number;

-- query: cell :maybe
SELECT number FROM cells WHERE owner = :owner;
"""


class Pairs:
    """Each user reads its cell after each write, without a token, until so many pairs are done."""

    def __init__(self, address, users, pairs):
        self.pairs, self.begun, self.done, self.stale = pairs, 0, 0, 0
        self.failures = Counter()
        self.roles = Counter()
        self.waits_s = []
        self.load = Load(address, self.client, users)

    async def client(self, load, number, connection):
        user = f"pairs-{load.address}-{number}"
        count = 0
        while not load.stopping and self.begun < self.pairs:
            self.begun += 1
            count += 1
            written = await connection.command("put", user, number=count)
            read = await connection.query(f"cell?owner={user}", user)
            self.done += 1
            refused = [answer for answer in (written, read) if answer.status != 200]
            for answer in refused:
                self.failures[answer.status, answer.code, answer.problem.get("detail")] += 1
            if refused:
                continue
            row = read.data
            self.stale += not row or row["number"] != count
            self.roles[read.served_by.role] += 1
            self.waits_s.append(read.served_by.waited)

    def run(self, deadline_s=600):
        with self.load:
            until(lambda: self.done >= self.pairs, "all pairs", deadline_s)
            self.load.check()
        return self

    @property
    def replica_percent(self):
        return 100 * self.roles["replica"] / max(1, sum(self.roles.values()))

    def wait_p99_s(self):
        return sorted(self.waits_s)[len(self.waits_s) * 99 // 100] if self.waits_s else 0


def catalog(folder):
    """What they call."""
    (pathlib.Path(folder) / "pairs.sql").write_text(OPERATIONS, encoding="utf-8")


def serve(cluster, folder, instances, sessions, **more):
    """So many instances that know nothing of each other. That a busy machine lets a status query or
    a connection wait is no reason to refuse anybody: which answers are stale is asked here."""
    options = {"primary": cluster.primary.conninfo,
               "replica": [node.conninfo for node in cluster.replicas], "sessions": sessions,
               "catalog": folder, "loops": 1, "pool_conns": 8, "wait_ms": 1000,
               "queue_wait_ms": 5000, "lag_strikes": 50, **more}
    return [Service(**options).start("rotation") for _ in range(instances)]
