"""Rows of the read index: what a strong read costs the primary; a late replica, by table."""

from latency import loadgen_line, quick
from stage import CLIENTS, alternate
from usage import Cpu

from harness import service as harness_service
from harness.until import until

RATE = 10000
REPORT_MS = 1
CALIBRATION_ROWS = 5000
PRIMARY, REPLICA = "strong", "strong;from=replica"


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


def report(stage, service):
    """An aggregation that costs the primary REPORT_MS; of one number identical calls would be sent
    once."""
    def of(rows):
        return ["--get", f"1 /v1/queries/busy?rows={{{rows * 3 // 4}-{rows * 5 // 4}}}"]
    cost_us = OnPrimary(stage, service, PRIMARY, *of(CALIBRATION_ROWS))()
    return of(round(CALIBRATION_ROWS * REPORT_MS * 1000 / cost_us))


def strong(stage, result):
    service = stage.serve(queue_wait_ms=5000, queue_max=1000)
    rate = stage.given.rate or RATE
    by_key = ["--get", quick(stage), "--rate", rate]
    asked = {
        "by key, of the primary": (PRIMARY, by_key),
        "by key, of the replica": (REPLICA, by_key),
        f"a report of {REPORT_MS} ms, of the primary":
            (PRIMARY, report(stage, service)),
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


TABLE = "pgbench_accounts"
DELAY_MS = 500
READS, WRITES = 2000, 2000


class ByNode:
    """Session reads beside writes to another table: how many each replica answered."""

    def __init__(self, stage, service, *arguments):
        self.stage, self.service = stage, service
        self.arguments = arguments
        self.replicas = stage.cluster.nodes[1:]
        self.reads = dict.fromkeys(self.replicas, 0)
        self.by_primary, self.unanswered = 0, 0

    def scans(self):
        """Each read is one of the index; a backend tells of its own within some seconds."""
        return {node: int(node.sql("SELECT coalesce(idx_scan, 0) FROM pg_stat_user_tables"
                                   f" WHERE relname = '{TABLE}'")) for node in self.replicas}

    def read_since(self, before, count):
        scans = {node: now - before[node] for node, now in self.scans().items()}
        return scans if sum(scans.values()) >= count else None

    def __call__(self):
        before = self.scans()
        run = self.stage.loadgen(self.service.address, *self.arguments)
        reads, writes = run["classes"]
        by_role = {role: sum(count for name, count in reads["served"].items()
                             if name.startswith(role)) for role in ("replica", "primary")}
        found = until(lambda: self.read_since(before, by_role["replica"]),
                      "the replicas to tell what they read", 60)
        for node, scans in found.items():
            self.reads[node] += scans
        self.by_primary += by_role["primary"]
        self.unanswered += sum(one["planned"] - one["ok"] for one in (reads, writes))
        return writes["ok"] / run["measured_s"]

    def share(self, node):
        """Of what is its part of the reads."""
        return self.reads[node] * len(self.replicas) / max(sum(self.reads.values()), 1)


def by_table(stage, result):
    """Reads of a quiet table beside writes to another one, while one of two replicas is late."""
    primary, _, late = stage.cluster.nodes
    late.sql(f"ALTER SYSTEM SET recovery_min_apply_delay = {DELAY_MS}")
    late.sql("SELECT pg_reload_conf()")
    options = {"sessions": "cluster", "queue_wait_ms": 5000, "loops": 1,
               "replica": [node.conninfo for node in stage.cluster.nodes[1:]]}
    arguments = ["--warmup", 0, "--users", 1000, "--rate", READS + WRITES,
                 "--get", f"{READS} /v1/queries/balance?aid={{1-{stage.rows_count}}}",
                 "--post", f"{WRITES} /v1/commands/add_row "
                           '{"n":{1-1000000},"note":"a note"}']
    try:
        for name, verb in (("watched", "watch"), ("not watched", "unwatch")):
            watched = verb == "watch"
            for words in (["migrate"], [verb, TABLE]):
                told = harness_service.run(*words, primary=primary.conninfo)
                if told.returncode:
                    raise RuntimeError(told.stderr)
            service = stage.serve(**options)
            until(lambda: service.metrics().sum("cqrsd_feed_queries") > 0,
                  "the queries to be known by their tables", 30)
            measure = ByNode(stage, service, *arguments)
            side = result.side(f"{name}: writes", loadgen_line(*arguments))
            alternate([(side, measure)], stage.given.runs)
            result.check(f"{name}: of its share, the late replica answered", measure.share(late),
                         "×", (">=", 0.9) if watched else ("<=", 0.01))
            lowered, late_ones = (service.metrics().sum("cqrsd_read_index_tables_total", result=one)
                                  for one in ("lowered", "late"))
            result.check(f"{name}: known by its tables in time",
                         lowered / max(lowered + late_ones, 1))
            result.check(f"{name}: answered by the primary", measure.by_primary, "", ("<=", 0))
            result.check(f"{name}: not answered", measure.unanswered, "", ("<=", 0))
            stage.stop(service)
    finally:
        late.sql("ALTER SYSTEM RESET recovery_min_apply_delay")
        late.sql("SELECT pg_reload_conf()")
