"""Jobs that are accepted while faults happen, and what must be true of them when all is mended.

Each job has a key of its own and leaves a row with it. Some stand in the queue before anything
happens; the others are accepted by clients on both instances: those with an Idempotency-Key repeat
a request until they know that it was accepted, those without one never do. A third are jobs with an
order (@order-by): of one place each. Some of these are refused by what they run and end as dead
letters, some fail and are tried again, and some are cancelled by their client.
"""

import asyncio
import random
import time

from harness.until import rest, rest_now

from .workload import UNKNOWN, Link, NoAnswer, NotSent

PLACES = 40
# What befalls a job with an order, by its number.
HOW = ("well",) * 20 + ("refused",) + ("well",) * 9 + ("again",) + ("well",) * 9
CANCELLED = 0.05  # of jobs with an order
BACKLOG = """INSERT INTO cqrsd.job (mark, command, version, parameters, attempts_max, run_at,
    keep_s, keyed) SELECT i, 'record_later', '1', json_build_object('key', 'b' || i), 5,
    clock_timestamp(), 86400, false FROM generate_series(1, {count}, 2) AS i;
    INSERT INTO cqrsd.job (mark, command, version, parameters, order_key, attempts_max, run_at,
    keep_s, keyed) SELECT i, 'record_in_order', '1', json_build_object('key', 'b' || i, 'place',
    (i / 2 % {places})::text, 'how', ({how})[i / 2 % {hows} + 1]), i / 2 % {places}, 41,
    clock_timestamp(), 86400, false FROM generate_series(2, {count}, 2) AS i"""


class Asked:
    """One job that was asked for."""

    def __init__(self, place=None, how="well", end=None, start_ns=0, end_ns=None):
        self.place, self.how = place, how
        self.end = end            # accepted, refused, unknown, cancelled, by hand
        self.start_ns = start_ns  # before it was sent, for the first time
        self.end_ns = end_ns      # when it was known to be accepted
        self.token = None         # of its acceptance
        self.cancel_token = None


class JobClient:
    """One client; it changes the instance when it gets no answer."""

    def __init__(self, load, number):
        self.load, self.number = load, number
        self.random = random.Random(f"{load.seed}/{number}")
        self.links = [Link(address) for address in load.addresses]
        self.at = number % len(self.links)
        self.keyed = number % 2 == 1

    async def run(self):
        count = 0
        while not self.load.over():
            count += 1
            self.load.asked += 1
            job = Asked(start_ns=time.monotonic_ns())
            if count % 3 == 0:
                job.place = str(self.random.randrange(PLACES))
                job.how = self.random.choice(HOW)
            await self.accept(f"c{self.number}-{count}", job)
        for link in self.links:
            link.close()

    async def accept(self, key, job):
        """Until it is known, where it may be repeated."""
        while True:
            ended, location = await self.once(key, job)
            if ended == "accepted" or not self.keyed or self.load.over():
                # What an earlier attempt did is not known.
                job.end = "unknown" if self.keyed and ended == "refused" else ended
                self.load.jobs[key] = job
                if ended == "accepted" and job.place and self.random.random() < CANCELLED:
                    await self.cancel(location, job)
                return
            await rest(0.05)

    async def call(self, *words):
        """(how it ended, headers, body); ended: a status, refused or unknown."""
        try:
            return await self.links[self.at].call(*words)
        except NotSent:
            self.at = (self.at + 1) % len(self.links)
            await rest(0.05)
            return "refused", {}, {}
        except NoAnswer:
            self.at = (self.at + 1) % len(self.links)
            return "unknown", {}, {}

    async def once(self, key, job):
        headers = {"X-User-Id": f"u{self.number}"}
        if self.keyed:
            headers["Idempotency-Key"] = f"k-{key}"
        name, body = "record_later", {"key": key}
        if job.place:
            name, body = "record_in_order", {"key": key, "place": job.place, "how": job.how}
        status, headers, body = await self.call("POST", f"/v1/commands/{name}", headers, body)
        if status == 202:
            job.end_ns = time.monotonic_ns()
            job.token = headers.get("consistency-token")
            return "accepted", headers["location"]
        if status not in ("refused", "unknown"):
            await rest(0.05)
            status = "unknown" if body.get("code") == UNKNOWN else "refused"
        return status, None

    async def cancel(self, location, job):
        """Whatever is not a clear answer leaves it open whether it runs."""
        status, headers, body = await self.call("DELETE", location,
                                                {"X-User-Id": f"u{self.number}"}, None)
        if status == 200:
            job.end, job.cancel_token = "cancelled", headers.get("consistency-token")
        elif body.get("code") not in ("job-running", "job-finished"):
            job.end = "cancelled or not"


