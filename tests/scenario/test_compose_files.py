"""The containers' files: what they name exists; their scripts do on real servers what they say."""

import os
import re
import shutil
import subprocess

import pytest
import yaml

from harness import service as harness_service
from harness.cluster import Cluster
from harness.node import Node, as_server_user
from scenario.conftest import ROOT

SCRIPTS = sorted((ROOT / "deploy" / "compose").glob("*.sh"))
PASSWORDS = {"SHOP_PASSWORD": "it's a 'secret'", "REPLICATION_PASSWORD": "another one"}


@pytest.fixture(scope="module")
def compose():
    return yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))


def bind_mounts(compose):
    """Yields (service, path here, path in the container)."""
    for name, service in compose["services"].items():
        for volume in service.get("volumes", ()):
            source, target = volume.split(":")[:2]
            if source.startswith("."):
                yield name, source, target


def dockerfile():
    return (ROOT / "deploy" / "Dockerfile").read_text(encoding="utf-8")


def serve_commands(compose):
    commands = [service["command"] for service in compose["services"].values()
                if service.get("command", [""])[0] == "serve"]
    default = re.search(r"^CMD (\[.*\])$", dockerfile(), re.M)[1]
    return [*commands, yaml.safe_load(default)]


# The files by themselves

def test_every_file_that_is_mounted_or_built_from_exists(compose):
    paths = [source for _, source, _ in bind_mounts(compose)]
    paths += [service["build"]["dockerfile"] for service in compose["services"].values()
              if "build" in service]

    assert paths
    assert [path for path in paths if not (ROOT / path).exists()] == []


def test_every_script_of_ours_that_a_service_starts_is_mounted_there(compose):
    mounted = {(name, target) for name, _, target in bind_mounts(compose)}
    started = {(name, service["entrypoint"][0]) for name, service in compose["services"].items()
               if "entrypoint" in service}

    assert started
    assert started <= mounted


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_a_script_is_executable_and_parses(script):
    done = subprocess.run(["sh", "-n", script], capture_output=True, text=True, check=False)

    assert (done.returncode, done.stderr) == (0, "")
    assert os.access(script, os.X_OK)


def test_every_volume_and_every_dependency_is_defined(compose):
    services = compose["services"]
    named = {volume.split(":")[0] for service in services.values()
             for volume in service.get("volumes", ()) if not volume.startswith((".", "/"))}
    needed = {other for service in services.values() for other in service.get("depends_on", ())}

    assert named == set(compose["volumes"])
    assert needed <= set(services)


def test_what_runs_once_is_waited_for_by_its_end_and_the_rest_by_its_health(compose):
    services = compose["services"]
    for service in services.values():
        for name, dependency in service.get("depends_on", {}).items():
            runs_on = "restart" in services[name]
            expected = "service_healthy" if runs_on else "service_completed_successfully"
            assert dependency["condition"] == expected, name


def test_an_image_is_built_for_one_service_and_the_others_wait_for_it(compose):
    """Compose builds for all services at once; two builds of one tag may fail on each other."""
    services = compose["services"]
    builders = {service["image"]: name for name, service in services.items() if "build" in service}
    users = [service for name, service in services.items()
             if service["image"] in builders and builders[service["image"]] != name]

    assert users
    for user in users:
        assert "build" not in user
        assert user["pull_policy"] == "never"
        assert builders[user["image"]] in user["depends_on"]


def test_ports_are_published_on_loopback_only(compose):
    ports = [port for service in compose["services"].values() for port in service.get("ports", ())]

    assert ports
    assert [port for port in ports if not port.startswith("127.0.0.1:")] == []


def test_no_password_is_on_a_command_line(compose):
    for service in compose["services"].values():
        words = [*service.get("command", ()), *service.get("entrypoint", ())]
        assert not [word for word in words if "PASSWORD" in word or "password" in word]


def test_every_option_that_is_used_is_one_of_serve(compose):
    known = harness_service.run("serve", "--help").stdout
    used = {word for command in serve_commands(compose) for word in command
            if word.startswith("--")}

    assert {"--catalog", "--auth", "--admin-open"} <= used
    assert [option for option in used if not re.search(rf"{option}\b", known)] == []


def test_every_environment_variable_of_cqrsd_is_an_option(compose):
    known = harness_service.run("serve", "--help").stdout
    used = {name for service in compose["services"].values()
            for name in service.get("environment", ()) if name.startswith("CQRSD_")}

    assert used
    for name in used:
        option = "--" + name.removeprefix("CQRSD_").lower().replace("_", "-")
        assert re.search(rf"{option}\b", known), name


