"""Rows of `make bench-jobs`: what accepting and draining jobs costs, and what disturbs them."""

import concurrent.futures
import contextlib
import os
import shutil
import statistics
import subprocess
import time

from latency import loadgen_line
from stage import BENCH, LUA_REASONS, ROOT, NotRun, alternate, needed, run
from usage import Cpu

from harness import processes
from harness.until import TooLate, rest_now, until

CATALOG = BENCH / "jobs-sql"
PATIENT = {"catalog": CATALOG, "queue_wait_ms": 5000, "pool_conns": 8}
RATE = 1000  # a second, of the latency row
BESIDE = 0.7  # of the capacity, by synchronous commands
BESIDE_RUNS = 9  # one flush of the disk that takes long makes the p99 of a run another one
SOME = 200  # a second, beside slow ones
SLOW_JOBS = 1000  # of 2 s: they outlast all of it
BODY = '{"n":{1-1000000},"note":"a note"}'
OWN_READ = '1 /v1/commands/add_note {"n":{unique}} /v1/queries/note?n={unique}'
OWN_READS = ["--pair", OWN_READ, "--users", "100", "--rate", "100"]
NOW, LATER = (f"1 /v1/commands/{name} {BODY}" for name in ("add_row", "add_row_later"))
FILL = """INSERT INTO cqrsd.job (mark, command, version, parameters, attempts_max, run_at, keep_s,
    keyed) SELECT i, '{command}', '1', json_build_object('n', i::text, 'note', 'a note'), 5,
    clock_timestamp(), 86400, false FROM generate_series(1, {count}) AS i"""
KEYS = 1000
FILL_IN_ORDER = f"""INSERT INTO cqrsd.job (mark, command, version, parameters, attempts_max, run_at,
    keep_s, keyed, order_key) SELECT i, 'add_row_in_order', '1', json_build_object('n', i::text,
    'note', 'k' || i % {KEYS}), 5, clock_timestamp(), 86400, false, 'k' || i % {KEYS}
    FROM generate_series(1, {{count}}) AS i"""
DELETED = 300000
ENDED = """SELECT percentile_disc(0.5) WITHIN GROUP (ORDER BY took),
    percentile_disc(0.99) WITHIN GROUP (ORDER BY took) FROM (SELECT extract(epoch FROM
    finished_at - accepted_at) * 1000 AS took FROM cqrsd.job_finished
    WHERE command = 'add_row_later') AS f"""
GRAPHILE = """SELECT count(graphile_worker.add_job('add_row', json_build_object('n', i, 'note',
    'a note'))) FROM generate_series(1, {count}) AS i"""


# --- the queue -----------------------------------------------------------------------------------

def clear(stage):
    stage.cluster.primary.sql("TRUNCATE bench_row RESTART IDENTITY; TRUNCATE cqrsd.job, "
                              "cqrsd.job_finished, cqrsd.job_dead")


def add(stage, count, command="add_row_later"):
    stage.cluster.primary.sql(FILL.format(count=count, command=command))


def add_in_order(stage, count):
    stage.cluster.primary.sql(FILL_IN_ORDER.format(count=count))


def fill(stage, count):
    clear(stage)
    add(stage, count)
    stage.cluster.primary.sql("VACUUM ANALYZE cqrsd.job")
    # Else a query on a replica would stop the replay of that.
    stage.cluster.wait_until_replayed()


def effects(ask):
    """How many rows there were, by the sequence: asking in a session costs nearly nothing."""
    return int(ask("SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM bench_row_id_seq"))


def rate(stage, count, deadline_s=120):
    """Jobs/s, between the first tenth and the last one."""
    with stage.cluster.primary.session() as ask:
        return rate_by(ask, count, deadline_s)


