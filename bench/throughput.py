"""Rows of throughput: reads and single-row inserts against pgbench, and against ourselves."""

import statistics

from stage import CLIENTS, alternate
from usage import Cpu

from harness.keys import Keys

# 64 clients that wait for each other are no overload: nobody is to be refused for having waited.
PATIENT = {"queue_wait_ms": 5000}


class Measured:
    """A cqrsd under wrk, its CPU per request noted besides its rate."""

    def __init__(self, stage, service, lua):
        self.stage, self.service, self.lua = stage, service, lua
        self.cpu = []

    def __call__(self):
        cluster = self.stage.cluster
        cpu = Cpu({"cqrsd": self.service.pid},
                  {"postgres": [node.process.pid for node in cluster.nodes]})
        rate, requests, generator = self.stage.wrk(self.service.address, self.lua)
        used = cpu.per_request_us(requests)
        used["wrk"] = tuple(seconds * 1e6 / requests for seconds in generator)
        self.cpu.append(used)
        return rate

    def tell(self, result, what):
        for name in self.cpu[0]:
            user, system = (statistics.median(used[name][i] for used in self.cpu)
                            for i in range(2))
            result.check(f"CPU per {what}, {name}: user", user, "µs")
            result.check(f"CPU per {what}, {name}: system", system, "µs")


def wrk_line(what):
    return f"wrk -t1 -c{CLIENTS} -s {what}"


def served_by_replica(service):
    """The share of queries that a replica answered; a bench of replicas is void without it."""
    metrics = service.metrics()
    total = metrics.sum("cqrsd_routed_total")
    return metrics.sum("cqrsd_routed_total", role="replica") / max(total, 1)


def pgbench_reads(stage, clients):
    flags = ["-S", "-M", "prepared", "-c", str(clients), "-j", "1"]
    return ["pgbench -n", *flags], lambda: stage.pgbench(stage.cluster.replica(1).port, *flags)


def reads(stage, result):
    service = stage.serve(**PATIENT)
    through = Measured(stage, service, stage.lua_read())
    side = result.side("cqrsd", [stage.serve_line(**PATIENT), "under",
                                 wrk_line("(GET balance?aid=random)")])
    sides = [(side, through)]
    direct = {}
    for clients in (4, 8, 16, CLIENTS):
        line, measure = pgbench_reads(stage, clients)
        direct[clients] = result.side(f"pgbench, {clients} clients", line)
        sides.append((direct[clients], measure))
    stage.wrk(service.address, stage.lua_read(), seconds=1)
    alternate(sides, stage.given.runs)
    best = max((direct[clients] for clients in (4, 8, 16)), key=lambda one: one.median)
    result.check("cqrsd / pgbench, 64 clients", side.median / direct[CLIENTS].median, "×",
                 (">=", 1.5))
    result.check(f"cqrsd / {best.name} (its best of 4, 8, 16)", side.median / best.median, "×",
                 (">=", 1.0))
    result.check("answered by the replica", served_by_replica(service), "", (">=", 0.99))
    through.tell(result, "read")
    stage.stop(service)


def curve(stage, result):
    """Loops and replicas; 8 connections to each node. All sides take turns."""
    services, sides = [], []
    for replicas in (1, 2):
        for loops in (1, 2, 4):
            options = {**PATIENT, "loops": loops, "pool_conns": 8}
            service = stage.serve(**options, replica=[
                stage.cluster.replica(number + 1).conninfo for number in range(replicas)])
            services.append(service)
            side = result.side(f"{loops} loop(s), {replicas} replica(s)",
                               [stage.serve_line(**options)], "reads/s")
            sides.append((side, lambda service=service: stage.wrk(
                service.address, stage.lua_read())[0]))
    alternate(sides, stage.given.runs)
    for side, _ in sides:
        result.check(side.name, side.median, "reads/s")
    for service in services:
        stage.stop(service)


def gzip(stage, result):
    """A page of 4 KB to clients that ask for gzip, and to others; by turns, of one service."""
    service = stage.serve(**PATIENT)
    plain = stage.lua_read("/v1/queries/page?aid=")
    asked = 'wrk.headers["Accept-Encoding"] = "gzip"\n' + plain
    sizes = [len(service.get("/v1/queries/page?aid=1", headers).body)
             for headers in ({"Accept-Encoding": "gzip"}, None)]
    zipped, others = Measured(stage, service, asked), Measured(stage, service, plain)
    what = "(GET page?aid=random)"
    sides = [(result.side("as gzip", [stage.serve_line(**PATIENT), "under",
                                      wrk_line(f"{what}, Accept-Encoding: gzip")]), zipped),
             (result.side("as it is", ["the same under", wrk_line(what)]), others)]
    for _, measure in sides:
        stage.wrk(service.address, measure.lua, seconds=1)
    alternate(sides, stage.given.runs)
    result.check("replies as gzip", sides[0][0].median, "replies/s", (">=", 1000))
    result.check("as gzip / as it is", sides[0][0].median / sides[1][0].median, "×")
    zipped.tell(result, "reply as gzip")
    others.tell(result, "reply as it is")
    result.remarks.append(f"a reply has {sizes[1]} bytes, as gzip {sizes[0]}")
    stage.stop(service)


