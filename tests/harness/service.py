"""cqrsd as a process: started on free ports, asked, signalled, and looked into."""

import json
import os
import pathlib
import re
import resource
import shutil
import signal
import subprocess
import tempfile

from . import processes
from .client import Answer, Client, Raw
from .until import TooLate, slowly, until

ROOT = pathlib.Path(__file__).resolve().parents[2]
# x is the Host of the stories that write their requests byte by byte.
DEFAULTS = {"log_format": "json", "host": "x"}
START_DEADLINE_S = 60
STOP_DEADLINE_S = 60


def binary():
    """The program under test: build/cqrsd, or what CQRSD names."""
    return str(pathlib.Path(os.environ.get("CQRSD", ROOT / "build" / "cqrsd")).absolute())


def flags(options):
    """{"max_lag_ms": 5, "insecure": True, "replica": [a, b]} as a command line."""
    line = []
    for name, value in options.items():
        flag = "--" + name.replace("_", "-")
        for item in value if isinstance(value, (list, tuple)) else [value]:
            if item is True:
                line.append(flag)
            elif item is not None and item is not False:
                line += [flag, str(item)]
    return line


def environment(reports, extra=None):
    """The environment without foreign options; sanitizers write reports into files.

    Where a run as a whole gathers reports (SANITIZER_LOG_DIR), its options are left as they are.
    """
    kept = {name: value for name, value in os.environ.items()
            if not name.startswith(("CQRSD", "PG")) and name != "NOTIFY_SOCKET"}
    if "SANITIZER_LOG_DIR" not in kept:
        for tool in ("ASAN", "UBSAN", "TSAN"):
            given = kept.get(f"{tool}_OPTIONS")
            log_path = f"log_path={reports}/{tool.lower()}"
            kept[f"{tool}_OPTIONS"] = f"{given}:{log_path}" if given else log_path
    return {**kept, **(extra or {})}


def assert_no_reports(folder, pid):
    """No sanitizer said anything about a process."""
    places = [pathlib.Path(folder), pathlib.Path(os.environ.get("SANITIZER_LOG_DIR", folder))]
    found = {path for place in places for path in place.glob(f"*san.{pid}")}
    texts = [path.read_text(errors="replace")[:4000] for path in sorted(found)]
    assert not any(texts), "a sanitizer reports:\n" + "\n".join(texts)


