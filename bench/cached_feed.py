"""A row of the cache: hits beside a busy feed and a writing transaction that stays open."""

import concurrent.futures
import time

from cached import KEPT, hit_share, until_kept
from latency import loadgen_line
from throughput import PATIENT

from harness import service as harness_service
from harness.until import beats, until

OPEN_S = 60
FEED_ROWS = 2000  # a second
READS, KEYS, USERS = 1000, 5000, 1000
CHECKED_KEYS = 20
WATCHED = ("pgbench_accounts", "bench_row", "bench_checked")
CLUSTER = {"sessions": "cluster", **PATIENT}

# A transaction and a row of the feed for each row, so many a second.
WRITES = """
DO $$
DECLARE
    began timestamptz := clock_timestamp();
    done int := 0;
BEGIN
    PERFORM set_config('synchronous_commit', 'off', false);
    WHILE clock_timestamp() < began + interval '{seconds} s' LOOP
        INSERT INTO bench_row (n, note) VALUES (done, 'beside');
        COMMIT;
        done := done + 1;
        IF done % 20 = 0 THEN
            PERFORM pg_sleep(greatest(0, done / {rows}.0
                - extract(epoch FROM clock_timestamp() - began)));
        END IF;
    END LOOP;
END $$
"""


class Checker:
    """Others write to the checked table, and what was acknowledged is asked for at once."""

    def __init__(self, primary, here, there):
        self.primary, self.here, self.there = primary, here, there
        self.asked = self.stale = self.kept = self.unanswered = self.number = 0

    def ask(self, key, **how):
        reply = self.here.query("checked", id=key, **how)
        self.asked += 1
        if reply.status != 200:
            self.unanswered += 1
            return
        self.stale += reply.data["n"] < self.number
        self.kept += reply.served_by.role == "cache"

    def write_and_ask(self, sql):
        self.number += 1
        key = self.number % CHECKED_KEYS + 1
        if self.number % 2:
            sql(f"UPDATE bench_checked SET n = {self.number} WHERE id = {key} RETURNING n")
            how = {"headers": {"Cache-Control": "no-cache"}}
        else:
            self.there.command("check", user="ann", id=key, n=self.number)
            how = {"user": "ann"}
        for _ in range(3):
            self.ask(key, **how)

    def run(self, seconds):
        with self.primary.session() as sql:
            for _ in beats(seconds, 0.1):
                self.write_and_ask(sql)


class Beside:
    """Load, writers and checker for OPEN_S; the share of hits."""

    def __init__(self, stage, here, checker, is_open):
        self.stage, self.here, self.checker, self.is_open = stage, here, checker, is_open
        self.rows_s = self.emptied = self.unanswered = 0
        self.arguments = ["--get", f"1 {KEPT}{{1-{KEYS}}}", "--rate", READS, "--users", USERS]

    def __call__(self):
        primary = self.stage.cluster.primary
        if not self.is_open:
            return self.measure()
        with primary.open_transaction("INSERT INTO bench_row (n, note) VALUES (-1, 'open')"):
            return self.measure()

    def measure(self):
        def load(seconds):
            return self.stage.loadgen(self.here.address, *self.arguments, "--warmup", "0",
                                      seconds=seconds)

        load(2 * KEYS // READS)
        before, began = self.here.metrics(), time.monotonic()
        with concurrent.futures.ThreadPoolExecutor() as pool:
            writing = pool.submit(self.stage.cluster.primary.sql,
                                  WRITES.format(seconds=OPEN_S, rows=FEED_ROWS))
            checking = pool.submit(self.checker.run, OPEN_S)
            reads = load(OPEN_S)["classes"][0]
            writing.result()
            checking.result()
        after, took = self.here.metrics(), time.monotonic() - began

        def more(name, **labels):
            return after.sum(name, **labels) - before.sum(name, **labels)

        self.rows_s = more("cqrsd_feed_rows_total") / took
        self.emptied = more("cqrsd_feed_emptied_total")
        self.unanswered = reads["planned"] - reads["ok"]
        return hit_share(before, after)


def prepare(stage):
    primary = stage.cluster.primary
    primary.sql(f"INSERT INTO bench_checked SELECT i, 0 FROM generate_series(1, {CHECKED_KEYS})"
                " AS i ON CONFLICT DO NOTHING")
    here, there = stage.serve(**CLUSTER), stage.serve(**CLUSTER)
    for table in WATCHED:
        told = harness_service.run("watch", table, primary=primary.conninfo)
        if told.returncode:
            raise RuntimeError(told.stderr)
    return here, there


def beside_open(stage, result):
    """Both sides with the same feed; users' sessions hold over two instances."""
    here, there = prepare(stage)
    until(lambda: here.metrics().sum("cqrsd_feed_queries") > 0, "the tables to be known", 60)
    until_kept(here)
    checker = Checker(stage.cluster.primary, here, there)
    sides = []
    for name, is_open in (("none open", False), ("one open", True)):
        measure = Beside(stage, here, checker, is_open)
        line = [stage.serve_line(**CLUSTER), "under", *loadgen_line(*measure.arguments)]
        side = result.side(f"{name}: share of hits", line, "")
        side.values.append(measure())
        sides.append(side)
        result.check(f"{name}: rows of the feed", measure.rows_s, "/s", (">=", 0.8 * FEED_ROWS))
        result.check(f"{name}: times it was emptied", measure.emptied, "", ("<=", 0))
        result.check(f"{name}: reads not answered", measure.unanswered, "", ("<=", 0))
    result.check("share of hits, with one open / without", sides[1].median / sides[0].median, "×",
                 (">=", 0.9))
    result.check("answers to readers of what others wrote", checker.asked)
    result.check("of these, kept ones", checker.kept)
    result.check("of these, stale ones", checker.stale, "", ("<=", 0))
    result.check("of these, not answered", checker.unanswered, "", ("<=", 0))
    stage.stop(here)
    stage.stop(there)