def classic(stage, result):
    batches, one_by_one = stage.serve(**PATIENT), stage.serve(batch_calls=1, **PATIENT)
    lua = stage.lua_read()
    side = result.side("batches", [stage.serve_line(**PATIENT), "under", wrk_line("(as in reads)")])
    control = result.side("classic", [stage.serve_line(batch_calls=1, **PATIENT),
                                      "under the same"])
    control_run = Measured(stage, one_by_one, lua)
    for service in (batches, one_by_one):
        stage.wrk(service.address, lua, seconds=1)
    alternate([(side, lambda: stage.wrk(batches.address, lua)[0]), (control, control_run)],
              stage.given.runs)
    result.check("batches / classic", side.median / control.median, "×", (">=", 2.0))
    control_run.tell(result, "classic read")
    for service in (batches, one_by_one):
        stage.stop(service)


def lookup(stage, result):
    """Reads by keys at random: those that wait together as one execution, or one by one."""
    service = stage.serve(**PATIENT)
    runs, sides = [], []
    for name, operation in (("@lookup", "account_looked_up"), ("plain", "account")):
        run = Measured(stage, service, stage.lua_read(f"/v1/queries/{operation}?aid="))
        side = result.side(name, [stage.serve_line(**PATIENT), "under",
                                  wrk_line(f"(GET {operation}?aid=random)")], "reads/s")
        stage.wrk(service.address, run.lua, seconds=1)
        runs.append(run)
        sides.append((side, run))
    alternate(sides, stage.given.runs)
    used = [statistics.median(sum(used["postgres"]) for used in run.cpu) for run in runs]
    calls, executions = (service.metrics().sum(f"cqrsd_lookup_calls_{what}")
                         for what in ("sum", "count"))
    result.check("@lookup / plain", sides[0][0].median / sides[1][0].median, "×", (">=", 1.3))
    result.check("@lookup / plain, CPU of PostgreSQL per read", used[0] / used[1], "×",
                 ("<=", 0.4))
    result.check("calls in an execution", calls / max(executions, 1))
    for run, (side, _) in zip(runs, sides):
        run.tell(result, f"read, {side.name}")
    stage.stop(service)


class Replica:
    """The CPU of PostgreSQL for a call of one operation, in batches."""

    def __init__(self, stage, service, lua):
        self.stage, self.service, self.lua = stage, service, lua
        self.calls, self.batches = 0, 0

    def counted(self):
        metrics = self.service.metrics()
        return [metrics.sum(f"cqrsd_batch_calls_{what}") for what in ("sum", "count")]

    def __call__(self):
        before = self.counted()
        cpu = Cpu({}, {"postgres": [self.stage.cluster.replica(1).process.pid]})
        requests = self.stage.wrk(self.service.address, self.lua)[1]
        used = cpu.per_request_us(requests)["postgres"]
        calls, batches = (now - then for now, then in zip(self.counted(), before))
        self.calls += calls
        self.batches += batches
        return sum(used)


def claims(stage, result):
    """What is said to PostgreSQL of the caller, with an API key that acts for a user."""
    ring = stage.write("keys", "")
    key = Keys(file=ring).create("web", roles="app", acts_for="any")
    options = {**PATIENT, "keys_file": ring}
    service = stage.serve(**options)
    headers = {**key.headers, "X-User-Id": "ann"}
    sides = []
    for name, operation in (("without", "balance"), ("with claims", "balance_claimed")):
        lua = stage.lua_read(f"/v1/queries/{operation}?aid=", **headers)
        stage.wrk(service.address, lua, seconds=1)
        side = result.side(name, [stage.serve_line(**PATIENT, keys_file="keys"), "under",
                                  wrk_line(f"(GET {operation}?aid=random)")], "µs")
        sides.append((side, Replica(stage, service, lua)))
    alternate(sides, stage.given.runs)
    (without, _), (claimed, _) = sides
    result.check("claims, CPU of PostgreSQL per call", claimed.median - without.median, "µs",
                 ("<=", 6))
    result.check("the same, by the least of each", min(claimed.values) - min(without.values), "µs")
    for side, replica in sides:
        result.check(f"{side.name}: calls in a batch", replica.calls / replica.batches)
    stage.stop(service)


def inserts(stage, result):
    script = stage.write("insert.sql", "\\set n random(1, 1000000)\n"
                         "INSERT INTO bench_row (n, note) VALUES (:n, 'a note') RETURNING id;\n")
    service = stage.serve(pool_conns=8, **PATIENT)
    through = Measured(stage, service, stage.lua_write())
    side = result.side("cqrsd", [stage.serve_line(pool_conns=8, **PATIENT), "under",
                                 wrk_line("(POST add_row)")])
    direct = result.side("pgbench, 64 clients", ["pgbench -n -M prepared -c 64 -j 1 -f insert.sql"])
    alternate([(side, through),
               (direct, lambda: stage.pgbench(stage.cluster.primary.port, "-M", "prepared", "-c",
                                              str(CLIENTS), "-j", "1", "-f", script))],
              stage.given.runs)
    result.check("cqrsd / pgbench, 64 clients", side.median / direct.median, "×", (">=", 3.0))
    through.tell(result, "insert")
    fsync = stage.cluster.primary.sql("SHOW fsync").strip()
    result.remarks.append(f"synchronous_commit on, fsync {fsync}; the row has one bigint, one text "
                          "and an identity")
    stage.stop(service)
