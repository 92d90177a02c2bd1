"""Hosts on one machine: network namespaces on a bridge, and packet filters between them.

Needs root, iproute2 and nftables; where they are not to be had, network() takes a proxy. Every name
holds the id of the process that made it, so that runs do not meet; what a killed run left behind is
removed by the next one.
"""

import contextlib
import os
import pathlib
import re
import subprocess
import sys

from . import proxy

HERE = pathlib.Path(__file__).resolve().parent


def run(*words, check=True, text=None):
    done = subprocess.run([str(word) for word in words], input=text, text=True,
                          capture_output=True, check=False)
    if check and done.returncode != 0:
        raise OSError(f"{' '.join(map(str, words))}: {done.stderr.strip()}")
    return done


def mount_disk(folder, size_bytes, user):
    """A small disk of one's own, under the name of this process."""
    run("mount", "-t", "tmpfs", "-o", f"size={size_bytes},mode=0700,uid={user}",
        f"cqd{os.getpid()}", folder)


def unmount_disk(folder):
    run("umount", "-l", folder, check=False)


def possible():
    """None, or why there are no namespaces here."""
    if os.geteuid() != 0:
        return "not root"
    name = f"cqtry{os.getpid()}"
    try:
        run("ip", "netns", "add", name)
        try:
            run("ip", "netns", "exec", name, "nft", "add", "table", "inet", "try")
        finally:
            run("ip", "netns", "del", name, check=False)
    except OSError as failure:
        return str(failure)
    return None


def network():
    """Namespaces, or the proxy where there are none (or CHAOS_NET=proxy asks for it)."""
    wanted = os.environ.get("CHAOS_NET", "")
    if wanted not in ("", "proxy", "namespaces"):
        raise ValueError(f"CHAOS_NET={wanted}: choose proxy or namespaces")
    if wanted == "proxy" or (not wanted and possible()):
        return proxy.Network()
    return Network()


def clean_up_after_the_dead():
    """Namespaces, bridges and disks of runs whose process is gone."""
    for line in pathlib.Path("/proc/mounts").read_text(encoding="utf-8").splitlines():
        found = re.match(r"cqd(\d+) (\S+)", line)
        if found and not pathlib.Path(f"/proc/{found[1]}").exists():
            unmount_disk(found[2])
    for line in run("ip", "-o", "link", "show", "type", "bridge", check=False).stdout.splitlines():
        found = re.match(r"\d+: (cqb(\d+))", line)
        if found and not pathlib.Path(f"/proc/{found[2]}").exists():
            run("ip", "link", "del", found[1], check=False)
    for line in run("ip", "netns", "list", check=False).stdout.splitlines():
        found = re.match(r"(cqn(\d+)-\w+)", line)
        if found and not pathlib.Path(f"/proc/{found[2]}").exists():
            run("ip", "netns", "del", found[1], check=False)


class Network:
    """A bridge, reachable from the driver, and hosts on it."""

    lacks = {}  # what cannot be had here, and why

    def __init__(self):
        self.id = os.getpid()
        self.bridge = f"cqb{self.id}"
        self.prefix = f"10.{64 + self.id % 128}.{self.id // 128 % 256}"
        self.driver = f"{self.prefix}.1"  # where every host reaches the process of the tests
        self.hosts = []

    def __enter__(self):
        clean_up_after_the_dead()
        run("ip", "link", "add", self.bridge, "type", "bridge")
        run("ip", "addr", "add", f"{self.prefix}.1/24", "dev", self.bridge)
        run("ip", "link", "set", self.bridge, "up")
        return self

    def __exit__(self, *_):
        for host in self.hosts:
            run("ip", "netns", "del", host.namespace, check=False)
        run("ip", "link", "del", self.bridge, check=False)
        self.hosts = []

    def host(self, name):
        host = Host(self, name, len(self.hosts) + 2)
        self.hosts.append(host)
        return host

    def reach(self, name, other, port):
        """The address under which the host of that name reaches a port of the other one."""
        return other.address


class Host:
    """A namespace with one address and a filter for what arrives."""

    ports = (8080, 8081)  # of an instance

    def __init__(self, network, name, number):
        self.network = network
        self.name = name
        self.namespace = f"cqn{network.id}-{name}"
        self.address = f"{network.prefix}.{number}"
        outside, inside = f"cqv{network.id % 10000}n{number}", "eth0"
        run("ip", "netns", "add", self.namespace)
        run("ip", "link", "add", outside, "type", "veth", "peer", "name", inside, "netns",
            self.namespace)
        run("ip", "link", "set", outside, "master", network.bridge, "up")
        for words in (["ip", "addr", "add", f"{self.address}/24", "dev", inside],
                      ["ip", "link", "set", inside, "up"], ["ip", "link", "set", "lo", "up"]):
            self.run(*words)
        self.nft("add table inet chaos\n"
                 "add chain inet chaos arriving { type filter hook input priority 0 ; }\n")

    @property
    def enter(self):
        """The words before a command that is to run here."""
        return ["ip", "netns", "exec", self.namespace]

    def run(self, *words, check=True):
        return run(*self.enter, *words, check=check)

    def nft(self, text):
        run(*self.enter, "nft", "-f", "-", text=text)

    def filter(self, rule):
        """Adds a rule for what arrives; returns what takes it away."""
        done = self.run("nft", "-e", "-a", "add", "rule", "inet", "chaos", "arriving",
                        *rule.split())
        handle = re.search(r"# handle (\d+)", done.stdout)[1]

        def heal():
            self.run("nft", "delete", "rule", "inet", "chaos", "arriving", "handle", handle,
                     check=False)
        return heal

    def deaf_to(self, other):
        """Nothing that the other sends arrives."""
        return self.filter(f"ip saddr {other.address} drop")

    def resets(self, other):
        """Every segment of the other is answered by a reset."""
        return self.filter(f"ip saddr {other.address} meta l4proto tcp reject with tcp reset")

    def loses(self, percent):
        return self.filter(f"numgen random mod 100 < {percent} drop")

    def delays(self, milliseconds):
        """What leaves for the other hosts is held in a tun device on its way."""
        with contextlib.suppress(OSError):
            self.run("ip", "link", "del", "slow0")
        relay = subprocess.Popen(
            [*self.enter, "setpriv", "--pdeathsig=KILL", "--", sys.executable,
             str(HERE / "latency.py"), "slow0", str(milliseconds)],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        assert relay.stdout.readline() == b"ready\n"
        half = self.network.prefix
        for words in ("sysctl -qw net.ipv4.ip_forward=1 net.ipv4.conf.all.rp_filter=0"
                      " net.ipv4.conf.eth0.rp_filter=0 net.ipv4.conf.slow0.rp_filter=0"
                      " net.ipv4.conf.slow0.accept_local=1",
                      "ip link set slow0 up",
                      "ip rule add iif slow0 lookup 100",
                      f"ip route replace {half}.0/24 dev eth0 table 100",
                      f"ip route add {half}.0/25 dev slow0 src {self.address}",
                      f"ip route add {half}.128/25 dev slow0 src {self.address}"):
            self.run(*words.split())

        def heal():
            for words in (f"ip route del {half}.0/25 dev slow0",
                          f"ip route del {half}.128/25 dev slow0",
                          "ip rule del iif slow0 lookup 100"):
                self.run(*words.split(), check=False)
            relay.kill()
            relay.wait()
            relay.stdout.close()
        return heal