def rate_by(ask, count, deadline_s, before=0):
    """before: effects that were there when these jobs came."""
    first = None
    until_s = time.monotonic() + deadline_s
    while True:
        now, seen = time.monotonic(), effects(ask) - before
        if first is None and seen >= count / 10:
            first = now, seen
        if seen >= count:
            return (count - first[1]) / max(now - first[0], 1e-3)
        if now > until_s:
            raise NotRun(f"{seen} of {count} jobs after {deadline_s} s")
        rest_now(0.05)


class Drain:
    """Fills the queue, starts cqrsd, and tells how fast it was empty; notes what that cost."""

    def __init__(self, stage, count, around=contextlib.nullcontext, **options):
        self.stage, self.count, self.around = stage, count, around
        self.options = {"workers": stage.given.workers, **PATIENT, **options}
        self.costs = []

    def __call__(self):
        stage, primary = self.stage, self.stage.cluster.primary
        fill(stage, self.count)
        with self.around():
            before = self.wal(), self.commits()
            service = stage.serve(**self.options)
            cpu = Cpu({"cqrsd": service.pid}, {"postgres": [primary.process.pid]})
            try:
                drained = rate(stage, self.count)
                used = cpu.per_request_us(self.count)
            finally:
                stage.stop(service)
            dead = int(primary.sql("SELECT n_dead_tup FROM pg_stat_user_tables "
                                   "WHERE relid = 'cqrsd.job'::regclass"))
            self.costs.append({"wal": (self.wal() - before[0]) / self.count, "dead": dead,
                               "commits": (self.commits() - before[1]) / self.count,
                               **{name: sum(both) for name, both in used.items()}})
        return drained

    def wal(self):
        return float(self.stage.cluster.primary.sql(
            "SELECT pg_current_wal_insert_lsn() - '0/0'::pg_lsn"))

    def commits(self):
        sql = "SELECT xact_commit FROM pg_stat_database WHERE datname = current_database()"
        return int(self.stage.cluster.primary.sql(sql))

    def median(self, what):
        return statistics.median(cost[what] for cost in self.costs)


def drain(stage, result):
    """Alone, and with a snapshot held that is older than all of it."""
    count = stage.given.jobs
    primary, replica = stage.cluster.primary, stage.cluster.replica(1)
    begins = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM bench_row"
    quiet = Drain(stage, count)
    held = Drain(stage, count, lambda: primary.open_transaction(begins))
    replica.set(hot_standby_feedback="on")
    asked = Drain(stage, count, lambda: replica.open_transaction(begins))
    line = [stage.serve_line(workers=stage.given.workers), f"{count} jobs, one insert each"]
    sides = [(result.side("drain", line, "jobs/s"), quiet),
             (result.side("drain, an old snapshot held", line, "jobs/s"), held),
             (result.side("drain, a query on the replica all the time", line, "jobs/s"), asked)]
    alternate(sides, stage.given.runs)
    best = sides[0][0].median
    result.check("drain", best, "jobs/s", (">=", 15000))
    result.check("with an old snapshot / without", sides[1][0].median / best, "×", (">=", 0.8))
    result.check("with a query on the replica and feedback / without",
                 sides[2][0].median / best, "×", (">=", 0.8))
    result.check("WAL per job drained", quiet.median("wal"), "bytes", ("<=", 650))
    result.check("commits per job", quiet.median("commits"))
    result.check("dead rows in the queue behind it", quiet.median("dead"))
    for name in ("cqrsd", "postgres"):
        result.check(f"CPU per job, {name}", quiet.median(name), "µs")


def drain_once_more(stage, count, put=add):
    """Jobs/s; nothing that was there before is cleared away."""
    with stage.cluster.primary.session() as ask:
        before = effects(ask)
        put(stage, count)
        service = stage.serve(workers=stage.given.workers, **PATIENT)
        try:
            return rate_by(ask, count, 120, before)
        finally:
            stage.stop(service)


