"""Three PostgreSQL nodes under Debian's Patroni, with one etcd, all on loopback."""

import contextlib
import http.client
import json
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile

from . import processes
from .cluster import find_bindir
from .node import as_server_user, server_user
from .until import until

TTL_S, LOOP_WAIT_S = 20, 1  # the least ttl that Patroni takes
CONFIG = """
scope: cqrsd
name: {name}
restapi: {{listen: "127.0.0.1:{rest}", connect_address: "127.0.0.1:{rest}"}}
etcd3: {{host: "127.0.0.1:{etcd}"}}
bootstrap:
  dcs:
    ttl: {ttl}
    loop_wait: {loop_wait}
    retry_timeout: 3
    maximum_lag_on_failover: 16777216
    postgresql: {{use_pg_rewind: true, use_slots: true}}
  initdb: [{{encoding: UTF8}}, {{locale: C}}, no-sync, {{auth-host: trust}}, {{auth-local: trust}}]
postgresql:
  listen: "127.0.0.1:{port}"
  connect_address: "127.0.0.1:{port}"
  data_dir: {data}
  bin_dir: {bindir}
  pgpass: {folder}/pgpass-{name}
  pg_hba: ["local all all trust", "host all all 127.0.0.1/32 trust",
           "host replication all 127.0.0.1/32 trust"]
  authentication:
    superuser: {{username: postgres}}
    replication: {{username: postgres}}
    rewind: {{username: postgres}}
  parameters:
    unix_socket_directories: {folder}
    fsync: "off"
    shared_buffers: 64MB
    dynamic_shared_memory_type: mmap
    wal_retrieve_retry_interval: 100ms
"""


class Member:
    """One node: Patroni, and the PostgreSQL that it runs."""

    def __init__(self, cluster, name):
        self.cluster = cluster
        self.name = name
        self.port, self.rest = processes.free_port(), processes.free_port()
        self.data = cluster.directory / name
        self.log = cluster.directory / f"{name}.log"
        self.process = None
        self.config = cluster.directory / f"{name}.yml"
        self.config.write_text(CONFIG.format(
            name=name, rest=self.rest, etcd=cluster.etcd_port, ttl=TTL_S, loop_wait=LOOP_WAIT_S,
            port=self.port, data=self.data, bindir=cluster.bindir, folder=cluster.directory),
            encoding="utf-8")
        self.config.chmod(0o644)

    @property
    def conninfo(self):
        return f"postgresql://postgres@127.0.0.1:{self.port}/postgres"

    def start(self):
        assert not self.process
        self.process = self.cluster.run(["patroni", self.config], self.log)

    def start_postgres(self):
        """Only PostgreSQL, as what it was when it ended; Patroni finds it running."""
        self.cluster.tool("pg_ctl", "-D", self.data, "-w", "-l", f"{self.log}.postgres",
                          "-o", f"-p {self.port} -c listen_addresses=127.0.0.1", "start")

    def postgres_pid(self):
        with contextlib.suppress(OSError, ValueError, IndexError):
            return int((self.data / "postmaster.pid").read_text().splitlines()[0])
        return None

    def pids(self):
        """Patroni, the postmaster and its children, held still."""
        pids = []
        for parent in (self.process and self.process.pid, self.postgres_pid()):
            if parent and processes.alive(parent):
                pids += processes.family(parent)
        return pids

    def freeze(self):
        for pid in self.pids():
            processes.send(pid, signal.SIGSTOP)

    def thaw(self):
        for pid in self.pids():
            processes.send(pid, signal.SIGCONT)

    def kill(self):
        """As when the machine loses its power."""
        pids = self.pids()
        for pid in pids:
            processes.send(pid, signal.SIGKILL)
        if self.process:
            self.process.wait()
        self.process = None
        until(lambda: not any(processes.alive(pid) for pid in pids), f"{self.name} to end")

    def forget(self):
        """The machine comes back empty."""
        shutil.rmtree(self.data, ignore_errors=True)

    def ask(self, method, path, body=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.rest, timeout=10)
        try:
            connection.request(method, path, body and json.dumps(body))
            answer = connection.getresponse()
            return answer.status, answer.read().decode(errors="replace")
        finally:
            connection.close()

    def pause(self, paused):
        status, text = self.ask("PATCH", "/config", {"pause": paused or None})
        assert status == 200, text

    def state(self):
        with contextlib.suppress(OSError, ValueError):
            return json.loads(self.ask("GET", "/patroni")[1])
        return {}

    def sql(self, statement):
        line = [self.cluster.bindir / "psql", "-XAtq", "-d", self.conninfo, "-c", statement]
        done = subprocess.run([str(part) for part in line], capture_output=True, text=True,
                              check=True, timeout=30)
        return done.stdout.strip()


class PatroniCluster:
    """destroy() ends all of it and removes its files."""

    def __init__(self):
        self.bindir = find_bindir()
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="cqrsd-", dir="/tmp"))
        if server_user():
            shutil.chown(self.directory, server_user())
        self.etcd_port = processes.free_port()
        peer = processes.free_port()
        self.members = []
        self.etcd = self.run(
            ["etcd", "--data-dir", self.directory / "etcd", "--unsafe-no-fsync",
             "--listen-client-urls", f"http://127.0.0.1:{self.etcd_port}",
             "--advertise-client-urls", f"http://127.0.0.1:{self.etcd_port}",
             "--listen-peer-urls", f"http://127.0.0.1:{peer}",
             "--initial-advertise-peer-urls", f"http://127.0.0.1:{peer}",
             "--initial-cluster", f"default=http://127.0.0.1:{peer}"], self.directory / "etcd.log")
        for name in ("p", "r1", "r2"):
            self.members.append(Member(self, name))
        self.members[0].start()
        until(lambda: self.leader() is self.members[0], "the first leader", 90)
        for member in self.members[1:]:
            member.start()
        self.wait_healthy()

    def run(self, command, log):
        environment = {name: value for name, value in os.environ.items()
                       if not name.startswith(("PG", "PATRONI"))}
        with open(log, "ab") as out:
            return subprocess.Popen(
                as_server_user(command, ends_with_us=True), stdin=subprocess.DEVNULL, stdout=out,
                stderr=out, cwd="/", start_new_session=True, env={**environment, "LC_ALL": "C"})

    def tool(self, name, *arguments):
        done = subprocess.run(as_server_user([self.bindir / name, *arguments]), cwd="/",
                              stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL, check=False)
        assert done.returncode == 0, f"{name} failed"

    def leader(self):
        """The member that runs as primary and holds the lock, by Patroni's word."""
        for member in self.members:
            if member.process and member.state().get("role") in ("master", "primary") and \
                    member.ask("GET", "/leader")[0] == 200:
                return member
        return None

    def healthy(self):
        leader = self.leader()
        if not leader:
            return None
        timeline = leader.state().get("timeline")
        streaming = leader.sql("SELECT count(*) FROM pg_stat_replication WHERE state='streaming'")
        same = all(member.state().get("timeline") == timeline for member in self.members)
        return leader if same and int(streaming) == len(self.members) - 1 else None

    def wait_healthy(self):
        return until(self.healthy, "one leader and two standbys that stream", 120, 0.2)

    def destroy(self):
        for member in self.members:
            member.kill()
        self.etcd.kill()
        self.etcd.wait()
        shutil.rmtree(self.directory, ignore_errors=True)
