"""What the rows of the bench stand on: a cluster with data, cqrsd, and the load generators."""

import json
import os
import pathlib
import re
import resource
import shutil
import subprocess
import sys
import tempfile

BENCH = pathlib.Path(__file__).resolve().parent
ROOT = BENCH.parent
sys.path.insert(0, str(ROOT / "tests"))

from harness.cluster import Cluster, as_server_user, find_bindir, server_user  # noqa: E402
from harness.processes import waits_for_no_core  # noqa: E402
from harness.service import Service  # noqa: E402

LOADGEN = os.environ.get("LOADGEN", str(ROOT / "build" / "loadgen"))
DIRECT = os.environ.get("DIRECT", str(ROOT / "build" / "direct"))
CLIENTS = 64
NICE = -10
SETTINGS = {"shared_buffers": "512MB", "max_connections": 300, "checkpoint_timeout": "30min",
            "max_wal_size": "4GB", "synchronous_commit": "on"}
# Requests are made beforehand, so that the generator costs as little as it can.
LUA_READ = """
local requests, at = {}, 0
local prepare = wrk.init
wrk.init = function(args)
    prepare(args)
    math.randomseed(42)
    local headers = { %s }
    for i = 1, 4096 do requests[i] = wrk.format("GET", "%s" .. math.random(1, %d), headers) end
end
request = function() at = at %% 4096 + 1; return requests[at] end
"""
LUA_WRITE = """
local requests, at = {}, 0
local prepare = wrk.init
wrk.init = function(args)
    prepare(args)
    math.randomseed(42)
    local headers = { ["Content-Type"] = "application/json" }
    for i = 1, 4096 do
        requests[i] = wrk.format("POST", "%s", headers,
                                 '{"n":' .. math.random(1, 1000000) .. ',"note":"a note"}')
    end
end
request = function() at = at %% 4096 + 1; return requests[at] end
"""

# Appended to one of these: why requests are refused, counted by status and code of the problem.
# Replies are read for it, which costs the generator some of its time.
LUA_REASONS = """
local threads, reasons = {}, {}
function setup(thread) table.insert(threads, thread) end
refused = ""
response = function(status, headers, body)
    if status > 299 then
        local reason = status .. " " .. (string.match(body, '"code":"([^"]*)"') or "without a code")
        reasons[reason] = (reasons[reason] or 0) + 1
        refused = ""
        for name, count in pairs(reasons) do
            refused = refused .. "refused: " .. name .. " x " .. count .. "\\n"
        end
    end
end
done = function()
    for _, thread in ipairs(threads) do io.write(thread:get("refused") or "") end
end
"""


def go_in_real_time():
    """Or, where it may not, first."""
    if not waits_for_no_core():
        go_first()


def go_first(pid=None):
    """Lets a process (or the calling one), the first of its session, go before the servers where
    they keep all cores busy, if we may: else it is their scheduling that is measured. As with the
    CPUWeight and Nice of deploy/cqrsd.service."""
    threads = [int(name) for name in os.listdir(f"/proc/{pid}/task")] if pid else [0]
    try:
        pathlib.Path(f"/proc/{pid or 'self'}/autogroup").write_text(str(NICE), encoding="ascii")
    except OSError:
        pass  # there are no autogroups, or it is not ours to say
    try:
        for thread in threads:
            os.setpriority(os.PRIO_PROCESS, thread, NICE)
    except OSError:
        pass


class NotRun(Exception):
    """Why a row cannot be run here."""


