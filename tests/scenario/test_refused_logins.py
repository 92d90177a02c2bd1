"""A node that answers and lets nobody in: asked seldom, told once, and found again at once."""

import time

import pytest

from harness.until import until

REFUSED = 16
LEAST_S = 1


class NoLogin:
    says = "is not permitted to log in"

    def shut(self, cluster, node):
        cluster.primary.sql("ALTER ROLE guest NOLOGIN")

    def open(self, cluster, node):
        cluster.primary.sql("ALTER ROLE guest LOGIN")


class DroppedDatabase:
    says = "does not exist"

    def shut(self, cluster, node):
        cluster.primary.sql("DROP DATABASE guesthouse WITH (FORCE)")

    def open(self, cluster, node):
        cluster.primary.sql("CREATE DATABASE guesthouse")


class Rule:
    """A line of pg_hba.conf above all others."""

    def __init__(self, method, says):
        self.line = f"host guesthouse guest all {method}\n"
        self.says = says

    def shut(self, cluster, node):
        path = node.data / "pg_hba.conf"
        self.before = path.read_text()
        path.write_text(self.line + self.before)
        node.sql("SELECT pg_reload_conf()")

    def open(self, cluster, node):
        (node.data / "pg_hba.conf").write_text(self.before)
        node.sql("SELECT pg_reload_conf()")


KINDS = {
    "no login": NoLogin(),
    "no database": DroppedDatabase(),
    "wrong password": Rule("scram-sha-256", "password authentication failed"),
    "rejected": Rule("reject", "pg_hba.conf rejects connection"),
}


@pytest.fixture
def guest(cluster):
    """A role with a database of its own, in which there is nothing to be had but looks."""
    cluster.primary.sql("CREATE ROLE guest LOGIN PASSWORD 'right'; GRANT pg_monitor TO guest")
    cluster.primary.sql("CREATE DATABASE guesthouse")
    cluster.wait_until_replayed()
    yield f"guest:wrong@{cluster.replica(1).address}/guesthouse"
    cluster.primary.sql("DROP DATABASE IF EXISTS guesthouse WITH (FORCE)")
    cluster.primary.sql("DROP ROLE guest")
    cluster.wait_until_replayed()


def refusals(node, kind):
    return node.log.read_text(errors="replace").count(kind.says)


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_a_node_that_lets_nobody_in_is_asked_after_pauses_that_grow(
        start_cqrsd, cluster, guest, kind):
    node = cluster.replica(1)
    cqrsd = start_cqrsd(replica=[f"postgresql://{guest}", cluster.replica(2).conninfo])
    kind.shut(cluster, node)
    try:
        cluster.wait_until_replayed()
        node.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'guest'")
        until(lambda: not cqrsd.node(node.address)["up"], "the node to be lost", 20)

        before, began = refusals(node, kind), time.monotonic()
        until(lambda: refusals(node, kind) >= before + REFUSED, "logins to be refused", 60)
        # The monitor and all loops together: without pauses these come in half a second. A
        # busy machine makes it longer, never shorter.
        assert time.monotonic() - began > LEAST_S

        said = [line for line in cqrsd.log_text().splitlines()
                if node.address in line and kind.says in line]
        assert 1 <= len(said) <= 3, said
    finally:
        kind.open(cluster, node)
    until(lambda: cqrsd.node(node.address)["in_rotation"], "the node to be back", 20)
