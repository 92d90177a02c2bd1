"""Rows of the cache: hits against nginx and against reads of a node; a hot key that is written; a
restart under load, with the keys of before and without them."""

import threading
import time

import peers
from latency import loadgen_line
from stage import CLIENTS, alternate
from throughput import PATIENT, wrk_line
from usage import rss_kb

from harness import processes
from harness.kept import is_kept
from harness.until import until

KEPT = "/v1/queries/account_kept?aid="
HOT_READS, HOT_WRITES = 20000, 100
NODE_QUERIES_MAX = 120
# 100 answers of 1 KiB a second are 132 times the 64 MiB of a cache in a day.
CHURN_BYTES, CHURN_SIZES, CHURN_RATE, CHURN_FILL_S, CHURN_TIMES = 8 << 20, 20000, 1500, 10, 8
RESTART_RATE = 10000  # a second, of keys at random: near what the machine can read of its nodes
RESTART_KEYS, RESTART_FILL_S, RESTART_SECONDS = 80000, 40, 25
WINDOW_S = 1.0  # over which the load on the nodes and the share of hits are taken


def hit_share(before, after):
    asked = after.sum("cqrsd_cache_requests_total") - before.sum("cqrsd_cache_requests_total")
    hits = (after.sum("cqrsd_cache_requests_total", result="hit") -
            before.sum("cqrsd_cache_requests_total", result="hit"))
    return hits / max(asked, 1)


def until_kept(service):
    """It takes a moment to find out what operations read and write."""
    until(lambda: service.query("account_kept", aid=1).served_by.role == "cache",
          "answers to be kept")


def hits(stage, result):
    """The same answer kept, read of a node, and as a file of nginx."""
    program, port = peers.needed("nginx", "peers"), processes.free_port()
    folder = peers.folder_of(stage, "nginx")
    service = stage.serve(**PATIENT)
    until_kept(service)
    kept, read = stage.lua_read(KEPT), stage.lua_read()
    body = service.get(KEPT + "1").body
    (folder / "reply.json").write_bytes(body)
    conf = folder / "nginx.conf"
    conf.write_text(peers.NGINX.format(folder=folder, port=port), encoding="ascii")
    with peers.running(stage, "nginx", [program, "-c", conf, "-p", folder], port):
        file = stage.lua_read("/x?aid=")
        ours, nodes, nginx = (
            result.side("hits", [stage.serve_line(**PATIENT), "under",
                                 wrk_line("(GET account_kept, 4,096 keys)")], "/s"),
            result.side("reads of a node", ["the same under", wrk_line("(as in reads)")], "/s"),
            result.side("nginx, a static file", [f"one process, a reply of {len(body)} bytes"],
                        "/s"))
        for _ in range(2):
            stage.wrk(service.address, kept, seconds=2)
        before = service.metrics()
        alternate([(ours, lambda: stage.wrk(service.address, kept)[0]),
                   (nodes, lambda: stage.wrk(service.address, read)[0]),
                   (nginx, lambda: stage.wrk(f"127.0.0.1:{port}", file)[0])], stage.given.runs)
    result.check("hits / nginx", ours.median / nginx.median, "×", (">=", 0.85))
    result.check("hits / reads of a node", ours.median / nodes.median, "×", (">=", 1.5))
    result.check("share of hits", hit_share(before, service.metrics()), "",
                 (">=", 0.99))
    stage.stop(service)