def snapshot(stage, result):
    """Drained before a snapshot is held, and behind a time in which jobs came and went."""
    count, held_s = stage.given.jobs, stage.given.snapshot_seconds
    primary = stage.cluster.primary
    line = [stage.serve_line(workers=stage.given.workers), f"{count} jobs, one insert each"]
    fresh = result.side("drain", line, "jobs/s")
    held = result.side(f"drain, a snapshot held for {held_s} s", line, "jobs/s")
    clear(stage)
    fresh.values.extend(drain_once_more(stage, count) for _ in range(stage.given.runs))
    with primary.open_transaction("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ; "
                                  "SELECT count(*) FROM bench_row"):
        service = stage.serve(workers=stage.given.workers, **PATIENT)
        run = stage.loadgen(service.address, "--rate", RATE, "--post", LATER, seconds=held_s)
        stage.stop(service)
        held.values.extend(drain_once_more(stage, count) for _ in range(stage.given.runs))
    result.check("jobs that came and went meanwhile", run["classes"][0]["ok"])
    result.check("with the snapshot / without", held.median / fresh.median, "×", (">=", 0.8))


def in_order(stage, result):
    """Jobs of many values of @order-by, with and without deleted ones that a snapshot keeps. The
    table was analyzed while no job had an order."""
    count, primary = stage.given.jobs, stage.cluster.primary
    line = [stage.serve_line(workers=stage.given.workers), f"{count} jobs of {KEYS} values"]
    fresh = result.side("drain, in order", line, "jobs/s")
    held = result.side(f"drain, a snapshot keeps {DELETED} deleted ones", line, "jobs/s")
    fill(stage, count)
    clear(stage)
    fresh.values.extend(drain_once_more(stage, count, add_in_order)
                        for _ in range(stage.given.runs))
    clear(stage)
    with primary.open_transaction("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ; "
                                  "SELECT count(*) FROM bench_row"):
        add_in_order(stage, DELETED)
        primary.sql("DELETE FROM cqrsd.job")
        held.values.extend(drain_once_more(stage, count, add_in_order)
                           for _ in range(stage.given.runs))
    result.check("with the snapshot / without", held.median / fresh.median, "×", (">=", 0.8))


def size(stage, result):
    """The queue is filled and drained again and again: does it grow?"""
    sizes = []
    for _ in range(stage.given.rounds):
        primary = stage.cluster.primary
        add(stage, stage.given.jobs)
        service = stage.serve(workers=stage.given.workers, **PATIENT)
        try:
            until(lambda: primary.sql("SELECT count(*) FROM cqrsd.job") == "0", "the queue to be "
                  "empty", 120, every_s=0.2)
        finally:
            stage.stop(service)
        # As autovacuum does, whose time it is about once a minute.
        primary.sql("VACUUM cqrsd.job")
        sizes.append(int(primary.sql("SELECT pg_total_relation_size('cqrsd.job')")))
    result.check("jobs", stage.given.rounds * stage.given.jobs)
    # The first round begins with empty files; from the second on the state is steady.
    result.check("table and indexes of the queue after the last round / the second one",
                 sizes[-1] / sizes[min(1, len(sizes) - 1)], "×", ("<=", 1.1))
    result.remarks.append("MB after each round: "
                          + ", ".join(f"{size / 1e6:.1f}" for size in sizes))


# --- accepting -----------------------------------------------------------------------------------

def accepting(stage, service, what):
    lua = stage.lua_write().replace("add_row", what) + LUA_REASONS

    def measure():
        clear(stage)
        return stage.wrk(service.address, lua)[0]
    return measure


def accept(stage, result):
    """64 clients, nothing is drained meanwhile."""
    service = stage.serve(workers=0, jobs_max=100000000, **PATIENT)
    line = [stage.serve_line(workers=0), "under wrk -c64"]
    sides = [(result.side("accepted", line), accepting(stage, service, "add_row_later")),
             (result.side("done at once", line), accepting(stage, service, "add_row"))]
    alternate(sides, stage.given.runs)
    result.check("accepted / done at once", sides[0][0].median / sides[1][0].median, "×",
                 (">=", 1.0))
    stage.stop(service)


