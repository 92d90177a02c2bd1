"""What must be true of the jobs of a run (job_load.py) when all is mended.

Every job that was accepted has had its effect exactly once, has become a dead letter as it had to,
or was cancelled. Else the answer to its client is `write-lost`. Effects of jobs of one
place are in the order of acceptance: of two of them, the one that was known to be accepted before
the other was asked for comes first.
"""

import asyncio
import collections
import json

from harness.until import TooLate, until

from .workload import Link

DRAINED_S = 240
TOLD_MAX = 5  # examples of a violation
NEVER = 1 << 63


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


def out_of_order(jobs, ran):
    """ran: keys of jobs of one place in the order of their effects. Those that ran before one that
    was accepted before they were asked for, each with that one."""
    earliest = NEVER, None  # of those behind
    for key in reversed(ran):
        job = jobs[key]
        if earliest[0] < job.start_ns:
            yield key, earliest[1]
        if job.end_ns is not None:
            earliest = min(earliest, (job.end_ns, key))


class JobVerdict:
    """What was found, and what of it may not be."""

    def __init__(self, world, jobs):
        self.violations = []
        self.jobs, self.world = jobs, world
        if not drained(world):
            self.blame("jobs that never ended", world.leader.sql(
                "SELECT n, attempts, begun, run_at, log FROM cqrsd.job").splitlines())
        self.ran = world.leader.sql("SELECT key FROM job_effects ORDER BY id").splitlines()
        self.effects = collections.Counter(self.ran)
        self.dead = set(world.leader.sql(
            "SELECT parameters ->> 'key' FROM cqrsd.job_dead").splitlines())
        done = int(world.leader.sql("SELECT count(*) FROM cqrsd.job_finished WHERE state = 'd'"))
        if done != len(self.ran):
            self.blame("ends that are not as many as effects",
                       [f"{done} done, {len(self.ran)} effects"])
        self.judge_effects()
        self.judge_losses()
        self.judge_order()

    def blame(self, what, examples):
        examples = sorted(examples)
        if examples:
            self.violations.append(f"{len(examples)} {what}: {examples[:TOLD_MAX]}")

    def keys(self, *ends):
        return {key for key, job in self.jobs.items() if job.end in ends}

    def judge_effects(self):
        refused = {key for key, job in self.jobs.items() if job.how == "refused"}
        self.blame("effects that came more than once",
                   [key for key, count in self.effects.items() if count > 1])
        self.blame("effects of what was not asked for", self.effects.keys() - self.jobs.keys())
        self.blame("effects of what was refused", self.keys("refused") & self.effects.keys())
        self.blame("effects of what fails", refused & self.effects.keys())
        self.blame("jobs without a fault that are dead letters", self.dead - refused)

    def judge_losses(self):
        cancelled = self.keys("cancelled")
        ended = self.effects.keys() | self.dead
        missing = self.keys("accepted") - ended
        known = {key for key in missing if self.jobs[key].token}
        self.blame("lost though every node had them", missing - known)
        # A cancel may be lost with a timeline, too.
        ran = cancelled & ended
        tokens = {key: self.jobs[key].token for key in known}
        tokens.update((key, self.jobs[key].cancel_token) for key in ran)
        self.told = asyncio.run(told_lost(self.world.addresses[0], tokens))
        self.blame("accepted, without effect, and not told as lost", known - self.told)
        self.blame("cancelled, run, and not told as lost", ran - self.told)
        self.missing = known

    def judge_order(self):
        places = collections.defaultdict(list)
        for key in self.ran:
            if key in self.jobs and self.jobs[key].place is not None:
                places[self.jobs[key].place].append(key)
        self.blame("effects out of order (the one, and the one behind it that was first)",
                   [pair for ran in places.values() for pair in out_of_order(self.jobs, ran)])
        self.in_order = sum(map(len, places.values()))

    def text(self):
        counts = collections.Counter(job.end for key, job in self.jobs.items() if key[0] != "b")
        return (f"{sum(counts.values())} jobs asked for ({json.dumps(counts)}), "
                f"{len(self.ran)} effects, {self.in_order} of them with an order, "
                f"{len(self.dead)} dead letters, {len(self.missing)} lost with their timeline, "
                f"{len(self.told)} told, {len(self.violations)} violations")