class JobLoad:
    """All clients, until the time is over or so many jobs have been asked for."""

    def __init__(self, addresses, seed, seconds, clients, most):
        self.addresses, self.seed, self.clients, self.most = addresses, seed, clients, most
        self.until_s = time.monotonic() + seconds
        self.jobs = {}  # key -> Asked
        self.asked = 0  # by clients

    def over(self):
        return time.monotonic() >= self.until_s or self.asked >= self.most

    def run(self):
        asyncio.run(self._run())

    async def _run(self):
        await asyncio.gather(*(JobClient(self, number).run() for number in range(self.clients)))


def fill(world, count):
    """Jobs as acceptance writes them, on all nodes before anything happens: key -> Asked."""
    if count:
        world.leader.sql(BACKLOG.format(
            count=count, places=PLACES, hows=len(HOW),
            how="ARRAY[" + ",".join(f"'{how}'" for how in HOW) + "]"))
        world.cluster.wait_until_replayed()
    # In the order of their numbers, all before any other.
    return {f"b{i}": Asked(end="accepted", end_ns=0) if i % 2 else
            Asked(str(i // 2 % PLACES), HOW[i // 2 % len(HOW)], "accepted", i - count - 1,
                  i - count - 1) for i in range(1, count + 1)}


def hand_over(world, load, seconds):
    """Somebody who inserts jobs with an order by hand, one of each of many places, and takes long
    to commit them."""
    rng = random.Random(f"{load.seed}/hand")
    number, until_s = 0, time.monotonic() + seconds
    while time.monotonic() < until_s:
        number += 1
        jobs = {f"h{number}-{place}": Asked(str(place), end="by hand",
                                            start_ns=time.monotonic_ns())
                for place in rng.sample(range(PLACES), PLACES // 2)}
        rows = ", ".join(f"('{key}', '{job.place}')" for key, job in jobs.items())
        try:
            with world.leader.open_transaction(BY_HAND.format(rows=rows)) as late:
                rest_now(rng.uniform(0.1, 1.5))
                late("COMMIT")
                for job in jobs.values():
                    job.end_ns = time.monotonic_ns()
        except Exception:  # noqa: BLE001  whether it was committed is not known
            rest_now(0.1)
        load.jobs.update(jobs)


BY_HAND = """INSERT INTO cqrsd.job (mark, command, version, parameters, order_key, attempts_max,
    run_at, keep_s, keyed) SELECT 1, 'record_in_order', '1', json_build_object('key', key, 'place',
    place, 'how', 'well'), place, 41, clock_timestamp(), 86400, false
    FROM (VALUES {rows}) AS one(key, place)"""


def hold_snapshots(world, seconds):
    """A transaction on the leader keeps deleted rows from being removed, as long as that lives; for
    the first ones there are many, so that claims go by floors (write/jobs/floors.h)."""
    until_s, litters = time.monotonic() + seconds, LITTERS
    while time.monotonic() < until_s:
        try:
            with world.leader.open_transaction(SNAPSHOT) as ask:
                while time.monotonic() < until_s:
                    if litters:
                        litters -= 1
                        world.leader.sql(LITTER)
                    rest_now(0.1)
                    ask("SELECT 1")
        except Exception:  # noqa: BLE001  that primary is gone
            rest_now(0.1)


LITTERS = 3
SNAPSHOT = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM registers"
# Jobs that are deleted by the transaction that adds them.
LITTER = f"""BEGIN; INSERT INTO cqrsd.job (mark, command, version, parameters, order_key,
    attempts_max, run_at, keep_s, keyed) SELECT -1, 'record_in_order', '1', '{{}}', i % {PLACES}, 1,
    clock_timestamp(), 60, false FROM generate_series(1, 20000) AS i;
    DELETE FROM cqrsd.job WHERE mark = -1; COMMIT"""
