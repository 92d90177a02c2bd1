"""One PostgreSQL server of a throwaway cluster: its life, its replication, and SQL on it."""

import contextlib
import os
import pwd
import shutil
import signal
import subprocess

from . import processes
from .until import until


class SqlError(Exception):
    """What psql said when a statement failed."""


def server_user():
    """The name under which servers must run, or None for the one we run under."""
    if os.geteuid() != 0:
        return None
    try:
        return pwd.getpwnam("postgres").pw_name
    except KeyError:
        raise PermissionError("running as root, and there is no user postgres to run "
                              "PostgreSQL as") from None


def as_server_user(command, ends_with_us=False):
    """The command line that runs a command as the server user, never as root."""
    setpriv = []
    user = server_user()
    if user:
        setpriv += [f"--reuid={user}", f"--regid={pwd.getpwnam(user).pw_gid}", "--init-groups"]
    if ends_with_us:
        setpriv += ["--pdeathsig=INT"]
    prefix = ["setpriv", *setpriv, "--"] if setpriv and shutil.which("setpriv") else []
    if user and not prefix:
        prefix = ["runuser", "-u", user, "--"]
    return prefix + [str(part) for part in command]


class Node:
    """One PostgreSQL server."""

    def __init__(self, cluster, name, port):
        self.cluster = cluster
        self.name = name
        self.port = port
        self.data = cluster.directory / name
        self.log = cluster.directory / f"{name}.log"
        self.process = None
        self.disturbed = False

    def __repr__(self):
        return f"<{self.name} {self.address}>"

    # Addresses

    @property
    def address(self):
        """host:port, as cqrsd names the node."""
        return f"127.0.0.1:{self.port}"

    @property
    def conninfo(self):
        """URI of the database over loopback."""
        password = f":{self.cluster.password}" if self.cluster.password else ""
        return f"postgresql://postgres{password}@{self.address}/{self.cluster.database}"

    # Life and death

    def start(self, deadline_s=60, wait=True):
        """Start the server; with wait, until it accepts connections."""
        assert not self.running, f"{self.name} is running already"
        command = [self.cluster.bindir / "postgres", "-D", self.data, "-p", self.port]
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                as_server_user(command, ends_with_us=True), stdin=subprocess.DEVNULL,
                stdout=log, stderr=log, cwd="/", start_new_session=True)
        if wait:
            self.wait_until_ready(deadline_s)

    def wait_until_ready(self, deadline_s=60):
        def ready():
            if self.process.poll() is not None:
                raise RuntimeError(f"{self.name} ended while starting:\n{self.log_tail()}")
            return self._pid_line(7).strip() == "ready" and self._pid_line(0) == str(self.pid)
        until(ready, f"{self.name} to accept connections", deadline_s)

    @property
    def running(self):
        return self.process is not None and self.process.poll() is None

    @property
    def pid(self):
        return self.process.pid

    def stop(self, mode="fast", deadline_s=30):
        """Stop in order (smart, fast, immediate); one that does not end in time is killed."""
        self.disturbed = True
        if not self.running:
            return
        self.sigcont()
        signum = {"smart": signal.SIGTERM, "fast": signal.SIGINT, "immediate": signal.SIGQUIT}
        processes.send(self.pid, signum[mode])
        try:
            self.process.wait(deadline_s)
        except subprocess.TimeoutExpired:
            self.kill9()

    def kill9(self):
        """kill -9 of the postmaster and all of its children."""
        self.disturbed = True
        if self.running:
            processes.end_family(self.pid)
            self.process.wait()

    def restart(self, mode="fast"):
        self.stop(mode)
        self.start()

    def sigstop(self):
        """Freeze every process of the node: connections stay, nothing answers."""
        self.disturbed = True
        for pid in processes.family(self.pid):
            processes.send(pid, signal.SIGSTOP)

    def sigcont(self):
        if self.running:
            for pid in [*processes.children(self.pid), self.pid]:
                processes.send(pid, signal.SIGCONT)

    # Replication

    def pause_replay(self):
        """Hold the replica still, and wait until it stands."""
        self.disturbed = True
        self.sql("SELECT pg_wal_replay_pause()")
        until(lambda: self.sql("SELECT pg_get_wal_replay_pause_state()") == "paused",
              f"replay to pause on {self.name}")

    def resume_replay(self):
        self.sql("SELECT pg_wal_replay_resume()")

    def set_apply_delay(self, milliseconds):
        self.disturbed = True
        self.set(recovery_min_apply_delay=f"{int(milliseconds)}ms")

    def set(self, **settings):
        """Change server settings for good, and wait until every process was told of them."""
        loaded = "SELECT pg_conf_load_time()"
        before = self.sql(loaded)
        lines = [f"ALTER SYSTEM SET {name} = '{value}';" for name, value in settings.items()]
        self.sql("\n".join([*lines, "SELECT pg_reload_conf()"]))
        until(lambda: self.sql(loaded) != before, f"{self.name} to load its settings")

    def promote(self, deadline_s=30):
        """Make this replica a primary, and wait until it is one."""
        self.sql(f"SELECT pg_promote(true, {int(deadline_s)})")
        until(lambda: self.sql("SELECT pg_is_in_recovery()") == "f", f"{self.name} to be promoted")

    def follow(self, primary):
        """Stream from another node from now on."""
        self.set(primary_conninfo=self.cluster.replication_conninfo(primary, self.name),
                 primary_slot_name="")

    def flush_lsn(self):
        return self.sql("SELECT pg_current_wal_flush_lsn()")

    def replay_lsn(self):
        return self.sql("SELECT pg_last_wal_replay_lsn()")

    def wait_until_replayed(self, lsn, deadline_s=60):
        until(lambda: self.sql(f"SELECT pg_last_wal_replay_lsn() >= '{lsn}'") == "t",
              f"{self.name} to replay {lsn}", deadline_s)

    # SQL

    def sql(self, text):
        """Run statements through psql; the rows of all of them as text, columns parted by |."""
        done = self.psql(["-f", "-"], text)
        if done.returncode != 0:
            raise SqlError(f"{self.name}: {done.stderr.strip()}")
        return done.stdout.rstrip("\n")

    @contextlib.contextmanager
    def open_transaction(self, text):
        """A transaction that has run the statements and stays open; rolled back at the end. What
        it hands out runs more in it."""
        with subprocess.Popen(self._psql([]), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True) as process:
            def run(more):
                process.stdin.write(f"{more};\n\\echo it is open\n")
                process.stdin.flush()
                lines = []
                for line in iter(process.stdout.readline, ""):
                    lines.append(line)
                    if line.strip() == "it is open":
                        return
                raise SqlError(f"{self.name}: {''.join(lines).strip()}")

            run(f"BEGIN;\n{text}")
            try:
                yield run
            finally:
                process.stdin.close()
                process.wait()

    @contextlib.contextmanager
    def session(self):
        """A connection that stays: a function that runs a statement and hands back its first row.
        To ask often, as each sql() costs a process here and one in the server."""
        with subprocess.Popen(self._psql([]), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True) as process:
            def ask(text):
                process.stdin.write(f"{text};\n")
                process.stdin.flush()
                return process.stdout.readline().rstrip("\n")
            try:
                yield ask
            finally:
                process.stdin.close()

    def sql_file(self, path):
        done = self.psql(["-f", path])
        if done.returncode != 0:
            raise SqlError(f"{self.name}: {done.stderr.strip()}")

    def _psql(self, arguments):
        command = [self.cluster.bindir / "psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1",
                   "-h", self.cluster.sockets, "-p", self.port, "-U", "postgres",
                   "-d", self.cluster.database, *arguments]
        return [str(part) for part in command]

    def psql(self, arguments, text=None):
        environment = {name: value for name, value in os.environ.items()
                       if not name.startswith("PG") or name == "PG_BINDIR"}
        return subprocess.run(self._psql(arguments), input=text, text=True,
                              capture_output=True, check=False, env=environment)

    def log_tail(self, lines=20):
        with contextlib.suppress(FileNotFoundError):
            return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])
        return ""

    def _pid_line(self, number):
        """A line of postmaster.pid: 0 process id, 6 shared memory, 7 status."""
        try:
            return (self.data / "postmaster.pid").read_text().splitlines()[number]
        except (FileNotFoundError, IndexError):
            return ""

    def forget_shared_memory(self):
        """Remove the interlock segment that a killed postmaster left behind."""
        segment = self._pid_line(6).split()
        if len(segment) == 2 and not self.running:
            subprocess.run(["ipcrm", "-m", segment[1]], capture_output=True, check=False)
