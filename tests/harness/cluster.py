"""A throwaway PostgreSQL cluster: one primary and N streaming replicas on loopback.

Needs the standard library and the PostgreSQL binaries only (PG_BINDIR picks them). Servers never
run as root: started by root, they run as user postgres. Every server ends with the thread that
started it, so that not even a killed test run leaves one behind.
"""

import os
import pathlib
import pwd
import secrets
import shutil
import subprocess
import tempfile

from . import processes
from .node import Node, as_server_user, server_user

SOCKET_PATH_MAX = 100
SETTINGS = {
    "wal_level": "replica",
    "hot_standby": "on",
    "max_connections": 200,
    "max_wal_senders": 10,
    "max_replication_slots": 10,
    "max_slot_wal_keep_size": "4GB",
    "wal_receiver_status_interval": "1s",
    "wal_retrieve_retry_interval": "100ms",
    "wal_receiver_timeout": "10s",
    "shared_buffers": "64MB",
    "max_wal_size": "2GB",
    "dynamic_shared_memory_type": "mmap",
    "listen_addresses": "'127.0.0.1'",
    "log_line_prefix": "'%m [%p] %a '",
    "logging_collector": "off",
}


def find_bindir():
    """The folder of the server binaries: PG_BINDIR, else the highest version installed."""
    chosen = os.environ.get("PG_BINDIR")
    if chosen:
        if not (pathlib.Path(chosen) / "initdb").exists():
            raise FileNotFoundError(f"PG_BINDIR={chosen} holds no initdb")
        return pathlib.Path(chosen)
    found = [path for path in pathlib.Path("/usr/lib/postgresql").glob("*/bin")
             if (path / "initdb").exists() and path.parent.name.isdigit()]
    if not found:
        raise FileNotFoundError("no PostgreSQL server under /usr/lib/postgresql; set PG_BINDIR")
    return max(found, key=lambda path: int(path.parent.name))


