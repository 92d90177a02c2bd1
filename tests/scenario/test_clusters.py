"""Nodes of more than one cluster: the one of --primary is served, and the other one named."""

import pytest
from harness import service
from harness.cluster import Cluster
from harness.until import until

from scenario.conftest import fill


@pytest.fixture(scope="module")
def stranger():
    """A primary of another cluster, with the same tables."""
    cluster = Cluster.create(replicas=0)
    try:
        fill(cluster)
        yield cluster.primary
    finally:
        cluster.destroy()


def cells(node):
    return node.sql("SELECT count(*) FROM cells WHERE owner = 'eve'")


def test_commands_go_to_the_cluster_of_the_primary_and_the_other_is_named(
        start_cqrsd, cluster, stranger):
    for _ in range(3):
        cqrsd = start_cqrsd(wait="commands", replica=[stranger.conninfo])

        assert cqrsd.command("put", user="eve", number=1).served_by.node == cluster.primary.address
        until(lambda: cqrsd.node(stranger.address).get("fault"), "the stranger to be named")
        assert "another cluster" in cqrsd.node(stranger.address)["fault"]
        assert cqrsd.metrics().sum("cqrsd_node_foreign", node=stranger.address) == 1
        assert "belongs to another cluster" in cqrsd.log_text()
        assert cells(stranger) == "0"


def test_while_the_primary_is_silent_another_cluster_gets_no_command(
        start_cqrsd, cluster, stranger):
    cluster.primary.stop()
    cqrsd = start_cqrsd(wait="alive", replica=[stranger.conninfo], auth="none")
    until(lambda: "--primary has not told" in cqrsd.log_text(), "the doubt to be told", 20)

    for _ in range(20):
        answer = cqrsd.command("put", user="eve", number=2)
        assert (answer.status, answer.code) == (503, "no-primary")
    cluster.primary.start()
    until(lambda: cqrsd.command("put", user="eve", number=2).status == 200, "commands", 20)

    assert cells(stranger) == "0"
    until(lambda: "another cluster" in cqrsd.node(stranger.address).get("fault", ""),
          "the stranger to be named")


def test_without_the_old_primary_most_of_the_others_tell_the_cluster(start_cqrsd, fresh_cluster):
    old, new, other = fresh_cluster.nodes
    old.stop("fast")
    new.promote()
    other.follow(new)

    cqrsd = start_cqrsd(on=fresh_cluster, wait="alive")

    until(lambda: cqrsd.command("put", user="ann", number=3).status == 200, "commands", 20)
    assert cqrsd.node(new.address)["role"] == "primary"


def test_check_names_a_node_of_another_cluster(cluster, catalog, stranger):
    done = service.run("check", primary=cluster.primary.conninfo, catalog=catalog,
                       replica=[cluster.replica(1).conninfo, stranger.conninfo])

    assert done.returncode == 1
    assert (f"{stranger.address} belongs to another cluster than {cluster.primary.address}"
            in done.stderr)


def test_the_operator_may_say_which_cluster_it_is(start_cqrsd, cluster, stranger):
    cluster.primary.stop()
    identifier = stranger.sql("SELECT system_identifier FROM pg_control_system()")
    cqrsd = start_cqrsd(wait="alive", replica=[stranger.conninfo], system_identifier=identifier)

    until(lambda: cqrsd.command("put", user="bob", number=2).status == 200, "commands", 20)


def test_replay_that_a_setting_has_stopped_is_told(start_cqrsd, fresh_cluster):
    primary, replica, _ = fresh_cluster.nodes
    cqrsd = start_cqrsd(on=fresh_cluster)
    primary.sql("ALTER SYSTEM SET max_connections = 210")
    primary.restart()

    until(lambda: "max_connections" in cqrsd.node(replica.address).get("fault", ""),
          "the setting to be named", 30)
    assert "its max_connections = 200 is less than the primary's 210" in cqrsd.log_text()
