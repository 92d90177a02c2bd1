"""A cluster, two instances of cqrsd and the one who promotes, each on a host of its own."""

import concurrent.futures
import pathlib
import re
import shutil
import subprocess
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from harness import processes, service  # noqa: E402
from harness.cluster import Cluster  # noqa: E402
from harness.forwarder import Forwarder  # noqa: E402
from harness.node import Node, as_server_user, server_user  # noqa: E402
from harness.service import Service  # noqa: E402
from harness.until import TooLate, until  # noqa: E402

from . import net  # noqa: E402

HERE = pathlib.Path(__file__).resolve().parent
DISK_BYTES = 768 << 20
TIMELINE_BACK_MS = 1000
SETTINGS = {
    "max_connections": 120, "shared_buffers": "32MB",
    "wal_receiver_timeout": "3s", "wal_sender_timeout": "3s", "wal_receiver_status_interval": "1s",
    "tcp_user_timeout": "4000", "max_wal_size": "256MB", "wal_log_hints": "on",
    "checkpoint_timeout": "30min", "wal_keep_size": "256MB", "max_slot_wal_keep_size": "-1",
    "authentication_timeout": "5s", "client_connection_check_interval": "1s",
}
FAKETIME = "/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1"


# What is started ends with the thread that started it: with this one, not with a lane of faults.
STARTER = concurrent.futures.ThreadPoolExecutor(1)


def start_process(line, **options):
    return STARTER.submit(subprocess.Popen, line, **options).result()


class HostedNode(Node):
    """A PostgreSQL server on a host of its own; psql reaches it by its socket."""

    def __init__(self, cluster, name, host):
        super().__init__(cluster, name, processes.free_port())
        self.host = host

    @property
    def address(self):
        return f"{self.host.address}:{self.port}"

    def start(self, deadline_s=60, wait=True):
        assert not self.running, f"{self.name} is running already"
        command = [self.cluster.bindir / "postgres", "-D", self.data, "-p", self.port,
                   "-h", self.host.address]
        with open(self.log, "ab") as log:
            self.process = start_process(
                [*self.host.enter, *as_server_user(command, ends_with_us=True)],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd="/", start_new_session=True)
        if wait:
            self.wait_until_ready(deadline_s)


class HostedCluster(Cluster):
    """One primary and replicas that stream without slots, so that anybody may follow anybody."""

    def __init__(self, network, **options):
        super().__init__(settings=SETTINGS, **options)
        self.disks = []
        self.network = network
        self.hosts = [network.host(f"n{number}") for number in range(3)]

    def create(self):
        primary = HostedNode(self, "n0", self.hosts[0])
        self._disk(primary)
        self._run([self.bindir / "initdb", "-D", primary.data, "-U", "postgres", "-E", "UTF8",
                   "--locale=C", "--no-sync", "--wal-segsize=1", "--auth-local=trust",
                   "--auth-host=trust"])
        with open(primary.data / "postgresql.conf", "a", encoding="utf-8") as file:
            file.writelines(f"{name} = {value}\n" for name, value in self.settings.items())
            file.write(f"unix_socket_directories = '{self.sockets}'\n")
        with open(primary.data / "pg_hba.conf", "a", encoding="utf-8") as file:
            file.writelines(f"host {database} all {net} trust\n" for database in
                            ("all", "replication") for net in ("10.0.0.0/8", "127.0.0.0/8"))
        self._start(primary)
        self._run([self.bindir / "createdb", "-h", self.sockets, "-p", primary.port,
                   "-U", "postgres", self.database])
        for host in self.hosts[1:]:
            node = HostedNode(self, host.name, host)
            self._disk(node)
            self.clone(node, primary)
            self._start(node)

    def _disk(self, node):
        """A disk of its own, which can be filled."""
        node.data.mkdir(mode=0o700)
        if "disk" in self.network.lacks:
            if server_user():
                shutil.chown(node.data, server_user())
            return
        net.mount_disk(node.data, DISK_BYTES, server_user())
        self.disks.append(node.data)

    def clone(self, node, primary):
        """Only what is on the disk goes, not the disk."""
        for path in node.data.iterdir():
            shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
        source = self.replication_conninfo(primary, node.name)
        near = self._conninfo(primary.host.address, primary, node.name)
        self._run([self.bindir / "pg_basebackup", "-D", node.data, "-d", near, "-R",
                   "-X", "stream", "--checkpoint=fast", "--no-sync"])
        with open(node.data / "postgresql.auto.conf", "a", encoding="utf-8") as configuration:
            configuration.write(f"primary_conninfo = '{source}'\n")

    def copy_of(self, node):
        """What the node has now, to come back to."""
        copy = self.directory / f"{node.name}.copy"
        shutil.rmtree(copy, ignore_errors=True)
        near = self._conninfo(node.host.address, node, node.name)
        self._run([self.bindir / "pg_basebackup", "-D", copy, "-d", near, "-X", "stream",
                   "--checkpoint=fast", "--no-sync"])
        return copy

    def restore(self, node, copy):
        for path in node.data.iterdir():
            shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
        self._run(["cp", "-a", f"{copy}/.", node.data])
        shutil.rmtree(copy)

    def destroy(self):
        for node in self.nodes:
            node.kill9()
            node.forget_shared_memory()
        for disk in self.disks:
            net.unmount_disk(disk)
        self.disks = []
        super().destroy()

    def replication_conninfo(self, primary, name):
        return self._conninfo(self.network.reach(name, primary.host, primary.port), primary, name)

    @staticmethod
    def _conninfo(address, primary, name):
        return (f"host={address} port={primary.port} user=postgres "
                f"application_name={name} connect_timeout=2 "
                "keepalives_idle=2 keepalives_interval=1 keepalives_count=2")


