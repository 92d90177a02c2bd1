"""What processes use: CPU, memory, system calls. By process id, from /proc and strace."""

import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests"))

from harness import processes  # noqa: E402
from harness.until import until  # noqa: E402

TICKS_PER_S = os.sysconf("SC_CLK_TCK")


def ticks(pid, with_ended_children=False):
    """(user, system) of a process so far, in ticks."""
    try:
        text = pathlib.Path(f"/proc/{pid}/stat").read_text(encoding="latin-1")
    except (FileNotFoundError, ProcessLookupError):
        return 0, 0
    fields = [int(field) for field in text.rpartition(")")[2].split()[11:15]]
    if with_ended_children:
        return fields[0] + fields[2], fields[1] + fields[3]
    return fields[0], fields[1]


def family_ticks(pid):
    """(user, system) of a server and all children it ever had, each counted once."""
    while True:
        before = ticks(pid, True), processes.children(pid, with_zombies=True)
        alive = [ticks(child) for child in before[1]]
        if (ticks(pid, True), processes.children(pid, with_zombies=True)) == before:
            return tuple(before[0][i] + sum(pair[i] for pair in alive) for i in range(2))


class Cpu:
    """CPU of named processes over a stretch: families are servers with their children."""

    def __init__(self, singles, families):
        self.singles = singles
        self.families = families
        self.before = self._now()

    def _now(self):
        found = {name: ticks(pid) for name, pid in self.singles.items()}
        for name, pids in self.families.items():
            both = [family_ticks(pid) for pid in pids]
            found[name] = tuple(sum(pair[i] for pair in both) for i in range(2))
        return found

    def per_request_us(self, requests):
        """{name: (user, system)} in microseconds for each of so many requests."""
        now = self._now()
        return {name: tuple((now[name][i] - self.before[name][i]) * 1e6 / TICKS_PER_S / requests
                            for i in range(2)) for name in now}


def rss_kb(pid):
    status = pathlib.Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    return int(re.search(r"VmRSS:\s+(\d+) kB", status)[1])


class Syscalls:
    """Counts the system calls of a process and its threads between start and stop."""

    def __init__(self, pid):
        self.file = tempfile.NamedTemporaryFile("r", suffix=".strace")
        self.process = subprocess.Popen(
            ["strace", "-c", "-f", "-qq", "-o", self.file.name, "-p", str(pid)],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        until(lambda: self.process.poll() is not None or self._attached(pid), "strace", 10)

    @staticmethod
    def _attached(pid):
        for task in os.listdir(f"/proc/{pid}/task"):
            status = pathlib.Path(f"/proc/{pid}/task/{task}/status").read_text(encoding="utf-8")
            if re.search(r"TracerPid:\s+0\b", status):
                return False
        return True

    def stop(self):
        """{name: count}; empty when strace may not attach."""
        processes.send(self.process.pid, signal.SIGINT)
        self.process.communicate(timeout=30)
        with self.file:
            text = self.file.read()
        counts = {}
        for line in text.splitlines():
            found = re.match(r"\s*[\d.]+\s+[\d.]+\s+\d+\s+(\d+)\s+(?:\d+\s+)?(\w+)$", line)
            if found and found[2] != "total":
                counts[found[2]] = int(found[1])
        return counts

    @staticmethod
    def possible():
        return shutil.which("strace") is not None