def run(*arguments, env=None, timeout_s=120, **options):
    """Run a verb to its end; sanitizer reports fail the test that ran it."""
    with tempfile.TemporaryDirectory(prefix="cqrsd-") as reports:
        line = [binary(), *[str(argument) for argument in arguments], *flags(options)]
        with subprocess.Popen(line, env=environment(reports, env), stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
            try:
                stdout, stderr = process.communicate(timeout=slowly(timeout_s))
            except subprocess.TimeoutExpired:
                process.kill()
                raise
        assert_no_reports(reports, process.pid)
    return subprocess.CompletedProcess(line, process.returncode, stdout.decode(errors="replace"),
                                       stderr.decode(errors="replace"))


class Service:
    """One running cqrsd. Ask it as a client; end it with close(), terminate() or kill9()."""

    def __init__(self, env=None, **options):
        self.env = env or {}
        self.options = {**DEFAULTS, **options}
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="cqrsd-"))
        self.log_path = self.directory / "log"
        self.process = None
        self.address = self.admin_address = None
        self.promises = None  # a harness.schemas.Promises, which all answers have to keep
        self.broken = []

    # Life and death

    def start(self, wait="rotation"):
        """wait: until it is "alive", can serve "commands", or has all nodes in "rotation"."""
        for _ in range(5):
            self.choose_addresses()
            self.launch()
            try:
                until(lambda: self.reached(wait), f"cqrsd to be up ({wait})", START_DEADLINE_S)
                return self
            except TooLate as failure:
                state = self.readyz().body if self.running else "ended"
                self.process.kill()
                raise TooLate(f"{failure}; {state}\n{self.log_text()[-3000:]}") from failure
            except RuntimeError:
                if "in use" not in self.log_text():
                    raise
        raise OSError("no free ports for cqrsd")

    def choose_addresses(self):
        self.address = f"127.0.0.1:{processes.free_port()}"
        self.admin_address = self.options.get("admin_listen",
                                              f"127.0.0.1:{processes.free_port()}")
        self.client = Client(self.address)
        self.client.on_answer = self.compare
        self.admin = Client(self.admin_address.split("?")[0], timeout_s=10)

    def launch(self):
        """Start it once more where it was, and wait for nothing."""
        assert not self.running
        listens = [self.address, *self.options.get("listen", [])]
        line = [binary(), "serve", *flags({**self.options, "listen": listens,
                                           "admin_listen": self.admin_address})]
        if shutil.which("setpriv"):
            line = ["setpriv", "--pdeathsig=KILL", "--", *line]
        with open(self.log_path, "wb") as log:
            self.process = subprocess.Popen(
                line, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                env=environment(self.directory, self.env), start_new_session=True)

    def reached(self, wait):
        """Is it there by now, as start() names it?"""
        if not self.running:
            raise RuntimeError(f"cqrsd ended with {self.process.returncode}:\n{self.log_text()}")
        try:
            if wait == "alive":
                return self.admin.get("/livez").status == 200
            state = self.readyz().json
        except OSError:
            return False
        return state["commands"] and (wait == "commands" or all(
            node["in_rotation"] or node["role"] == "primary" for node in state["nodes"]))

    @property
    def running(self):
        return self.process is not None and self.process.poll() is None

    @property
    def pid(self):
        return self.process.pid

    def terminate(self):
        processes.send(self.pid, signal.SIGTERM)

    def interrupt(self):
        processes.send(self.pid, signal.SIGINT)

    def hup(self):
        processes.send(self.pid, signal.SIGHUP)

    def kill9(self):
        processes.send(self.pid, signal.SIGKILL)
        self.process.wait(STOP_DEADLINE_S)

    def wait(self, deadline_s=STOP_DEADLINE_S):
        """The exit code, once it has ended."""
        try:
            return self.process.wait(slowly(deadline_s))
        except subprocess.TimeoutExpired:
            raise TooLate(f"cqrsd has not ended in {slowly(deadline_s)} s:\n"
                          f"{self.log_text()[-3000:]}") from None

    def close(self):
        """Stop in order and check that it was: exit 0, and nothing a sanitizer would report."""
        if not self.directory.exists():
            return
        try:
            if self.running:
                self.terminate()
            status = self.wait()
            assert_no_reports(self.directory, self.pid)
            assert status in (0, -signal.SIGKILL), \
                f"cqrsd ended with {status}:\n{self.log_text()[-3000:]}"
            assert not self.broken, "not as the document says:\n" + "\n".join(self.broken[:20])
        finally:
            self.discard()

    def discard(self):
        """End it whatever it does, and remove its files; close() has nothing to check then."""
        if self.running:
            self.kill9()
        shutil.rmtree(self.directory, ignore_errors=True)

    # Asking

    def compare(self, method, target, answer):
        if self.promises:
            self.broken += self.promises.broken(method, target, answer)

    def command(self, name, /, **arguments) -> Answer:
        return self.client.command(name, **arguments)

    def query(self, name, /, **arguments) -> Answer:
        return self.client.query(name, **arguments)

    def get(self, target, headers=None):
        return self.client.get(target, headers)

    def post(self, target, body=None, headers=None):
        return self.client.post(target, body, headers)

    def raw(self, timeout_s=10, source=None):
        return Raw(self.address, timeout_s, source)

    def readyz(self):
        return self.admin.get("/readyz")

    def node(self, address):
        """What /readyz tells of a node."""
        return next(node for node in self.readyz().json["nodes"] if node["node"] == address)

    # Looking into it

    def log_text(self):
        return self.log_path.read_text(errors="replace") if self.log_path.exists() else ""

    def log_lines(self):
        """Every line of the log, parsed; a line that is no JSON is a failed expectation."""
        return [json.loads(line) for line in self.log_text().splitlines()]

    def metrics(self):
        return Metrics(self.admin.get("/metrics").body.decode())

    def fds(self):
        return len(os.listdir(f"/proc/{self.pid}/fd"))

    def limit_fds(self, more):
        """Takes all but so many free descriptors away; gives back the limits before. What counts is
        the number of a descriptor, and there may be gaps."""
        before = resource.prlimit(self.pid, resource.RLIMIT_NOFILE)
        taken = {int(name) for name in os.listdir(f"/proc/{self.pid}/fd")}
        free = [number for number in range(len(taken) + more) if number not in taken]
        resource.prlimit(self.pid, resource.RLIMIT_NOFILE, (free[more - 1] + 1, before[1]))
        return before

    def rss(self):
        """Resident memory in bytes."""
        status = pathlib.Path(f"/proc/{self.pid}/status").read_text(encoding="utf-8")
        return int(re.search(r"VmRSS:\s+(\d+) kB", status)[1]) * 1024


class Metrics:
    """One scrape: samples by name and labels."""

    LINE = re.compile(r"^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)$")
    LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')

    def __init__(self, text):
        self.text = text
        self.samples = []
        for line in text.splitlines():
            if line and not line.startswith("#"):
                found = self.LINE.match(line)
                assert found, f"not a metric: {line!r}"
                labels = dict(self.LABEL.findall(found[2] or ""))
                self.samples.append((found[1], labels, float(found[3])))

    def values(self, name, /, **labels):
        """The samples of a name whose labels match, as (labels, value)."""
        return [(found, value) for sample, found, value in self.samples
                if sample == name and all(found.get(k) == v for k, v in labels.items())]

    def sum(self, name, /, **labels):
        return sum(value for _, value in self.values(name, **labels))