class Cluster:
    """A primary and its replicas under one folder, gone without a trace after destroy()."""

    def __init__(self, directory=None, database="shop", auth="trust", fsync=False,
                 settings=None, say=None, wal_segment_mb=16):
        self.say = say or (lambda text: None)
        self.bindir = find_bindir()
        self.database = database
        self.wal_segment_mb = wal_segment_mb
        self.password = secrets.token_urlsafe(18) if auth == "scram" else ""
        self.settings = {**SETTINGS, "fsync": "on" if fsync else "off", **(settings or {})}
        self.nodes = []
        self.sockets = None
        self.directory = self._own_directory(directory)
        self.sockets = self._socket_directory()

    @classmethod
    def create(cls, replicas=2, **options):
        """A running cluster; when anything fails on the way nothing stays behind."""
        cluster = cls(**options)
        try:
            cluster.create_primary()
            for _ in range(replicas):
                cluster.create_replica()
        except BaseException:
            cluster.destroy()
            raise
        return cluster

    @property
    def primary(self):
        """The node that was created as primary."""
        return self.nodes[0]

    def replica(self, number):
        """The replicas count from 1."""
        assert number >= 1
        return self.nodes[number]

    @property
    def replicas(self):
        return self.nodes[1:]

    # Creation

    def create_primary(self):
        node = Node(self, "primary", processes.free_port())
        self.say("creating the primary")
        initdb = [self.bindir / "initdb", "-D", node.data, "-U", "postgres", "-E", "UTF8",
                  "--locale=C", "--no-sync", "--auth-local=trust",
                  f"--wal-segsize={self.wal_segment_mb}"]
        if self.password:
            password_file = self.directory / "password"
            self._write(password_file, self.password + "\n")
            initdb += ["--auth-host=scram-sha-256", f"--pwfile={password_file}"]
        else:
            initdb += ["--auth-host=trust"]
        self._run(initdb)
        lines = [f"{name} = {value}\n" for name, value in self.settings.items()]
        lines.append(f"unix_socket_directories = '{self.sockets}'\n")
        with open(node.data / "postgresql.conf", "a", encoding="utf-8") as configuration:
            configuration.writelines(lines)
        self._start(node)
        if self.database != "postgres":
            self._run([self.bindir / "createdb", "-h", self.sockets, "-p", node.port,
                       "-U", "postgres", self.database])
        return node

    def create_replica(self):
        number = len(self.nodes)
        node = Node(self, f"replica{number}", processes.free_port())
        self.say(f"creating replica {number}")
        source = self.replication_conninfo(self.primary, node.name)
        self._run([self.bindir / "pg_basebackup", "-D", node.data, "-d", source, "-R", "-C",
                   "-S", node.name, "-X", "stream", "--checkpoint=fast", "--no-sync"])
        with open(node.data / "postgresql.auto.conf", "a", encoding="utf-8") as configuration:
            configuration.write(f"primary_conninfo = '{source}'\n")
        self._start(node)
        return node

    def clone(self, node, primary):
        """Make the node's data a copy of the primary's, to stream from it without a slot."""
        shutil.rmtree(node.data, ignore_errors=True)
        source = self.replication_conninfo(primary, node.name)
        self._run([self.bindir / "pg_basebackup", "-D", node.data, "-d", source, "-R",
                   "-X", "stream", "--checkpoint=fast", "--no-sync"])
        with open(node.data / "postgresql.auto.conf", "a", encoding="utf-8") as configuration:
            configuration.write(f"primary_conninfo = '{source}'\nprimary_slot_name = ''\n")

    def replication_conninfo(self, primary, name):
        password = f" password={self.password}" if self.password else ""
        return (f"host=127.0.0.1 port={primary.port} user=postgres{password} "
                f"application_name={name}")

    def wait_until_replayed(self, deadline_s=60):
        """Until every running replica has what the primary has now.

        The flush position of a quiet primary may stand amid a record, where no replica gets to
        before the next commit: hence a commit of nothing.
        """
        self.primary.sql("SELECT pg_logical_emit_message(true, 'harness', '')")
        lsn = self.primary.flush_lsn()
        for replica in self.replicas:
            if replica.running:
                replica.wait_until_replayed(lsn, deadline_s)

    def restore(self):
        """Back to health: every node up, nothing paused, nothing delayed, nobody behind."""
        disturbed = [node for node in self.nodes if node.disturbed]
        for node in disturbed:
            node.sigcont()
            if not node.running:
                node.start()
        for node in disturbed:
            if node is not self.primary:
                node.set(recovery_min_apply_delay="0")
                node.resume_replay()
        if disturbed:
            self.wait_until_replayed()
        for node in disturbed:
            node.disturbed = False

    # The end

    def stop(self, mode="fast"):
        for node in reversed(self.nodes):
            node.stop(mode)

    def destroy(self):
        """End every server by its id and remove every file."""
        for node in reversed(self.nodes):
            node.stop("immediate")
            node.forget_shared_memory()
        if self.sockets and self.sockets != self.directory:
            shutil.rmtree(self.sockets, ignore_errors=True)
        shutil.rmtree(self.directory, ignore_errors=True)

    # Helpers

    def _start(self, node):
        """Start a new node; when somebody took its port meanwhile, on another one."""
        self.nodes.append(node)
        for _ in range(5):
            try:
                node.start()
                return
            except RuntimeError:
                if "Address already in use" not in node.log_tail():
                    raise
                node.log.unlink()
                node.port = processes.free_port()
        raise OSError(f"no free port for {node.name}")

    def _own_directory(self, wanted):
        """A folder that the server user can reach; a clone may sit where it cannot."""
        if wanted is not None:
            directory = pathlib.Path(wanted).absolute()
            directory.mkdir(parents=True, exist_ok=True)
            if self._usable(directory):
                return directory
            shutil.rmtree(directory, ignore_errors=True)
        directory = pathlib.Path(tempfile.mkdtemp(prefix="cqrsd-", dir="/tmp"))
        if wanted is not None:
            self.say(f"user {server_user()} cannot reach {wanted}: the cluster lives in "
                     f"{directory}")
        if not self._usable(directory):
            raise PermissionError(f"the server user cannot write to {directory}")
        return directory

    @staticmethod
    def _usable(directory):
        directory.chmod(0o700)
        if server_user():
            shutil.chown(directory, server_user(), pwd.getpwnam(server_user()).pw_gid)
        test = as_server_user(["test", "-w", directory])
        return subprocess.run(test, check=False, cwd="/").returncode == 0

    def _socket_directory(self):
        if len(f"{self.directory}/.s.PGSQL.65535") <= SOCKET_PATH_MAX:
            return self.directory
        directory = pathlib.Path(tempfile.mkdtemp(prefix="cqrsd-", dir="/tmp"))
        self._usable(directory)
        return directory

    def chown(self, path):
        """Hand a file over to the user under whom the servers run."""
        if server_user():
            shutil.chown(path, server_user())

    def _write(self, path, text):
        path.write_text(text, encoding="utf-8")
        path.chmod(0o600)
        self.chown(path)

    def _run(self, command):
        """Run a PostgreSQL tool as the server user."""
        environment = {name: value for name, value in os.environ.items()
                       if not name.startswith("PG")}
        done = subprocess.run(as_server_user(command), capture_output=True, text=True,
                              check=False, cwd="/", env={**environment, "LC_ALL": "C"})
        if done.returncode != 0:
            tool = pathlib.Path(str(command[0])).name
            raise RuntimeError(f"{tool} failed:\n{done.stderr.strip()}")