def test_the_image_runs_as_a_user_of_its_own_and_asks_for_its_health():
    last_stage = dockerfile().split("\nFROM ")[-1]

    assert re.search(r"^USER (?!root|0)\w+$", last_stage, re.M)
    assert re.search(r'^HEALTHCHECK .*CMD \["cqrsd", "health"\]$', last_stage, re.M)


# The scripts, on servers without containers

class Composed:
    """What the scripts make when they run as compose.yaml would run them."""

    def __init__(self):
        self.cluster = Cluster(database="postgres", auth="scram")
        shop = ROOT / "examples" / "shop"
        for source in [*SCRIPTS, shop / "schema.sql", shop / "data.sql"]:
            shutil.copy(source, self.cluster.directory)

    def environment(self, **more):
        foreign = ("PG", "CQRSD")
        own = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
        path = f"{self.cluster.bindir}:{own['PATH']}"
        return {**own, **PASSWORDS, "PATH": path, "PGPORT": str(self.cluster.primary.port), **more}

    def command(self, script, *arguments, **options):
        return as_server_user([self.cluster.directory / script, *arguments], **options)

    def run(self, script, **environment):
        return subprocess.run(self.command(script), env=self.environment(**environment), cwd="/",
                              capture_output=True, text=True, check=False)

    def set_up_primary(self):
        self.cluster.create_primary()
        data = str(self.cluster.primary.data)
        done = self.run("primary.sh", PGHOST=self.cluster.sockets, PGDATA=data)
        assert done.returncode == 0, done.stderr
        self.cluster.primary.sql("SELECT pg_reload_conf()")

    def seed(self):
        done = self.run("seed.sh", PGHOST="127.0.0.1", PGUSER="shop", PGDATABASE="shop",
                        PGPASSWORD=PASSWORDS["SHOP_PASSWORD"], SHOP=str(self.cluster.directory))
        assert done.returncode == 0, done.stderr

    def start_replica(self, replica):
        environment = self.environment(PGDATA=str(replica.data), PRIMARY_HOST="127.0.0.1")
        command = self.command("replica.sh", replica.name, "-p", replica.port,
                               "-c", "recovery_min_apply_delay=0", ends_with_us=True)
        with open(replica.log, "ab") as log:
            replica.process = subprocess.Popen(
                command, env=environment, cwd="/", stdin=subprocess.DEVNULL, stdout=log,
                stderr=log, start_new_session=True)
        replica.wait_until_ready()

    def ask_as_shop(self, node, statement):
        done = subprocess.run(
            ["psql", "-XAtq", "-h", "127.0.0.1", "-p", str(node.port), "-U", "shop", "-c",
             statement, "shop"], capture_output=True, text=True, check=False,
            env=self.environment(PGPASSWORD=PASSWORDS["SHOP_PASSWORD"]))
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()


@pytest.fixture
def composed():
    composed = Composed()
    try:
        yield composed
    finally:
        composed.cluster.destroy()


def test_the_scripts_make_a_primary_with_the_shop_and_a_replica_that_follows(composed):
    cluster = composed.cluster
    composed.set_up_primary()
    composed.seed()
    composed.seed()
    replica = Node(cluster, "replica1", harness_service.processes.free_port())
    cluster.nodes.append(replica)
    half_a_copy = ["install", "-D", "-m", "600", "/dev/null", replica.data / "PG_VERSION"]
    subprocess.run(as_server_user(half_a_copy), cwd="/", check=True)

    composed.start_replica(replica)
    replica.stop()
    composed.ask_as_shop(cluster.primary, "DELETE FROM orders WHERE id <= 10")
    composed.start_replica(replica)
    cluster.wait_until_replayed()

    assert composed.ask_as_shop(replica, "SELECT pg_is_in_recovery(), count(*) FROM orders") == \
        "t|99990"
    assert composed.ask_as_shop(replica, "SELECT received_tli FROM pg_stat_wal_receiver") == "1"
    slots = "SELECT slot_name, active FROM pg_replication_slots ORDER BY 1"
    assert composed.ask_as_shop(cluster.primary, slots) == "replica1|t\nreplica2|f"
    assert harness_service.run(
        "migrate", primary=f"host=127.0.0.1 port={cluster.primary.port} user=shop dbname=shop "
        "password='it\\'s a \\'secret\\''").returncode == 0
