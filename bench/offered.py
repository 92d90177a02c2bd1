"""An offered load and what came of it: what a statement costs, generators, capacity, figures."""

import json
import re
import statistics
import subprocess

from stage import LOADGEN, ROOT, go_first, go_in_real_time

QUICK_MS, SLOW_MS = 2, 20  # CPU of nine statements of ten, and of the tenth
GOOD_MS = 500              # an answer 200 is good within so long of its plan
LATE_S = 5                 # so long a planned request waits for a free connection
CLOSED_CLIENTS = (4, 8, 16, 32)
USERS = 1000
CALIBRATION_ROWS = 20000
WORK = "SELECT sum(i % 7) FROM (SELECT generate_series(1, {rows}::bigint) AS i) AS numbers"
OUTCOME = re.compile(r'^OUTCOME\(\w+,\s*"([^"]+)",\s*(\d+)', re.M)
# What loadgen itself says of a request, beside the codes of cqrsd.
UNANSWERED = {"timeout", "late", "lost", "connect", "bad-reply"}


def refusals():
    """The codes of answers 429 and 503."""
    text = (ROOT / "base" / "outcome.def").read_text(encoding="utf-8")
    return {code for code, status in OUTCOME.findall(text) if status in ("429", "503")}


REFUSALS = refusals()


# What is asked

def cost_ms(node, rows):
    """What the work takes on a node: the least of many runs, which nothing disturbed."""
    text = node.sql(f"EXPLAIN (ANALYZE, TIMING OFF) {WORK.format(rows=rows)};\n" * 20)
    return min(float(found) for found in re.findall(r"Execution Time: ([\d.]+) ms", text))


class Work:
    """Nine quick statements and a slow one, as so many rows on this machine."""

    operation, param = "work", "rows"

    def __init__(self, node):
        rows_per_ms = CALIBRATION_ROWS / cost_ms(node, CALIBRATION_ROWS)
        self.quick, self.slow = (round(ms * rows_per_ms) for ms in (QUICK_MS, SLOW_MS))
        self.quick_ms, self.slow_ms = cost_ms(node, self.quick), cost_ms(node, self.slow)

    def reads(self, suffix="", users=USERS):
        """Classes and users of loadgen; suffix: of other operations that do the same."""
        quick, slow = (f"{operation}{suffix}?{self.param}={value}" for operation, value in (
            (self.operation, self.quick), (f"long_{self.operation}", self.slow)))
        return ["--users", users, "--get", f"9 /v1/queries/{quick}",
                "--get", f"1 /v1/queries/{slow}"]

    def text(self):
        return (f"90 % statements of {self.quick_ms:.1f} ms of CPU ({self.quick} rows), "
                f"10 % of {self.slow_ms:.1f} ms ({self.slow} rows)")


class Pauses(Work):
    """The same times spent asleep: the limits make the capacity, not the machine of the hour."""

    operation, param = "pause", "us"

    def __init__(self, _):
        self.quick, self.slow = QUICK_MS * 1000, SLOW_MS * 1000

    def text(self):
        return (f"90 % statements that sleep for {QUICK_MS} ms, 10 % that sleep for {SLOW_MS} ms")


WORK_KINDS = {"compute": Work, "pause": Pauses}


# Who asks

class Generator:
    """A loadgen under way; result() waits for its end."""

    def __init__(self, address, given, *arguments):
        words = ["--to", address, "--json", "--seconds", given.seconds, "--warmup", given.warmup,
                 "--good", GOOD_MS / 1000, "--late", LATE_S, *arguments]
        # In a closed loop it asks again at once, and would leave nothing to the others.
        preparation = go_in_real_time if "--rate" in arguments else go_first
        self.process = subprocess.Popen([LOADGEN, *[str(word) for word in words]], text=True,
                                        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE, start_new_session=True,
                                        preexec_fn=preparation)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate()

    def wait(self, seconds):
        """For so long, or until it ends."""
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            pass

    def result(self):
        out, complaint = self.process.communicate()
        if self.process.returncode:
            raise RuntimeError(f"loadgen failed: {complaint.strip()}")
        return json.loads(out)


def offer(address, given, *arguments):
    with Generator(address, given, *arguments) as generator:
        return figures(generator.result())


# What came of it

def quantile_ms(classes, histogram, share):
    """Of all classes together; None when there was nothing to count."""
    buckets = {}
    for one in classes:
        for end_us, count in one[histogram]["buckets"]:
            buckets[end_us] = buckets.get(end_us, 0) + count
    wanted, seen = share * sum(buckets.values()), 0
    for end_us in sorted(buckets):
        seen += buckets[end_us]
        if seen >= wanted:
            return min(end_us, max(one[histogram]["max"] for one in classes)) / 1000
    return None


def figures(run):
    """Of one run: rates a second, times in milliseconds. Admitted is what was not refused."""
    classes, seconds = run["classes"], run["measured_s"]
    outcomes = {}
    for one in classes:
        for name, count in one["outcomes"].items():
            outcomes[name] = outcomes.get(name, 0) + count
    planned = sum(one["planned"] for one in classes)
    refused = sum(count for name, count in outcomes.items() if name in REFUSALS)
    return {"offered_per_s": planned / seconds,
            "good_per_s": sum(one["good"] for one in classes) / seconds,
            "admitted_p50_ms": quantile_ms(classes, "answered_us", 0.5),
            "admitted_p99_ms": quantile_ms(classes, "answered_us", 0.99),
            "refused_percent": 100 * refused / max(planned, 1),
            "refused_p50_ms": quantile_ms(classes, "refused_us", 0.5),
            "refused_p99_ms": quantile_ms(classes, "refused_us", 0.99),
            "unsent": outcomes.get("late", 0),
            "unaccounted": planned - sum(outcomes.values()),
            "unexpected": sum(count for name, count in outcomes.items()
                              if name not in REFUSALS | UNANSWERED | {"2xx"}),
            "generator_cores": (run["user_s"] + run["system_s"]) / (seconds or 1),
            "outcomes": outcomes,
            "classes": [{"spec": one["spec"], "planned": one["planned"], "good": one["good"],
                         "p99_ms": quantile_ms([one], "answered_us", 0.99)} for one in classes]}


def medians(runs):
    """Of each figure of several runs; None where no run had one."""
    found = {}
    for name, value in runs[0].items():
        if not isinstance(value, (dict, list)):
            values = [run[name] for run in runs if run[name] is not None]
            found[name] = statistics.median(values) if values else None
    return found


def capacity(address, given, work):
    """Good answers a second of so many clients that ask again when answered; the best of all."""
    return {clients: offer(address, given, *work.reads(), "--connections", clients)["good_per_s"]
            for clients in CLOSED_CLIENTS}
