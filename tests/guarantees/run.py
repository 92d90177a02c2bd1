"""One seed: a world, a load, faults, the checker; and the table over many."""

import collections
import json
import threading
import time
import traceback

from . import faults
from .checker import Checker
from .net import network
from .workload import KINDS, ROAMING, Workload
from .world import World

BREATH_S = 0.4    # between two faults of a lane
AFTER_S = 4       # how long after its end a fault may still show


def names():
    return sorted(faults.TABLE)


class Lane(threading.Thread):
    """Faults of one lane, one after the other, until the load ends."""

    def __init__(self, world, lane, seed, only, until_ns):
        super().__init__(daemon=True)
        self.world, self.lane, self.only, self.until_ns = world, lane, only, until_ns
        self.seed = seed
        self.log = []  # [name, begin ns, end ns, trouble]

    def run(self):
        for turn, name in enumerate(faults.schedule(
                self.lane, self.seed, self.only, self.world.network.lacks)):
            if time.monotonic_ns() >= self.until_ns:
                return
            rng = faults.random.Random(f"{self.seed}/{self.lane}/{turn}/{name}")
            self.world.say(name)
            entry = [name, time.monotonic_ns(), None, None]
            self.log.append(entry)
            try:
                for lasts_s in faults.TABLE[name][1](self.world, rng):
                    faults.rest_now(lasts_s)
            except Exception:  # noqa: BLE001  the fault failed, the run goes on and is settled
                entry[3] = traceback.format_exc()
                self.world.say(entry[3])
            entry[2] = time.monotonic_ns()
            faults.rest_now(BREATH_S)


class Outcome:
    """What came of one seed."""

    def __init__(self, seed, records, log, violations, checker, promotions, took_s):
        self.seed, self.records, self.log = seed, records, log
        self.violations, self.promotions, self.took_s = violations, promotions, took_s
        self.lost = checker.lost()
        self.doubled = sum("took effect" in violation["what"] for violation in violations)
        self.told = sum(record["code"] == "write-lost" for record in records)
        self.unknown = sum(record["outcome"] == "unknown" for record in records)
        self.ended_ns = 0  # of the load; what comes behind is the last word of everybody
        self.final = checker.final
        self.hits = 0      # answers that were kept, likewise
        self.by_table = 0  # reads that needed less than the index, since the instances began
        self.kept = None
        self.not_possible = {}  # fault -> why it cannot be made here

    def line(self):
        ok = sum(record["outcome"] == "ok" for record in self.records)
        failed = [entry[0] for entry in self.log if entry[3]]
        return (f"seed {self.seed}: {len(self.log)} faults, {self.promotions} promotions, "
                f"{len(self.records)} requests, {ok} ok, {len(self.lost)} acknowledged writes lost "
                f"with their timeline, {self.told} times told, {len(self.violations)} violations, "
                + (f"{self.by_table:.0f} reads by table, " if self.by_table else "")
                + (f"{self.hits:.0f} by the cache, " if self.hits else "")
                + f"{self.took_s:.0f} s"
                + (f"; not healed in time: {', '.join(failed)}" if failed else "")
                + (f"; kept in {self.kept}" if self.kept else ""))

    def keep(self, folder, world):
        world.keep(folder)
        with open(folder / "history.jsonl", "w", encoding="utf-8") as file:
            file.write(json.dumps({"final": self.final, "restarts": world.restarts}) + "\n")
            for entry in self.log:
                file.write(json.dumps({"fault": entry}) + "\n")
            for violation in self.violations:
                file.write(json.dumps({"violation": violation}) + "\n")
            for record in self.records:
                file.write(json.dumps(record) + "\n")
        self.kept = folder


def one(seed, seconds, sessions, only=None, calm=False, keep=None, say=lambda text: None,
        session_slots=65536, roaming=False, cached=False):
    """Runs a seed to its end. roaming: sessions are shared, no client has a token or an instance
    of its own, and strong reads are answered by replicas. cached: every query has @cache."""
    began = time.monotonic()
    shared = {"sessions": "cluster", "strong": "replicas"} if roaming else {}
    with network() as hosts, World(hosts, say, session_slots, watched=roaming, cached=cached,
                                   **shared) as world:
        load = Workload(world.addresses, seed, sessions, crowded=session_slots < 1000,
                        quiet=lambda: world.quiet, kinds=ROAMING if roaming else KINDS,
                        watched=roaming)
        until_ns = time.monotonic_ns() + int(seconds * 1e9)
        lanes = [] if calm else [Lane(world, lane, seed, only, until_ns)
                                 for lane in ("cluster", "net")]
        for lane in lanes:
            lane.start()
        load.run(seconds)
        ended_ns = time.monotonic_ns()
        for lane in lanes:
            lane.join()
        try:
            world.settle()
        except Exception:
            if keep:
                world.keep(keep / f"seed-{seed}")
            raise
        # Everybody has one more word, so that whoever lost something can be told.
        settled_ns = time.monotonic_ns()
        load.run(1.5)
        final = {**world.final(), "settled_ns": settled_ns, "linearizable": roaming}
        checker = Checker(load.records, final, world.restarts)
        violations = checker.run()
        log = sorted((entry for lane in lanes for entry in lane.log), key=lambda e: e[1])
        outcome = Outcome(seed, load.records, log, violations, checker, len(world.promotions),
                          time.monotonic() - began)
        outcome.ended_ns = ended_ns
        outcome.by_table, outcome.hits = world.reads_by_table(), world.hits()
        outcome.not_possible = faults.not_possible(hosts.lacks)
        if keep and (violations or any(entry[3] for entry in log)):
            outcome.keep(keep / f"seed-{seed}", world)
        return outcome


