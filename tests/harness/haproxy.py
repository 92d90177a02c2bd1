"""Debian's HAProxy in front of several services, as docs/deploying.md configures it."""

import csv
import io
import pathlib
import shutil
import socket
import subprocess
import tempfile

from . import processes
from .until import until

# conn-failure is what HAProxy retries by itself: the request has not been sent then. Whatever
# happens to a request that was sent reaches the client.
CONFIG = """
global
    stats socket {folder}/stats level admin
    maxconn 2000
defaults
    mode http
    timeout connect 2s
    timeout client 60s
    timeout server 60s
    retries 3
    retry-on conn-failure
    option redispatch 1
    option http-keep-alive
frontend api
    bind {address}
    default_backend cqrsd
backend cqrsd
    balance roundrobin
    option httpchk
    http-check send meth GET uri /readyz ver HTTP/1.1 hdr Host localhost
    http-check expect status 200
    default-server check inter 100ms fall 1 rise 1
{servers}
"""


class HAProxy:
    """Ask address; close() ends it."""

    def __init__(self, services):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="cqrsd-"))
        self.address = f"127.0.0.1:{processes.free_port()}"
        self.log_path = self.directory / "log"
        servers = "\n".join(
            f"    server s{number} {service.address} port {service.admin_address.split(':')[1]}"
            for number, service in enumerate(services))
        config = self.directory / "haproxy.cfg"
        config.write_text(CONFIG.format(folder=self.directory, address=self.address,
                                        servers=servers), encoding="utf-8")
        line = [shutil.which("haproxy") or "/usr/sbin/haproxy", "-db", "-f", str(config)]
        if shutil.which("setpriv"):
            line = ["setpriv", "--pdeathsig=KILL", "--", *line]
        with open(self.log_path, "wb") as log:
            self.process = subprocess.Popen(line, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        until(lambda: self.states() == ["UP"] * len(services), "HAProxy to see all services")

    def rows(self):
        """What it tells of each service."""
        with socket.socket(socket.AF_UNIX) as asked:
            asked.connect(str(self.directory / "stats"))
            asked.sendall(b"show stat\n")
            text = b"".join(iter(lambda: asked.recv(65536), b"")).decode()
        rows = csv.DictReader(io.StringIO(text.lstrip("# ")))
        return [row for row in rows if row["svname"].startswith("s") and row["type"] == "2"]

    def states(self):
        if self.process.poll() is not None:
            raise RuntimeError("haproxy ended:\n" + self.log_path.read_text(errors="replace"))
        try:
            return [row["status"] for row in self.rows()]
        except OSError:
            return []

    def close(self):
        self.process.kill()
        self.process.wait()
        shutil.rmtree(self.directory, ignore_errors=True)
