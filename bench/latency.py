"""Rows of latency: one client, own reads under load, and quick queries beside slow ones."""

import re

from stage import alternate

BALANCE = "SELECT abalance FROM pgbench_accounts WHERE aid = $1"
SLOW_US = 200000


def loadgen_line(*arguments):
    return ["loadgen --to …", *[f"'{word}'" if " " in str(word) or "{" in str(word) else word
                                for word in arguments]]


def quick(stage, weight=1):
    return f"{weight} /v1/queries/balance?aid={{1-{stage.rows_count}}}"


def added(stage, result):
    """One client has nobody to share a batch with: what is left is HTTP and the way through."""
    service = stage.serve()
    arguments = ["--get", quick(stage), "--connections", "1"]
    side = result.side("cqrsd, p50", loadgen_line(*arguments), "µs")
    direct = result.side("libpq by hand, p50", ["direct", "REPLICA", stage.given.seconds,
                                                stage.rows_count, f"'{BALANCE}'"], "µs")

    def through():
        run = stage.loadgen(service.address, *arguments)
        return run["classes"][0]["answered_us"]["p50"]
    alternate([(side, through),
               (direct, lambda: stage.direct(stage.cluster.replica(1), BALANCE)
                ["answered_us"]["p50"])], stage.given.runs)
    result.check("added to one request, p50", side.median - direct.median, "µs", ("<=", 80))
    stage.stop(service)


def own_reads(stage, result):
    service = stage.serve(pool_conns=8)
    rate = stage.given.rate or 2000
    pair = '1 /v1/commands/add_note {"n":{unique}} /v1/queries/note?n={unique}'
    arguments = ["--get", quick(stage, 8), "--pair", pair, "--users", "1000",
                 "--rate", str(rate)]
    side = result.side("p99 of the own read", loadgen_line(*arguments), "ms")
    waited = result.side("p99 of the waiting", ["the same"], "ms")
    runs = []
    for _ in range(stage.given.runs):
        runs.append(stage.loadgen(service.address, *arguments))
        read = runs[-1]["classes"][2]
        side.values.append(read["answered_us"]["p99"] / 1000)
        waited.values.append(read["waited_us"]["p99"] / 1000)
    reads = [run["classes"][number] for run in runs for number in (0, 2)]
    served = sum(sum(one["served"].values()) for one in reads)
    replica = sum(count for one in reads for name, count in one["served"].items()
                  if name.startswith("replica/"))
    missing = sum(one["planned"] - one["ok"] for run in runs for one in run["classes"])
    result.check("session reads answered by replicas", 100 * replica / max(served, 1), "%",
                 (">=", 95))
    result.check("stale own reads", sum(run["classes"][2]["stale"] for run in runs), "",
                 ("<=", 0))
    result.check("waiting for replicas, p99", waited.median, "ms", ("<=", 10))
    result.check("requests without a good answer", missing)
    totals = {}
    for run in runs:
        for name, count in run["classes"][2]["served"].items():
            totals[name] = totals.get(name, 0) + count
    result.remarks.append("own reads: " + ", ".join(
        f"{name} {count}" for name, count in sorted(totals.items())))
    stage.stop(service)


def busy_rows(stage):
    """How many rows of the aggregation take 200 ms here, when nothing else runs."""
    rows = 1000000
    text = stage.cluster.replica(1).sql(
        "EXPLAIN (ANALYZE, TIMING OFF) "
        f"SELECT sum(i % 7) FROM generate_series(1, {rows}::bigint) AS i")
    took_us = float(re.search(r"Execution Time: ([\d.]+) ms", text)[1]) * 1000
    return int(rows * SLOW_US / took_us)


def mixed(stage, result):
    service = stage.serve(pool_conns=8)
    # Of 200/s, a run of 5 s has ten requests beyond its p99: luck. It takes three times as many.
    seconds = 3 * stage.given.seconds
    rate = stage.given.rate or 200
    rows = busy_rows(stage)
    alone = ["--get", quick(stage, 99), "--rate", str(rate)]
    beside = ["--get", quick(stage, 99), "--get", f"1 /v1/queries/busy?rows={rows}", "--rate",
              str(rate)]
    without = result.side("p99 without aggregations", loadgen_line(*alone), "ms")
    among = result.side("p99 beside aggregations", loadgen_line(*beside), "ms")

    def p99(arguments):
        run = stage.loadgen(service.address, *arguments, seconds=seconds)
        return run["classes"][0]["answered_us"]["p99"] / 1000
    p99(beside)
    alternate([(without, lambda: p99(alone)), (among, lambda: p99(beside))], stage.given.runs)
    result.check("p99 of pk reads, beside / without", among.median / without.median, "×",
                 ("<=", 2.0))
    result.remarks.append(f"runs of {seconds} s; {rate}/s; an aggregation of {rows} rows keeps one "
                          f"core busy for about 200 ms, in all {rate * SLOW_US / 1e8:.2f} cores")
    stage.stop(service)