def hot(stage, result):
    """A key that all read, whose row is written 100 times a second by the user who reads it."""
    service = stage.serve(**PATIENT)
    until_kept(service)
    arguments = ["--get", f"{HOT_READS} {KEPT}1", "--post",
                 f'{HOT_WRITES} /v1/commands/deposit {{"aid":1,"delta":1}}',
                 "--rate", HOT_READS + HOT_WRITES, "--users", "1", "--connections", CLIENTS]
    side = result.side("queries that reach a node", loadgen_line(*arguments), "/s")

    def of_nodes():
        metrics = service.metrics()
        return sum(metrics.sum("cqrsd_routed_total", name="account_kept", role=role)
                   for role in ("replica", "primary"))

    rates, written, refused = [], [], 0
    for _ in range(stage.given.runs):
        before = of_nodes()
        run = stage.loadgen(service.address, *arguments, "--warmup", "0")
        reads, writes = run["classes"]
        side.values.append((of_nodes() - before) / run["measured_s"])
        rates.append(reads["ok"] / run["measured_s"])
        written.append(writes["ok"] / run["measured_s"])
        refused += sum(one["planned"] - one["ok"] for one in (reads, writes))
    result.check("queries that reach a node", side.median, "/s", ("<=", NODE_QUERIES_MAX))
    result.check("the same: each write is seen", side.median, "/s", (">=", 1))
    result.check("reads that were answered", sorted(rates)[len(rates) // 2], "/s")
    result.check("writes that were answered", sorted(written)[len(written) // 2], "/s")
    result.check("not answered 200", refused, "", ("<=", 0))
    stage.stop(service)


def churn(stage, result):
    """Answers of all sizes, of which the cache has room for few, go round in it."""
    service = stage.serve(cache_bytes=CHURN_BYTES, **PATIENT)
    until(lambda: is_kept(service, "sized", n=1), "answers to be kept")
    arguments = ["--get", f"1 /v1/queries/sized?n={{1-{CHURN_SIZES}}}", "--rate", CHURN_RATE,
                 "--warmup", "0"]
    stage.loadgen(service.address, *arguments, seconds=CHURN_FILL_S)
    side = result.side("process once it is full", loadgen_line(*arguments), "MB")
    full_kb, before = rss_kb(service.pid), service.metrics()
    side.values.append(full_kb / 1024)
    seen = []
    for _ in range(CHURN_TIMES):
        stage.loadgen(service.address, *arguments, seconds=CHURN_FILL_S)
        seen.append((rss_kb(service.pid), service.metrics().sum("cqrsd_cache_bytes")))
    kept = (service.metrics().sum("cqrsd_cache_fills_total", result="kept") -
            before.sum("cqrsd_cache_fills_total", result="kept"))
    result.check("bytes that were kept since / --cache-bytes",
                 kept * CHURN_SIZES / 2 / CHURN_BYTES, "×")
    half = len(seen) // 2
    first_kb, last_kb = (max(kb for kb, _ in part) for part in (seen[:half], seen[half:]))
    result.check("growth of the process since", (last_kb - full_kb) / 1024, "MB", ("<=", 1))
    result.check("of it in the second half", (last_kb - first_kb) / 1024, "MB")
    result.check("least that answers took of --cache-bytes",
                 min(taken for _, taken in seen) / CHURN_BYTES, "", (">=", 0.93))
    stage.stop(service)


class Watcher(threading.Thread):
    """Notes meanwhile what a service has asked of its nodes and how many answers were kept."""

    def __init__(self, service):
        super().__init__()
        self.service, self.notes, self.over = service, [], threading.Event()

    def run(self):
        while not self.over.wait(WINDOW_S / 5):
            metrics = self.service.metrics()
            self.notes.append((time.monotonic(), metrics.sum("cqrsd_batch_calls_sum"),
                               metrics.sum("cqrsd_cache_requests_total", result="hit"),
                               metrics.sum("cqrsd_cache_requests_total")))

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.join()

    def windows(self):
        """(seconds since the start, calls/s to nodes, share of hits), of each window."""
        first = 0
        for last, note in enumerate(self.notes):
            if note[0] - self.notes[first][0] < WINDOW_S:
                continue
            while note[0] - self.notes[first + 1][0] >= WINDOW_S:
                first += 1
            took, calls, kept, asked = (b - a for a, b in zip(self.notes[first], note))
            yield note[0] - self.notes[0][0], calls / took, kept / max(asked, 1)


def restart_keys(stage):
    """Of loadgen: one of the keys, each as often, or by --zipf."""
    skew = f"~{stage.given.zipf}" if stage.given.zipf else ""
    return f"{{1-{RESTART_KEYS}{skew}}}"


class Restart:
    """A cache that is full under load; then the same load on a service that has just started."""

    def __init__(self, stage, **options):
        self.stage, self.options = stage, options
        self.peaks, self.back_s, self.shares = [], [], []

    def load(self, service, seconds):
        with Watcher(service) as watcher:
            self.stage.loadgen(
                service.address, "--get", f"1 {KEPT}{restart_keys(self.stage)}", "--rate",
                RESTART_RATE, "--connections", CLIENTS, "--warmup", "0", seconds=seconds)
        return list(watcher.windows())

    def __call__(self):
        before = self.stage.serve(**PATIENT, **self.options)
        until_kept(before)
        share = self.load(before, RESTART_FILL_S)[-1][2]
        self.shares.append(share)
        self.stage.stop(before)
        after = self.stage.serve(**PATIENT, **self.options)
        windows = self.load(after, RESTART_SECONDS)
        self.stage.stop(after)
        self.peaks.append(max(calls for _, calls, _ in windows))
        back = [at for at, _, now in windows if now >= 0.9 * share]
        self.back_s.append(back[0] if back else RESTART_SECONDS)
        return self.peaks[-1]


def restart(stage, result):
    """Of the empty cache the load on the nodes is what their limits let through."""
    with_keys = Restart(stage, cache_warm=stage.write("warm.keys", ""))
    empty = Restart(stage)
    keys = f"zipf {stage.given.zipf}" if stage.given.zipf else "at random"
    arguments = f"{RESTART_RATE}/s of {RESTART_KEYS} keys, {keys}"
    sides = [(result.side("with --cache-warm", [stage.serve_line(cache_warm="FILE"), arguments],
                          "calls/s to nodes"), with_keys),
             (result.side("without", [stage.serve_line(), arguments], "calls/s to nodes"), empty)]
    alternate(sides, stage.given.runs)
    (warm, _), (cold, _) = sides
    result.check("most that the nodes were asked, with / without", warm.median / cold.median, "×",
                 ("<=", 1.2))
    result.check("share of hits before", min(with_keys.shares + empty.shares), "")
    for name, measured, demanded in (("with", with_keys, ("<=", 10)), ("without", empty, None)):
        result.check(f"90 % of the hits of before, {name}", sorted(measured.back_s)[
            len(measured.back_s) // 2], "s", demanded)
