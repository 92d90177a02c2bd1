"""Processes by id: who is alive, who descends from whom, and ending them. Standard library only."""

import os
import random
import signal
import socket

from .until import until


def waits_for_no_core():
    """The calling process measures: were it to wait for a core, that would be measured. False: it
    may not go in real time."""
    try:
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1))
    except OSError:
        return False
    return True


def alive(pid):
    """True while the process runs; a zombie has ended."""
    try:
        with open(f"/proc/{pid}/stat", encoding="latin-1") as stat:
            return stat.read().rpartition(")")[2].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False


def children(parent, with_zombies=False):
    """Ids of the direct children of a process: the living ones, or all that it has not reaped."""
    found = []
    for name in os.listdir("/proc"):
        if not name.isdigit():
            continue
        try:
            with open(f"/proc/{name}/stat", encoding="latin-1") as stat:
                state, ppid = stat.read().rpartition(")")[2].split()[:2]
        except (FileNotFoundError, ProcessLookupError):
            continue
        if int(ppid) == parent and (with_zombies or state not in "ZX"):
            found.append(int(name))
    return found


def send(pid, signum):
    """Signal one process; one that has ended already is no trouble."""
    try:
        os.kill(pid, signum)
    except ProcessLookupError:
        pass


def command_line(pid):
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as cmdline:
            return cmdline.read().replace(b"\0", b" ").decode(errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return ""


def family(parent):
    """A process held still and all of its direct children: nobody can be born meanwhile."""
    send(parent, signal.SIGSTOP)
    return [parent, *children(parent)]


def end_family(parent, deadline_s=10):
    """kill -9 of a process and its children, and wait until all are gone."""
    pids = family(parent)
    for pid in pids:
        send(pid, signal.SIGKILL)
    until(lambda: not any(alive(pid) for pid in pids[1:]), f"the children of {parent} to end",
          deadline_s)


_handed_out = set()


def own_ports():
    """The ports of this process. Workers of pytest-xdist (gw0, gw1 …) share none: what one of them
    has stopped for a while, another does not know of."""
    number = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0")[2:])
    count = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    return range(20000 + number, 32000, count)


def free_port(preferred=None):
    """A free loopback port below the range from which outgoing connections take theirs.

    So that a node which is down for a while finds its port again when it comes back.
    """
    candidates = [preferred] if preferred else []
    candidates += random.sample(own_ports(), 200)
    for port in candidates:
        if port in _handed_out:
            continue
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        _handed_out.add(port)
        return port
    raise OSError("no free port on 127.0.0.1")