def answered(report, what="p99"):
    return report["classes"][0]["answered_us"][what] / 1000


def latency(stage, result):
    """At a constant rate that is well within what the machine can bear."""
    service = stage.serve(workers=stage.given.workers, **PATIENT)
    steady = ["--rate", RATE, "--schedule", "constant"]
    now = result.side("done at once, p99", loadgen_line("--post", NOW, *steady), "ms")
    later = result.side("accepted, p99", loadgen_line("--post", LATER, *steady), "ms")
    durable = result.side("from acceptance to its end, p99", ["the same"], "ms")
    for _ in range(stage.given.runs):
        clear(stage)
        now.values.append(answered(stage.loadgen(service.address, "--post", NOW, *steady)))
        later.values.append(answered(stage.loadgen(service.address, "--post", LATER, *steady)))
        until(lambda: stage.cluster.primary.sql("SELECT count(*) FROM cqrsd.job") == "0",
              "the queue to be empty", 60)
        durable.values.append(float(stage.cluster.primary.sql(
            "SELECT extract(epoch FROM percentile_disc(0.99) WITHIN GROUP (ORDER BY finished_at"
            " - accepted_at)) * 1000 FROM cqrsd.job_finished")))
    whole = later.median + durable.median
    result.check("asked to ended, p99 (at most the sum of both) / done at once",
                 whole / now.median, "×", ("<=", 5))
    result.check("accepted / done at once, p99, while workers drain", later.median / now.median,
                 "×", ("<=", 2))
    stage.stop(service)


def quick_are_done(stage):
    until(lambda: stage.cluster.primary.sql("SELECT count(*) FROM cqrsd.job"
                                            " WHERE command = 'add_row_later'") == "0",
          "the quick jobs to be done", 60)


def slow(stage, result):
    """Quick jobs, while some of two seconds each wait for as long as they are measured, or none."""
    line = loadgen_line("--post", LATER, "--rate", SOME)
    sides = {(count, part): result.side(f"{what}, {part}", line, "ms")
             for count, what in ((0, "quick jobs alone"), (SLOW_JOBS, "beside jobs of 2 s"))
             for part in ("p50", "p99")}
    for _ in range(stage.given.runs):
        for count in (0, SLOW_JOBS):
            clear(stage)
            service = stage.serve(workers=stage.given.workers, **PATIENT)
            stage.loadgen(service.address, "--post", LATER, "--rate", SOME, seconds=1)
            quick_are_done(stage)
            clear(stage)
            add(stage, count, "add_row_slowly")
            stage.loadgen(service.address, "--post", LATER, "--rate", SOME)
            quick_are_done(stage)
            took = stage.cluster.primary.sql(ENDED).split("|")
            stage.stop(service)
            for part, ms in zip(("p50", "p99"), took):
                sides[count, part].values.append(float(ms))
    for part in ("p50", "p99"):
        result.check(f"beside slow ones / alone, {part}",
                     sides[SLOW_JOBS, part].median / sides[0, part].median, "×", ("<=", 1.5))


def beside(stage, result):
    """Synchronous commands at a part of the capacity, alone and while jobs drain, in turns."""
    service = stage.serve(workers=stage.given.workers, **PATIENT)
    clear(stage)
    capacity = stage.loadgen(service.address, "--post", NOW)["classes"][0]
    steady = ["--post", NOW, "--rate", round(BESIDE * capacity["ok"] / stage.given.seconds)]
    sides = {jobs: result.side(f"commands {what}, p99", loadgen_line(*steady), "ms")
             for jobs, what in ((0, "alone"), (stage.given.jobs, "beside jobs"))}
    kept, done = [], []
    for _ in range(max(stage.given.runs, BESIDE_RUNS)):
        ok = []
        for jobs, side in sides.items():
            clear(stage)
            add(stage, jobs)
            run_of = stage.loadgen(service.address, *steady)["classes"][0]
            ok.append(run_of["ok"])
            side.values.append(run_of["answered_us"]["p99"] / 1000)
        kept.append(ok[1] / ok[0])
        done.append(int(stage.cluster.primary.sql("SELECT count(*) FROM cqrsd.job_finished")))
    alone, busy = sides.values()
    result.check("commands beside jobs / alone", statistics.median(kept), "×", (">=", 0.95))
    result.check("the same, p99", busy.median / alone.median, "×", ("<=", 1.5))
    result.check("jobs done meanwhile", statistics.median(done) / stage.given.seconds, "jobs/s")
    stage.stop(service)


