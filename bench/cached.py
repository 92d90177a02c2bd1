"""Rows of the cache: hits against nginx and against reads of a node; a hot key that is written."""

import peers
from latency import loadgen_line
from stage import CLIENTS, alternate
from throughput import PATIENT, wrk_line

from harness import processes
from harness.until import until

KEPT = "/v1/queries/account_kept?aid="
HOT_READS, HOT_WRITES = 20000, 100
NODE_QUERIES_MAX = 120


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
