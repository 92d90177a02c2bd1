"""Installing: what `make install` leaves, and what deploy/install-packages installs or says."""

import os
import pathlib
import re
import shutil
import subprocess

import pytest

from scenario.conftest import ROOT

EXPOSURE_MAX = 2.5
TOOLS = ["sh", "awk", "sed", "sort", "tr", "cut", "grep", "cat", "dirname"]
CHANGES_THE_MACHINE = ["tee", "chmod", "mkdir", "rm", "env", "apt-get", "systemctl"]


def make(folder, *words):
    environment = {name: value for name, value in os.environ.items()
                   if name not in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS", "VARIANT", "PG_BINDIR")}
    done = subprocess.run(["make", "-C", folder, *words], text=True, capture_output=True,
                          check=False, env=environment)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]


def copy_of_the_source(folder):
    """The files as they are here, in a folder that is no checkout and has built nothing."""
    shutil.copytree(ROOT, folder, ignore=lambda path, names: [
        name for name in names if name in (".git", "build", ".run", "__pycache__", "bench", "tests")
        and (pathlib.Path(path) == ROOT or name == "__pycache__")])
    return folder


def contents(folder):
    return {path.relative_to(folder).as_posix(): (oct(path.stat().st_mode), path.read_bytes())
            for path in folder.rglob("*") if path.is_file()}


# The two builds do without the optimiser: it decides nothing of what is tested here.
@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """What two folders with paths of different length install: (of the one, of the other)."""
    trees = []
    for name in ("one", "another/of/a/longer/name"):
        folder = copy_of_the_source(tmp_path_factory.mktemp("source") / name)
        tree = tmp_path_factory.mktemp("tree")
        make(folder, "install", "OPTIMISE=-O0", "REVISION=abc", f"DESTDIR={tree}", "PREFIX=/usr")
        trees.append((folder, tree))
    return trees


def test_two_folders_install_the_same_bytes(installed):
    (_, one), (_, other) = installed

    assert sorted(contents(one)) == [
        "usr/bin/cqrsd", "usr/lib/systemd/system/cqrsd.service", "usr/share/doc/cqrsd/copyright",
        "usr/share/man/man1/cqrsd.1"]
    assert contents(one) == contents(other)


def test_no_path_of_the_folder_is_in_the_program(installed):
    for folder, tree in installed:
        assert os.fsencode(folder) not in (tree / "usr/bin/cqrsd").read_bytes()


def test_the_program_is_hardened(installed):
    program = installed[0][1] / "usr/bin/cqrsd"
    show = subprocess.run(["readelf", "-W", "-h", "-d", "-l", program], text=True,
                          capture_output=True, check=True).stdout

    assert re.search(r"Type: +DYN", show)
    assert "BIND_NOW" in show and "GNU_RELRO" in show
    assert re.search(r"GNU_STACK.* RW +0x", show)


def test_uninstall_leaves_no_file(installed, tmp_path):
    folder, tree = installed[0]
    shutil.copytree(tree, tmp_path / "tree")
    make(folder, "uninstall", f"DESTDIR={tmp_path / 'tree'}", "PREFIX=/usr")

    assert contents(tmp_path / "tree") == {}
    assert not (tmp_path / "tree/usr/share/doc/cqrsd").exists()


def test_the_unit_starts_the_program_that_was_installed(installed):
    unit = (installed[0][1] / "usr/lib/systemd/system/cqrsd.service").read_text(encoding="utf-8")

    assert re.search(r"^ExecStart=/usr/bin/cqrsd serve ", unit, re.M)


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd-analyze is missing")
def test_systemd_finds_little_exposed_in_the_unit():
    done = subprocess.run(["systemd-analyze", "security", "--offline=true", "--no-pager",
                           ROOT / "deploy/cqrsd.service"], text=True, capture_output=True,
                          check=False)
    level = re.search(r"Overall exposure level for \S+: ([\d.]+)", done.stdout)

    assert level, done.stdout + done.stderr
    assert float(level.group(1)) < EXPOSURE_MAX


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd-analyze is missing")
def test_systemd_takes_the_unit(installed, tmp_path):
    tree = installed[0][1]
    unit = (tree / "usr/lib/systemd/system/cqrsd.service").read_text(encoding="utf-8")
    where = tmp_path / "cqrsd.service"
    where.write_text(unit.replace("/usr/bin/", f"{tree}/usr/bin/"), encoding="utf-8")
    done = subprocess.run(["systemd-analyze", "verify", "--man=no", where], text=True,
                          capture_output=True, check=False)

    assert [line for line in done.stderr.splitlines() if "cqrsd" in line] == []
    assert done.returncode == 0


# deploy/install-packages on a machine that is made up