def saturated(stage, result):
    """Jobs beside as many synchronous commands as there can be, and without any."""
    line = loadgen_line("--post", NOW)
    alone = result.side("jobs alone", [stage.serve_line(workers=stage.given.workers)], "jobs/s")
    beside_all = result.side("jobs beside commands without a pause", line, "jobs/s")
    before = result.side("commands alone", line)
    after = result.side("commands beside jobs", ["the same"])
    drain_alone = Drain(stage, stage.given.jobs)

    def commands(jobs):
        """Commands/s, and how many jobs are done a second meanwhile."""
        fill(stage, jobs)
        service = stage.serve(workers=stage.given.workers, **PATIENT)
        ok = stage.loadgen(service.address, "--post", NOW)["classes"][0]["ok"]
        done = int(stage.cluster.primary.sql("SELECT count(*) FROM cqrsd.job_finished"))
        stage.stop(service)
        return ok / stage.given.seconds, done / stage.given.seconds

    for _ in range(stage.given.runs):
        alone.values.append(drain_alone())
        before.values.append(commands(0)[0])
        rates = commands(stage.given.jobs)
        after.values.append(rates[0])
        beside_all.values.append(rates[1])
    result.check("jobs beside commands / alone", beside_all.median / alone.median, "×",
                 (">=", 0.05))
    result.check("commands beside jobs / alone", after.median / before.median, "×")


# --- a long query on the replica -----------------------------------------------------------------

@contextlib.contextmanager
def long_query(node, seconds):
    """It runs for so long, with the snapshot of its begin; whether it was cancelled, afterwards."""
    text = f"SELECT count(*) FROM (SELECT count(*) FROM bench_row) AS b, pg_sleep({seconds}) AS s"
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        running = pool.submit(node.psql, ["-c", text])
        until(lambda: node.sql("SELECT count(*) FROM pg_stat_activity WHERE state = 'active'"
                               " AND query LIKE '%pg_sleep(%' AND pid <> pg_backend_pid()") != "0",
              "the query to run")
        yield running


class Late:
    """How far behind the replica is: as cqrsd says, and as the replica says."""

    def __init__(self, service, ask):
        self.service, self.ask = service, ask
        self.told_s = self.real_s = 0.0

    def look(self):
        real_s = float(self.ask(
            "SELECT CASE WHEN pg_last_wal_receive_lsn() = pg_last_wal_replay_lsn() THEN 0 ELSE"
            " coalesce(extract(epoch FROM clock_timestamp() - pg_last_xact_replay_timestamp()), 0)"
            " END"))
        told = self.service.metrics().values("cqrsd_replica_lag_seconds")
        self.real_s = max(self.real_s, real_s)
        self.told_s = max([self.told_s, *[value for _, value in told]])