class Instance(Service):
    """A cqrsd on a host of its own; it keeps its address when it comes back."""

    def __init__(self, host, clock=None, **options):
        env = {}
        if clock:
            env = {"LD_PRELOAD": FAKETIME, "FAKETIME_TIMESTAMP_FILE": str(clock),
                   "FAKETIME_NO_CACHE": "1", "FAKETIME_DONT_FAKE_MONOTONIC": "1",
                   "DONT_FAKE_MONOTONIC": "1"}
        super().__init__(env=env, insecure=True, **options)
        self.host = host
        self.logs = b""
        self.lock = threading.Lock()

    def choose_addresses(self):
        self.address, self.admin_address = (f"{self.host.address}:{port}"
                                            for port in self.host.ports)
        self.client = service.Client(self.address)
        self.admin = service.Client(self.admin_address, timeout_s=2)

    def launch(self):
        line = [*self.host.enter, "setpriv", "--pdeathsig=KILL", "--", service.binary(), "serve",
                *service.flags({**self.options, "listen": self.address,
                                "admin_listen": self.admin_address})]
        if self.log_path.exists():
            self.logs += self.log_path.read_bytes()
        with open(self.log_path, "wb") as log:
            self.process = start_process(
                line, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                env=service.environment(self.directory, self.env), start_new_session=True)


