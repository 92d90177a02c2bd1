"""A row of levels: what a strong read costs the primary, by who answers it."""

import re

from latency import loadgen_line, quick
from stage import CLIENTS, alternate
from usage import Cpu

RATE = 10000
REPORT_MS = 1
CALIBRATION_ROWS = 20000
PRIMARY, REPLICA = "strong", "strong;from=replica"


def report(node):
    """Its rows: an aggregation that keeps a core of the node busy for REPORT_MS."""
    text = node.sql("EXPLAIN (ANALYZE, TIMING OFF) SELECT sum(i % 7) AS sum"
                    f" FROM generate_series(1, {CALIBRATION_ROWS}::bigint) AS i;\n" * 20)
    times = [float(found) for found in re.findall(r"Execution Time: ([\d.]+) ms", text)]
    return round(CALIBRATION_ROWS * REPORT_MS / min(times))


class OnPrimary:
    """The CPU of the primary for a strong read that is planned so often."""

    def __init__(self, stage, service, level, *arguments):
        self.stage, self.service = stage, service
        self.arguments = [*arguments, "--header", f"Consistency: {level}", "--connections", CLIENTS,
                          "--warmup", "0"]
        self.rates, self.latencies, self.refused = [], [], 0

    def __call__(self):
        cpu = Cpu({}, {"primary": [self.stage.cluster.primary.process.pid]})
        run = self.stage.loadgen(self.service.address, *self.arguments)
        (reads,) = run["classes"]
        used = cpu.per_request_us(max(reads["ok"], 1))["primary"]
        self.rates.append(reads["ok"] / run["measured_s"])
        self.latencies.append(reads["answered_us"]["p99"] / 1000)
        self.refused += reads["planned"] - reads["ok"]
        return sum(used)


def strong(stage, result):
    service = stage.serve(queue_wait_ms=5000, queue_max=1000)
    rows = report(stage.cluster.primary)
    rate = stage.given.rate or RATE
    by_key = ["--get", quick(stage), "--rate", rate]
    asked = {
        "by key, of the primary": (PRIMARY, by_key),
        "by key, of the replica": (REPLICA, by_key),
        f"a report of {REPORT_MS} ms, of the primary":
            # Of one number identical calls would be sent once.
            (PRIMARY, ["--get", f"1 /v1/queries/busy?rows={{{rows * 3 // 4}-{rows * 5 // 4}}}"]),
    }
    sides = []
    for name, (level, arguments) in asked.items():
        measure = OnPrimary(stage, service, level, *arguments)
        line = loadgen_line(*measure.arguments)
        sides.append((result.side(name, line, "µs of the primary"), measure))
    alternate(sides, stage.given.runs)
    (primary, _), (replica, index), (reports, _) = sides
    result.check("by key: of the replica / of the primary", replica.median / primary.median, "×",
                 ("<=", 0.5))
    result.check(f"of the replica / a report of {REPORT_MS} ms of the primary",
                 replica.median / reports.median, "×", ("<=", 0.15))
    result.check("worth it for statements that cost the primary more than", replica.median, "µs")
    for side, measure in sides:
        result.check(f"{side.name}: answered", sum(measure.rates) / len(measure.rates), "/s")
        result.check(f"{side.name}: p99", sorted(measure.latencies)[len(measure.latencies) // 2],
                     "ms")
        result.check(f"{side.name}: not answered 200", measure.refused, "", ("<=", 0))
    metrics = service.metrics()
    told = metrics.sum("cqrsd_routed_total", role="primary", reason="strong-primary")
    result.check("of the replica, but answered by the primary, which says so", told)
    result.check("rate of the replica's / planned", sum(index.rates) / len(index.rates) / rate,
                 "×", (">=", 0.98))
    stage.stop(service)