class BesideQuery:
    """Drains a full queue while a query runs on the replica, or none, and users read their own."""

    def __init__(self, stage, feedback, queried):
        self.stage, self.feedback, self.queried = stage, feedback, queried
        self.reads, self.late, self.cancelled = [], [], 0

    def __call__(self):
        stage, replica = self.stage, self.stage.cluster.replica(1)
        seconds = stage.given.query_seconds
        replica.set(hot_standby_feedback=self.feedback)
        # Until then the primary knows nothing of what runs there.
        feeds = "SELECT bool_and(xmin IS NOT NULL) FROM pg_replication_slots WHERE active"
        wanted = "t" if self.feedback == "on" else "f"
        until(lambda: stage.cluster.primary.sql(feeds) == wanted, "its feedback", 60)
        fill(stage, stage.given.jobs)
        query = long_query(replica, seconds) if self.queried else contextlib.nullcontext()
        with query as running, replica.session() as ask, \
                concurrent.futures.ThreadPoolExecutor(2) as pool:
            service = stage.serve(workers=stage.given.workers, **PATIENT)
            late = Late(service, ask)
            load = pool.submit(stage.loadgen, service.address, *OWN_READS, seconds=seconds)
            drained = pool.submit(rate, stage, stage.given.jobs)
            while not (load.done() and drained.done()):
                late.look()
                # As autovacuum does, once a minute: what it removes is what the query may see.
                stage.cluster.primary.sql("VACUUM cqrsd.job")
                rest_now(0.5)
            self.reads.append(load.result()["classes"][1])
            self.late.append(late)
            stage.stop(service)
        if running:
            self.cancelled += running.result().returncode != 0
        return drained.result()

    def count(self, what):
        return sum(reads[what] for reads in self.reads)

    def report(self, result, name):
        latest = max(self.late, key=lambda late: late.real_s)
        result.check(f"{name}: own reads that did not see their command", self.count("stale"), "",
                     ("<=", 0))
        result.check(f"{name}: own reads without an answer", self.count("planned")
                     - self.count("ok"), "", ("<=", 0))
        result.check(f"{name}: the replica is late by at most", latest.real_s, "s")
        result.check(f"{name}: the metric says", latest.told_s, "s")
        served = {}
        for reads in self.reads:
            for by, count in reads["served"].items():
                served[by] = served.get(by, 0) + count
        result.remarks.append(f"{name}: own reads by " + ", ".join(
            f"{by} {count}" for by, count in sorted(served.items()))
            + (f"; the query was cancelled {self.cancelled} times" if self.cancelled else ""))
        return latest


def replica(stage, result):
    """A query runs on the replica for longer than the queue is drained, with and without its
    feedback; own reads all the time."""
    line = [stage.serve_line(workers=stage.given.workers), f"{stage.given.jobs} jobs,",
            *loadgen_line(*OWN_READS)]
    quiet = BesideQuery(stage, "on", False)
    feeds, silent = BesideQuery(stage, "on", True), BesideQuery(stage, "off", True)
    sides = [(result.side("drain, no query", line, "jobs/s"), quiet),
             (result.side("drain, a query, feedback on", line, "jobs/s"), feeds),
             (result.side("drain, a query, feedback off", line, "jobs/s"), silent)]
    try:
        alternate(sides, stage.given.runs)
    finally:
        stage.cluster.replica(1).set(hot_standby_feedback="off")
    alone = sides[0][0].median
    result.check("feedback on / no query", sides[1][0].median / alone, "×", (">=", 0.8))
    result.check("feedback off / no query", sides[2][0].median / alone, "×")
    quiet.report(result, "no query")
    feeds.report(result, "feedback on")
    latest = silent.report(result, "feedback off")
    if latest.real_s >= 1:
        result.check("feedback off: how late it was, as the metric says / as it was",
                     latest.told_s / latest.real_s, "×", (">=", 0.8))


# --- trouble -------------------------------------------------------------------------------------