class World:
    """All of it; faults act on it from one thread while the workload runs in another."""

    def __init__(self, network, say=lambda text: None, session_slots=65536, watched=False,
                 cached=False, **options):
        """session_slots: where they are few, the floor has to stand for most users. watched: the
        tables are. cached: every query has @cache. options: of the instances, besides."""
        self.watched, self.cached = watched, cached
        self.network = network
        self.say = say
        self.options = {"session_slots": session_slots, "log_level": "info", **options}
        self.restarts = []  # (instance, ns)
        self.name = None    # a Forwarder: one more name, of one server or another
        self.instances = []
        self.returns = []     # of those who lead again: since when, until when, in ns
        self.promotions = []  # [began, the old primary took no more writes] in ns
        self.reigns = []      # (old primary, its promotion)
        self.quiet = False    # clients rest
        self.starting = threading.Lock()
        self.cluster = HostedCluster(network)
        self.clock = self.cluster.directory / "clock"

    def __enter__(self):
        try:
            self.cluster.create()
            self.leader.sql_file(HERE / "schema.sql")
            done = service.run("migrate", primary=self._by_socket(self.leader))
            assert done.returncode == 0, done.stderr
            if self.watched:
                done = service.run("watch", "registers", "quiet_registers",
                                   primary=self._by_socket(self.leader))
                assert done.returncode == 0, done.stderr
            self.cluster.wait_until_replayed()
            self.clock.write_text("+0")
            self.clock.chmod(0o644)
            self.name = Forwarder(listen=self.network.driver)
            self.lead_name_to(self.followers[0])
            for number in range(2):
                host = self.network.host(f"c{number}")
                nodes = [self._for_instance(host, node) for node in self.nodes]
                nodes.append(f"postgresql://postgres@{self.name.address}/{self.cluster.database}")
                clock = self.clock if number == 0 and pathlib.Path(FAKETIME).exists() else None
                instance = Instance(
                    host, clock, primary=nodes[0], replica=nodes[1:],
                    catalog=self._catalog(), loops=2, pool_conns=8,
                    timeline_back_ms=TIMELINE_BACK_MS, **self.options)
                self.instances.append(instance)
            for instance in self.instances:
                instance.start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        for instance in self.instances:
            instance.discard()
        if self.name:
            self.name.close()
        self.cluster.destroy()

    def lead_name_to(self, node):
        """From now on; connections that are open stay where they led."""
        self.name.lead_to((node.host.address, node.port))

    def _catalog(self):
        """Of queries that are not cached; or of those that are, but for the one that only waits."""
        if not self.cached:
            return HERE / "sql"
        folder = self.cluster.directory / "sql"
        folder.mkdir(exist_ok=True)
        for file in (HERE / "sql").glob("*.sql"):
            text = re.sub(r"^(-- query: (?!sleep).*)$", r"\1\n-- @cache 60s",
                          file.read_text(encoding="utf-8"), flags=re.M)
            text = re.sub(r"^(-- query: read(?!_all).*)$", r"\1\n-- @tags register:{key}",
                          text, flags=re.M)
            text = re.sub(r"^(-- command: write.*)$", r"\1\n-- @invalidates register:{key}",
                          text, flags=re.M)
            (folder / file.name).write_text(text, encoding="utf-8")
        return folder

    def _for_instance(self, host, node):
        address = self.network.reach(host.name, node.host, node.port)
        return f"postgresql://postgres@{address}:{node.port}/{self.cluster.database}"

    def _by_socket(self, node):
        return (f"host={self.cluster.sockets} port={node.port} user=postgres "
                f"dbname={self.cluster.database}")

    @property
    def nodes(self):
        return self.cluster.nodes

    @property
    def leader(self):
        """Who the one who promotes says is the primary."""
        return self.cluster.nodes[0]

    @property
    def followers(self):
        return self.cluster.nodes[1:]

    @property
    def addresses(self):
        return [instance.address for instance in self.instances]

    # What the one who promotes does

    def lead(self, new):
        """The new primary; the others are told to follow it as far as they live."""
        old, began_ns = self.leader, time.monotonic_ns()
        self.promotions.append([began_ns, None if old.running else began_ns])
        self.reigns.append((old, self.promotions[-1]))
        new.sql("SELECT pg_promote(true, 20)")
        until(lambda: new.sql("SELECT pg_is_in_recovery()") == "f", f"{new.name} to lead", 20)
        self.cluster.nodes.remove(new)
        self.cluster.nodes.insert(0, new)

    def lead_back(self, old, since_ns):
        """Who led before the leader leads again, as it was then; the others are copied anew. What
        it took from then on may have been lost in the meantime, and is there again."""
        self.returns.append([since_ns, time.monotonic_ns()])
        self.promotions.append([time.monotonic_ns(), None])
        self.leader.kill9()
        self.cluster.nodes.remove(old)
        self.cluster.nodes.insert(0, old)
        old.forget_shared_memory()
        old.start()
        self._copy_followers()

    def _copy_followers(self):
        """Until then what is lost may still be shown by one of them."""
        for node in self.followers:
            self.clone_again(node)
        self.promotions[-1][1] = time.monotonic_ns()

    def lead_from(self, copy):
        """The leader itself, from an older copy; the others are copied anew."""
        self.promotions.append([time.monotonic_ns(), None])
        self.leader.kill9()
        self.leader.forget_shared_memory()
        self.cluster.restore(self.leader, copy)
        self.leader.start()
        self._copy_followers()

    def follow(self, node):
        node.set(primary_conninfo=self.cluster.replication_conninfo(self.leader, node.name))

    def follows(self, node):
        """Does it stream from the leader?"""
        try:
            return node.running and node.sql(
                "SELECT count(*) FROM pg_stat_wal_receiver WHERE status = 'streaming' AND "
                f"sender_port = {self.leader.port}") == "1"
        except Exception:  # noqa: BLE001  a node in trouble does not follow
            return False

    def keeps_up(self, node):
        """Follows, and has what the leader had when it was asked: not only for a moment."""
        flushed = self.leader.flush_lsn()
        until(lambda: self.follows(node) and
              node.sql(f"SELECT pg_last_wal_replay_lsn() >= '{flushed}'") == "t",
              f"{node.name} to keep up", 4)

    def _reign_ends(self, node):
        """It is not running any more, and will be somebody's follower."""
        for old, promotion in self.reigns:
            if old is node and promotion[1] is None:
                promotion[1] = time.monotonic_ns()

    def reign_goes_on(self, node):
        """It was dead, and comes back as the primary that it was; who cannot reach the new one may
        follow it. What it takes until it is copied anew is lost with that promotion."""
        for old, promotion in self.reigns:
            if old is node and promotion is self.promotions[-1]:
                promotion[1] = None

    def clone_again(self, node):
        node.kill9()
        self._reign_ends(node)
        node.forget_shared_memory()
        self.cluster.clone(node, self.leader)
        node.start()

    def restart_instance(self, number):
        """Unless the other lane has done it meanwhile."""
        instance = self.instances[number]
        with self.starting:
            self.restarts.append((number, time.monotonic_ns()))
            if not instance.running:
                instance.start("alive")
            self.restarts.append((number, time.monotonic_ns()))

    # The end

    def settle(self):
        """Everybody up, following the leader, with all it has."""
        self._revive(self.leader)
        if self.leader.sql("SELECT pg_is_in_recovery()") == "t":
            self.lead(self.leader)
        for node in list(self.followers):
            try:
                self._mend(node)
            except Exception:  # noqa: BLE001  whatever is wrong with it, a copy is not
                self.clone_again(node)
                until(lambda node=node: self.follows(node), f"{node.name} to follow", 20)
        self.lead_name_to(self.followers[0])
        self.name.cut()
        for number, instance in enumerate(self.instances):
            if not instance.running:
                self.restart_instance(number)
        for instance in self.instances:
            until(lambda instance=instance: instance.reached("rotation"),
                  f"{instance.address} to have everybody in rotation", 30)

    def _revive(self, node):
        node.sigcont()
        if not node.running:
            node.forget_shared_memory()
            node.start()
        until(lambda: node.psql(["-c", "SELECT 1"]).returncode == 0, f"{node.name} to answer", 20)

    def _mend(self, node):
        self._revive(node)
        node.set(recovery_min_apply_delay="0")
        node.resume_replay()
        self.follow(node)
        self.keeps_up(node)

    def reads_by_table(self):
        """How many reads needed less than the index, since the instances were started last."""
        return sum(instance.metrics().sum("cqrsd_read_index_tables_total", result="lowered")
                   for instance in self.instances)

    def hits(self):
        return sum(instance.metrics().sum("cqrsd_cache_requests_total", result="hit")
                   for instance in self.instances)

    def said(self, words):
        """How often logs of the instances have these words."""
        return sum((instance.logs + instance.log_path.read_bytes()).count(words)
                   for instance in self.instances)

    def final(self):
        rows = self.leader.sql("SELECT key, version, value FROM effects WHERE key <> '-'")
        effects = [tuple(line.split("|")) for line in rows.splitlines()]
        return {"effects": [(key, int(version), value) for key, version, value in effects],
                "promotions": [[began_ns, ended_ns or time.monotonic_ns()]
                               for began_ns, ended_ns in self.promotions],
                "returns": self.returns}

    def keep(self, folder):
        """Logs of everybody, for whoever looks into a failure."""
        folder = pathlib.Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        for node in self.nodes:
            shutil.copy(node.log, folder / f"{node.name}.log")
        for number, instance in enumerate(self.instances):
            (folder / f"cqrsd{number}.log").write_bytes(
                instance.logs + instance.log_path.read_bytes())

