"""Jobs that are accepted while faults happen, and what must be true of them when all is mended.

Each job has a key of its own and leaves a row with it. Some stand in the queue before anything
happens; the others are accepted by clients on both instances: those with an Idempotency-Key repeat
a request until they know that it was accepted, those without one never do.
"""

import asyncio
import collections
import json
import time

from harness.until import TooLate, rest, until

from .workload import UNKNOWN, Link, NoAnswer, NotSent

CLIENTS = 16
DRAINED_S = 240
TOLD_MAX = 5  # examples of a violation
BACKLOG = """INSERT INTO cqrsd.job (mark, command, version, parameters, attempts_max, run_at,
    keep_s, keyed) SELECT i, 'record_later', '1', json_build_object('key', 'b' || i), 5,
    clock_timestamp(), 86400, false FROM generate_series(1, {count}) AS i"""


class JobClient:
    """One client; it changes the instance when it gets no answer."""

    def __init__(self, load, number):
        self.load, self.number = load, number
        self.links = [Link(address) for address in load.addresses]
        self.at = number % len(self.links)
        self.keyed = number % 2 == 1

    async def run(self):
        count = 0
        while not self.load.over():
            count += 1
            await self.accept(f"c{self.number}-{count}")
        for link in self.links:
            link.close()

    async def accept(self, key):
        """Until it is known, where it may be repeated."""
        while True:
            ended = await self.once(key)
            if ended == "accepted" or not self.keyed or self.load.over():
                # What an earlier attempt did is not known.
                self.load.ends[key] = "unknown" if self.keyed and ended == "refused" else ended
                return
            await rest(0.05)

    async def once(self, key):
        headers = {"X-User-Id": f"u{self.number}"}
        if self.keyed:
            headers["Idempotency-Key"] = f"k-{key}"
        try:
            status, headers, body = await self.links[self.at].call(
                "POST", "/v1/commands/record_later", headers, {"key": key})
        except NotSent:
            self.at = (self.at + 1) % len(self.links)
            await rest(0.05)
            return "refused"
        except NoAnswer:
            self.at = (self.at + 1) % len(self.links)
            return "unknown"
        if status == 202:
            self.load.tokens[key] = headers.get("consistency-token")
            return "accepted"
        await rest(0.05)
        return "unknown" if body.get("code") == UNKNOWN else "refused"


class JobLoad:
    """All clients, until the time is over or so many jobs have been asked for."""

    def __init__(self, addresses, seconds, most):
        self.addresses, self.most = addresses, most
        self.until_s = time.monotonic() + seconds
        self.ends = {}    # key -> accepted, refused, unknown
        self.tokens = {}  # of those that were accepted

    def over(self):
        return time.monotonic() >= self.until_s or len(self.ends) >= self.most

    def run(self):
        asyncio.run(self._run())

    async def _run(self):
        await asyncio.gather(*(JobClient(self, number).run() for number in range(CLIENTS)))


def fill(world, count):
    """Jobs as acceptance writes them, on all nodes before anything happens."""
    if count:
        world.leader.sql(BACKLOG.format(count=count))
        world.cluster.wait_until_replayed()


def drained(world):
    """Has all ended that was accepted?"""
    try:
        until(lambda: world.leader.sql("SELECT count(*) FROM cqrsd.job") == "0", "the queue to be "
              "empty", DRAINED_S)
    except TooLate:
        return False
    return True


async def told_lost(address, tokens):
    """Which of these tokens are answered with write-lost?"""
    link, told = Link(address), set()
    for key, token in tokens.items():
        _, _, body = await link.call("GET", "/v1/queries/read?key=x",
                                     {"Consistency-Token": token}, None)
        if body.get("code") == "write-lost":
            told.add(key)
    link.close()
    return told


class JobVerdict:
    """What was found, and what of it may not be."""

    def __init__(self, world, load, backlog):
        self.violations = []
        self.load = load
        if not drained(world):
            self.blame("jobs that never ended", world.leader.sql(
                "SELECT n, attempts, begun, run_at, log FROM cqrsd.job").splitlines())
        rows = world.leader.sql("SELECT key, count(*) FROM job_effects GROUP BY key").splitlines()
        self.effects = {key: int(count) for key, count in (row.split("|") for row in rows)}
        ends = world.leader.sql("SELECT parameters, log FROM cqrsd.job_dead").splitlines()
        self.blame("jobs without a fault that are dead letters", ends)
        done = int(world.leader.sql("SELECT count(*) FROM cqrsd.job_finished WHERE state = 'd'"))
        if done != sum(self.effects.values()):
            self.blame("ends that are not as many as effects",
                       [f"{done} done, {sum(self.effects.values())} effects"])
        self.judge(world, {f"b{i + 1}" for i in range(backlog)})

    def blame(self, what, examples):
        if examples:
            self.violations.append(f"{len(examples)} {what}: {sorted(examples)[:TOLD_MAX]}")

    def keys(self, end):
        return {key for key, ended in self.load.ends.items() if ended == end}

    def judge(self, world, backlog):
        accepted = self.keys("accepted")
        self.blame("effects that came more than once",
                   [key for key, count in self.effects.items() if count > 1])
        self.blame("effects of what was refused", self.keys("refused") & self.effects.keys())
        self.blame("lost though every node had them", backlog - self.effects.keys())
        missing = accepted - self.effects.keys()
        self.told = asyncio.run(told_lost(world.addresses[0],
                                          {key: self.load.tokens[key] for key in missing}))
        self.blame("accepted, without effect, and not told as lost", missing - self.told)
        self.missing = missing

    def text(self):
        counts = collections.Counter(self.load.ends.values())
        return (f"{len(self.load.ends)} jobs asked for ({json.dumps(counts)}), "
                f"{sum(self.effects.values())} effects, {len(self.missing)} lost with their "
                f"timeline, {len(self.told)} of them told, {len(self.violations)} violations")