def kill(stage, result):
    """One of two instances is killed in the middle of its batches: until its jobs ran elsewhere."""
    took = []
    for _ in range(stage.given.runs):
        fill(stage, stage.given.jobs)
        options = {"workers": stage.given.workers, **PATIENT}
        one, other = stage.serve(**options), stage.serve(**options)
        with stage.cluster.primary.session() as ask:
            until(lambda ask=ask: effects(ask) > stage.given.jobs / 4, "a quarter of the jobs", 60)
            one.kill9()
            began_s = time.monotonic()
            newest = ask("SELECT coalesce(min(n), 0) FROM cqrsd.job")
            left = f"SELECT count(*) FROM cqrsd.job WHERE n <= {newest}"
            until(lambda ask=ask, left=left: ask(left) == "0", "its jobs to run", 60)
            took.append(time.monotonic() - began_s)
        stage.services.remove(one)
        one.discard()
        stage.stop(other)
    side = result.side("the oldest job of a killed instance ran elsewhere after",
                       ["two instances, kill -9 of one"], "s")
    side.values += took
    result.check("the longest", max(took), "s", ("<=", 1))


# --- peers ---------------------------------------------------------------------------------------

def installed():
    """The folder with the npm packages of the peers."""
    folder = ROOT / "build" / "job-peers"
    folder.mkdir(parents=True, exist_ok=True)
    for path in (BENCH / "job-peers").iterdir():
        shutil.copy(path, folder / path.name)
    if not (folder / "node_modules" / "pg-boss").exists():
        done = subprocess.run([needed("npm", "peers"), "install", "--no-package-lock",
                               "--no-audit", "--no-fund", "--ignore-scripts"], cwd=folder,
                              text=True, capture_output=True, check=False)
        if done.returncode:
            raise NotRun("npm install failed: " + done.stderr.strip().splitlines()[-1][:200])
    return folder


@contextlib.contextmanager
def program(stage, folder, *words):
    log = stage.write(f"{words[0]}.log", "")
    with open(log, "wb") as out, subprocess.Popen(
            [needed("node", "peers"), *[str(word) for word in words]], cwd=folder, stdout=out,
            stdin=subprocess.DEVNULL, stderr=out, start_new_session=True,
            env={**os.environ, "NO_LOG_SUCCESS": "1"}) as process:
        try:
            yield log
        finally:
            processes.end_family(process.pid)


def graphile(stage, folder, count):
    primary = stage.cluster.primary
    run([needed("node", "peers"), folder / "node_modules/graphile-worker/dist/cli.js", "-c",
         primary.conninfo, "--schema-only"], cwd=folder)

    def measure():
        clear(stage)
        primary.sql(GRAPHILE.format(count=count))
        primary.sql("VACUUM ANALYZE")
        with program(stage, folder, "graphile.js", primary.conninfo):
            return rate(stage, count)
    return measure


def boss(stage, folder, count):
    primary = stage.cluster.primary

    def measure():
        clear(stage)
        primary.sql("DROP SCHEMA IF EXISTS pgboss CASCADE")
        with program(stage, folder, "boss.js", primary.conninfo, count) as log:
            until(lambda: "filled" in log.read_text(), "pg-boss to be filled", 60)
            return rate(stage, count)
    return measure


def peers(stage, result):
    """The same effect by queues for Node.js, each as its manual asks for speed."""
    folder, count = installed(), stage.given.peer_jobs
    ours = result.side("cqrsd", [stage.serve_line(workers=stage.given.workers)], "jobs/s")
    sides = [(ours, Drain(stage, count)),
             (result.side("graphile-worker 0.17", ["bench/job-peers/graphile.js"], "jobs/s"),
              graphile(stage, folder, count)),
             (result.side("pg-boss 10.4", ["bench/job-peers/boss.js"], "jobs/s"),
              boss(stage, folder, count))]
    try:
        alternate(sides, stage.given.runs)
    except TooLate as failure:
        raise NotRun(str(failure)) from failure
    for side, _ in sides[1:]:
        result.check(f"cqrsd / {side.name}", ours.median / side.median, "×", (">=", 4))
    result.remarks.append("effects of graphile-worker are transactions of their own, those of a "
                          "batch of pg-boss are one; neither is one with the end of its job")