class Machine:
    """A PATH on which dpkg, apt, sudo and id are scripts; what would change a machine is noted."""

    def __init__(self, folder):
        self.bin = folder / "bin"
        self.log = folder / "log"
        self.bin.mkdir()
        self.log.touch()
        for tool in TOOLS:
            (self.bin / tool).symlink_to(shutil.which(tool))
        for tool in CHANGES_THE_MACHINE:
            self.program(tool, f'echo "{tool} $*" >>{self.log}')
        self.program("id", "echo 1000")
        self.has()
        self.apt_knows()

    def program(self, name, body):
        path = self.bin / name
        path.write_text(f"#!/bin/sh\n{body}\n", encoding="utf-8")
        path.chmod(0o755)

    def has(self, *packages):
        """dpkg-query answers for these, by name or by the pattern for servers."""
        lines = "".join(f"case \" $* \" in *' {name} '*|*'{pattern}'*) "
                        f"echo '{name} installed';; esac\n" for name in packages
                        for pattern in ["postgresql-[0-9]*" if re.match(r"postgresql-\d", name)
                                        else f" {name} "])
        self.program("dpkg-query", lines or ":")

    def apt_knows(self, *packages):
        self.program("apt-cache", f"printf '%s\\n' {' '.join(packages)} | grep \"^$2\""
                     if packages else ":")

    def install(self, *groups):
        return subprocess.run([ROOT / "deploy/install-packages", *groups], text=True,
                              capture_output=True, check=False, env={"PATH": str(self.bin)})

    def apt_installed(self):
        return re.findall(r"apt-get .* install .*?--no-install-recommends (.*)",
                          self.log.read_text(encoding="utf-8"))


@pytest.fixture
def machine(tmp_path):
    return Machine(tmp_path)


def test_without_root_and_sudo_one_message_names_all_that_is_missing_and_nothing_happens(machine):
    machine.has("gcc", "make", "libpq-dev")
    machine.apt_knows("postgresql-15", "postgresql-17", "postgresql-17-cron", "postgresql-9.6")

    done = machine.install("build", "cluster", "test")
    lines = done.stderr.splitlines()

    assert done.returncode == 1
    assert len(lines) == 1
    for package in ("libmicrohttpd-dev", "postgresql-17", "python3-pytest"):
        named = re.findall(rf" {package}(?=[ ;'])", lines[0])
        assert len(named) == 2, package  # as missing, and in the command
    assert " gcc" not in lines[0]
    assert machine.log.read_text() == ""


@pytest.mark.parametrize("installed, known, taken", [
    ([], ["postgresql-15"], "postgresql-15"),
    ([], ["postgresql-15", "postgresql-17", "postgresql-18"], "postgresql-18"),
    ([], ["postgresql-13", "postgresql-14"], "postgresql"),
    ([], [], "postgresql"),
    (["postgresql-14"], ["postgresql-14", "postgresql-15"], "postgresql-15"),
    (["postgresql-16"], ["postgresql-16", "postgresql-17"], None),
    (["postgresql-15"], [], None),
])
def test_the_server_is_an_installed_one_of_at_least_15_or_the_newest_that_apt_knows(
        machine, installed, known, taken):
    machine.has(*installed)
    machine.apt_knows(*known)

    done = machine.install("cluster")

    assert done.returncode == (1 if taken else 0), done.stderr
    if taken:
        assert done.stderr.endswith(f"'apt-get install {taken}' as root\n")


def test_with_sudo_it_is_used_for_all_that_changes_the_machine(machine):
    machine.apt_knows("postgresql-17")
    machine.program("sudo", f'echo "sudo $*" >>{machine.log}')

    done = machine.install("cluster")
    noted = machine.log.read_text(encoding="utf-8").splitlines()

    assert done.returncode == 0, done.stderr
    assert [line for line in noted if not line.startswith("sudo ")] == []
    assert machine.apt_installed() == ["postgresql-17"]


def test_who_may_not_use_sudo_gets_the_message_of_who_has_none(machine):
    machine.apt_knows("postgresql-17")
    machine.program("sudo", "exit 1")

    done = machine.install("cluster", "demo")

    assert done.returncode == 1
    assert done.stderr.endswith("run 'apt-get install postgresql-17 curl python3' as root\n")
    assert machine.log.read_text() == ""


def test_root_installs_by_itself_what_apt_knows_after_its_update(machine):
    machine.program("id", "echo 0")
    machine.program("env", f'echo "$*" >>{machine.log}; case "$*" in *" update") '
                    f"printf '#!/bin/sh\\necho postgresql-17\\n' >{machine.bin}/apt-cache;; esac")

    done = machine.install("cluster")

    assert done.returncode == 0, done.stderr
    assert machine.apt_installed() == ["postgresql-17"]


@pytest.mark.parametrize("known, taken", [("libmicrohttpd12 libssl3", "libmicrohttpd12 libssl3"),
                                          ("libmicrohttpd12t64 libssl3t64",
                                           "libmicrohttpd12t64 libssl3t64")])
def test_a_library_is_taken_under_the_name_that_this_debian_has(machine, known, taken):
    machine.apt_knows(*known.split())

    done = machine.install("run")
    missing = re.search("missing: (.*?);", done.stderr).group(1).split()

    assert [name for name in missing if re.match("libmicrohttpd|libssl", name)] == taken.split()


@pytest.mark.parametrize("goal", ["test", "demo"])
def test_a_goal_asks_for_all_of_its_packages_at_once(tmp_path, goal):
    folder = copy_of_the_source(tmp_path / "source")
    asked = tmp_path / "asked"
    script = folder / "deploy/install-packages"
    script.write_text(f'#!/bin/sh\necho "$*" >>{asked}\nexit 1\n', encoding="utf-8")
    subprocess.run(["make", "-C", folder, goal], capture_output=True, check=False,
                   env={"PATH": os.environ["PATH"]})

    assert set(asked.read_text().splitlines()) == {
        {"test": "build cluster test chaos", "demo": "build cluster demo"}[goal]}