def longest_gap(ends, begin, end):
    """Of the moments with an answer, the longest time without one that touches the fault."""
    longest, last = 0, None
    for moment in ends:
        if last is not None and moment >= begin and last <= end:
            longest = max(longest, moment - max(last, begin - 10**9))
        last = moment
    return longest


class Report:
    """The table over all seeds."""

    def __init__(self):
        self.rows = collections.defaultdict(lambda: {
            "runs": 0, "requests": 0, "errors": collections.Counter(), "queries_ns": 0,
            "commands_ns": 0, "violations": 0})
        self.not_possible = {}
        self.seeds = self.requests = self.violations = 0
        self.lost = self.told = self.unknown = self.doubled = self.promotions = 0

    def add(self, outcome):
        self.seeds += 1
        self.requests += len(outcome.records)
        self.violations += len(outcome.violations)
        self.lost += len(outcome.lost)
        self.told += outcome.told
        self.unknown += outcome.unknown
        self.doubled += outcome.doubled
        self.promotions += outcome.promotions
        self.not_possible.update(outcome.not_possible)
        records = sorted((record for record in outcome.records
                          if record["end"] <= outcome.ended_ns), key=lambda r: r["end"])
        ends = {command: [r["end"] for r in records if r["outcome"] == "ok"
                          and r["op"].startswith("write") == command] for command in (True, False)}
        if not outcome.log:
            self._count("none (control)", outcome, records, ends, 0, 1 << 62)
        for name, begin, end, _ in outcome.log:
            self._count(name, outcome, records, ends, begin, end + AFTER_S * 10**9)

    def _count(self, name, outcome, records, ends, begin, end):
        row = self.rows[name]
        row["runs"] += 1
        for record in records:
            if begin <= record["end"] <= end:
                row["requests"] += 1
                if record["code"] and not record["op"].startswith("write_and"):
                    row["errors"][record["code"]] += 1
        row["queries_ns"] = max(row["queries_ns"], longest_gap(ends[False], begin, end))
        row["commands_ns"] = max(row["commands_ns"], longest_gap(ends[True], begin, end))
        row["violations"] += sum(1 for v in outcome.violations if v["record"]
                                 and begin <= v["record"]["end"] <= end)

    def table(self):
        lines = ["| fault | runs | requests | errors by code | longest outage: queries, commands "
                 "| violations |", "| --- | ---: | ---: | --- | ---: | ---: |"]
        for name, row in sorted(self.rows.items()):
            errors = ", ".join(f"{code} {count}" for code, count in row["errors"].most_common(6))
            lines.append(f"| {name} | {row['runs']} | {row['requests']} | {errors} "
                         f"| {row['queries_ns'] / 1e9:.1f} s, {row['commands_ns'] / 1e9:.1f} s "
                         f"| {row['violations']} |")
        lines += [f"| {name} | not possible here: {why} | | | | |"
                  for name, why in sorted(self.not_possible.items())]
        lines += ["", f"{self.seeds} seeds, {self.requests} requests, {self.promotions} "
                      f"promotions: {self.violations} violations, {self.doubled} effects too many; "
                      f"{self.lost} acknowledged writes lost with a timeline that PostgreSQL lost, "
                      f"write-lost told {self.told} times, {self.unknown} outcomes unknown."]
        return "\n".join(lines)

    def figures(self):
        return {"seeds": self.seeds, "requests": self.requests, "violations": self.violations,
                "lost": self.lost, "told": self.told, "unknown": self.unknown,
                "doubled": self.doubled, "promotions": self.promotions,
                "not_possible": self.not_possible,
                "faults": {name: {**row, "errors": dict(row["errors"])}
                           for name, row in self.rows.items()}}