def run(command, **options):
    done = subprocess.run([str(part) for part in command], text=True, capture_output=True,
                          check=False, **options)
    if done.returncode:
        raise RuntimeError(f"{command[0]} failed:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    return done.stdout


def needed(tool, group="bench"):
    """The path of a tool; a row that lacks it is not run."""
    found = shutil.which(tool) or shutil.which(tool, path=f"/usr/sbin:{find_bindir()}")
    if not found:
        raise NotRun(f"{tool} is not installed: deploy/install-packages {group}")
    return found


def revision():
    done = subprocess.run(["git", "describe", "--always", "--dirty", "--exclude", "*"], text=True,
                          capture_output=True, check=False, cwd=ROOT)
    return done.stdout.strip() or "unknown"


class Stage:
    """One cluster for all rows."""

    def __init__(self, given, say, replicas=1):
        self.given = given
        self.say = say
        self.rows_count = 100000 * given.scale
        self.work = tempfile.TemporaryDirectory(prefix="cqrsd-bench-")
        self.services = []
        self.cluster = Cluster.create(replicas=replicas, database="bench", settings=SETTINGS,
                                      fsync=not given.no_fsync)
        try:
            self.fill()
        except BaseException:
            self.close()
            raise

    def fill(self):
        primary = self.cluster.primary
        run(as_server_user([self.cluster.bindir / "pgbench", "-i", "-q", "-s", self.given.scale,
                            "-h", "127.0.0.1", "-p", primary.port, "-U", "postgres",
                            self.cluster.database]), cwd="/")
        primary.sql_file(BENCH / "schema.sql")
        primary.sql("VACUUM ANALYZE")
        primary.sql("CHECKPOINT")
        self.cluster.wait_until_replayed()

    def close(self):
        for service in list(self.services):
            self.stop(service)
        self.cluster.destroy()
        self.work.cleanup()

    # cqrsd

    def serve(self, **options):
        """A cqrsd over the cluster: one loop, --conns connections to each node."""
        settings = {"primary": self.cluster.primary.conninfo,
                    "replica": self.cluster.replica(1).conninfo, "catalog": BENCH / "sql",
                    "loops": self.given.loops, "pool_conns": self.given.conns,
                    "log_level": "warn", **options}
        run([os.environ.get("CQRSD", ROOT / "build" / "cqrsd"), "migrate", "--primary",
             self.cluster.primary.conninfo])
        service = Service(**settings)
        self.services.append(service)
        return service.start()

    def stop(self, service):
        self.services.remove(service)
        service.close()

    def serve_line(self, **options):
        """The command line of serve(), as a person would type it."""
        options = {"loops": self.given.loops, "pool_conns": self.given.conns, **options}
        words = " ".join(f"--{name.replace('_', '-')} {value}" for name, value in options.items())
        return f"cqrsd serve --primary … --replica … --catalog bench/sql {words}"

    def open_to_server(self, folder):
        """What runs as the servers' user may write there."""
        pathlib.Path(self.work.name).chmod(0o711)
        if server_user():
            shutil.chown(folder, server_user())

    def write(self, name, text):
        """A file that tools of the server's user may read, too."""
        path = pathlib.Path(self.work.name) / name
        path.write_text(text, encoding="utf-8")
        return path

    # Load generators; each hands back what it measured

    def pgbench(self, port, *arguments, seconds=None):
        """Transactions/s, without the time that connecting took."""
        out = run([self.cluster.bindir / "pgbench", "-n", *arguments, "-T",
                   seconds or self.given.seconds, "-h", "127.0.0.1", "-p", port, "-U", "postgres",
                   self.cluster.database])
        rate = re.search(r"tps = ([\d.]+)", out)
        if not rate:
            raise RuntimeError(f"pgbench told no rate: {out[-500:]}")
        return float(rate.group(1))

    def wrk(self, address, lua, seconds=None):
        """(requests/s, requests, the generator's own CPU in s)."""
        path = self.write("wrk.lua", lua)
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        out = run([needed("wrk"), "-t1", f"-c{CLIENTS}", f"-d{seconds or self.given.seconds}s",
                   "-s", path, f"http://{address}"])
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        wrong = re.search(r"Non-2xx or 3xx responses: (\d+)", out)
        if wrong:
            reasons = re.findall(r"^refused: (.*)$", out, re.M)
            raise RuntimeError(f"{wrong.group(1)} requests failed ({', '.join(reasons)}):\n{out}")
        return (float(re.search(r"Requests/sec:\s+([\d.]+)", out).group(1)),
                int(re.search(r"(\d+) requests in", out).group(1)),
                (after.ru_utime - before.ru_utime, after.ru_stime - before.ru_stime))

    def lua_read(self, target="/v1/queries/balance?aid=", **headers):
        fields = ", ".join(f'["{name}"] = "{value}"' for name, value in headers.items())
        return LUA_READ % (fields, target, self.rows_count)

    @staticmethod
    def lua_write():
        return LUA_WRITE % "/v1/commands/add_row"

    def loadgen(self, address, *arguments, seconds=None):
        line = [LOADGEN, "--to", address, "--json", "--seconds", seconds or self.given.seconds,
                *arguments]
        return json.loads(run(line))

    def direct(self, node, statement, seconds=None):
        return json.loads(run([DIRECT, node.conninfo, seconds or self.given.seconds,
                               self.rows_count, statement]))


def alternate(sides, runs):
    """Runs every side in turn, so that what disturbs the machine disturbs all of them."""
    for _ in range(runs):
        for side, measure in sides:
            side.values.append(measure())
