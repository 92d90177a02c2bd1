"""Rows of memory and system calls: at rest, idle connections, large results."""

import http.client
import json
import os
import socket
import statistics
import subprocess
import time
import zlib

from latency import loadgen_line, quick
from stage import LOADGEN, NotRun
from usage import Syscalls, rss_kb

IDLE = 15000
WIDE_ROWS = 200000
READ_BYTES_PER_S = 1 << 20
SYSCALL_REQUESTS = 20000


def sampled(process, sample, every_s=0.1):
    """The samples taken while a process runs."""
    found = []
    while process.poll() is None:
        found.append(sample())
        time.sleep(every_s)
    return found


def idle(stage, result):
    service = stage.serve()
    rest_kb = rss_kb(service.pid)
    rest = result.side("process at rest", [stage.serve_line()], "MB")
    rest.values.append(rest_kb / 1024)
    # In turn: each of them has asked, and rests for seconds before it asks again.
    arguments = ["--get", quick(stage), "--connections", str(IDLE), "--rate", "3000",
                 "--schedule", "constant", "--warmup", "0", "--seconds", "10"]
    with subprocess.Popen([LOADGEN, "--to", service.address, *arguments], text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        seen = sampled(process, lambda: (service.fds(), rss_kb(service.pid)))
        _, complaint = process.communicate()
    if process.returncode:
        raise NotRun(complaint.strip())
    full = [kb for fds, kb in seen if fds >= IDLE]
    if not full:
        raise NotRun(f"{max(fds for fds, _ in seen)} descriptors were the most; is ulimit -n "
                     f"{os.sysconf('SC_OPEN_MAX')}?")
    side = result.side(f"with {IDLE} connections", loadgen_line(*arguments), "MB")
    side.values += [kb / 1024 for kb in (min(full), statistics.median(full), max(full))]
    result.check("process at rest", rest_kb / 1024, "MB", ("<=", 25))
    result.check("memory per idle connection", (max(full) - rest_kb) / IDLE, "KB", ("<=", 9))
    result.remarks.append("resident memory of the process; the kernel adds about 4.5 KB per socket")
    stage.stop(service)


class SlowReader:
    """Asks for a large result and reads it at so many bytes a second."""

    def __init__(self, address, target):
        host, _, port = address.rpartition(":")
        self.socket = socket.socket()
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        self.socket.settimeout(30)
        self.socket.connect((host, int(port)))
        self.socket.sendall(f"GET {target} HTTP/1.1\r\nHost: {address}\r\n\r\n".encode())
        self.began = time.monotonic()
        head = self.socket.recv(4096)
        self.status = int(head.split(b" ")[1]) if head else 0
        self.told = head.decode("latin-1")
        self.bytes = len(head)

    def keep_up(self):
        """Reads what is due by now."""
        due = int((time.monotonic() - self.began) * READ_BYTES_PER_S)
        while self.bytes < due:
            piece = self.socket.recv(min(65536, due - self.bytes))
            if not piece:
                return False
            self.bytes += len(piece)
        return True

    def close(self):
        self.socket.close()


def stream(stage, result):
    service = stage.serve(pool_conns=8)
    arguments = ["--get", quick(stage), "--rate", str(stage.given.rate or 500)]
    seconds = max(10, 2 * stage.given.seconds)
    before = stage.loadgen(service.address, *arguments)["classes"][0]["answered_us"]["p99"]
    rest_kb = rss_kb(service.pid)
    try:
        reader = SlowReader(service.address, f"/v1/queries/wide?rows={WIDE_ROWS}")
    except OSError as failure:
        raise NotRun(f"no reply to a result of 200 MB: {failure}") from failure
    try:
        if reader.status != 200:
            code = reader.told.partition('"code":"')[2].partition('"')[0]
            raise NotRun(f"a result of 200 MB is answered {reader.status} {code}")
        with subprocess.Popen([LOADGEN, "--to", service.address, "--json", "--seconds",
                               str(seconds), *arguments], text=True, stdout=subprocess.PIPE) as one:
            seen = sampled(one, lambda: (reader.keep_up(), rss_kb(service.pid)), 0.02)
            document = one.communicate()[0]
    finally:
        reader.close()
    p99 = json.loads(document)["classes"][0]["answered_us"]["p99"]
    result.side("p99 of others before", loadgen_line(*arguments), "ms").values.append(before / 1000)
    result.side("p99 of others beside it", ["the same, and a client that reads 1 MB/s of "
                f"/v1/queries/wide?rows={WIDE_ROWS}"], "ms").values.append(p99 / 1000)
    result.check("read meanwhile", reader.bytes / (1 << 20), "MB")
    result.check("growth of the process", (max(kb for _, kb in seen) - rest_kb) / 1024, "MB",
                 ("<=", 8))
    if not all(going for going, _ in seen):
        result.remarks.append("the stream ended before the reader did")
    stage.stop(service)


def gzip_stream(stage, result):
    """200 MB to a client that asks for gzip and reads as fast as it comes."""
    service = stage.serve(pool_conns=8)
    target, asked = f"/v1/queries/wide?rows={WIDE_ROWS}", {"Accept-Encoding": "gzip"}
    assert service.get("/v1/queries/wide?rows=200", asked).status == 200
    rest_kb, seen = rss_kb(service.pid), []
    inflate, plain, sent, began = zlib.decompressobj(31), 0, 0, time.monotonic()
    connection = http.client.HTTPConnection(service.address, timeout=60)
    try:
        connection.request("GET", target, headers=asked)
        reply = connection.getresponse()
        while piece := reply.read(65536):
            sent += len(piece)
            plain += len(inflate.decompress(piece))
            seen.append(rss_kb(service.pid))
    finally:
        connection.close()
    side = result.side("the result as JSON", [stage.serve_line(pool_conns=8), "under",
                       f"curl --compressed {target}"], "MB/s")
    side.values.append(plain / (1 << 20) / (time.monotonic() - began))
    result.check("the result as JSON", plain / (1 << 20), "MB", (">=", 190))
    result.check("as gzip", sent / (1 << 20), "MB")
    result.check("growth of the process", (max(seen) - rest_kb) / 1024, "MB", ("<=", 8))
    result.check("growth afterwards", (rss_kb(service.pid) - rest_kb) / 1024, "MB")
    stage.stop(service)


def syscalls(stage, result):
    """Fixed numbers of requests; counts do not depend on how fast the machine is."""
    if not Syscalls.possible():
        raise NotRun("strace is not installed: deploy/install-packages bench")
    service = stage.serve()
    for connections in (1, 64):
        requests = SYSCALL_REQUESTS // (10 if connections == 1 else 1)
        arguments = ["--get", quick(stage), "--connections", str(connections), "--warmup", "0",
                     "--seconds", "60", "--requests", str(requests)]
        stage.loadgen(service.address, *arguments, seconds=60)
        counting = Syscalls(service.pid)
        stage.loadgen(service.address, *arguments, seconds=60)
        counts = counting.stop()
        if not counts:
            raise NotRun("strace may not attach here")
        result.check(f"system calls per read, {connections} clients",
                     sum(counts.values()) / requests)
        result.remarks.append(f"{connections} clients, per read: " + ", ".join(
            f"{name} {count / requests:.2f}" for name, count in
            sorted(counts.items(), key=lambda item: -item[1]) if count / requests >= 0.005))
    stage.stop(service)
