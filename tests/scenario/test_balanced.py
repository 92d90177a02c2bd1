"""Instances behind a round-robin proxy, no tokens: each user reads what it has just written."""

import pytest
from harness.haproxy import HAProxy
from harness.pairs import Pairs, catalog, serve

USERS = 50
PAIRS = 1000
BEHIND_MS = 30


@pytest.fixture
def balanced(cluster, tmp_path):
    """A function that starts so many instances behind a proxy, and has the users ask there."""
    started = []

    def ask(instances, sessions):
        folder = tmp_path / sessions
        folder.mkdir()
        catalog(folder)
        services = serve(cluster, folder, instances, sessions)
        started.extend(services)
        proxy = HAProxy(services)
        started.insert(0, proxy)
        return Pairs(proxy.address, USERS, PAIRS).run()
    yield ask
    for one in started:
        one.close()


@pytest.mark.parametrize("instances", [2, 3])
def test_users_read_their_writes_through_any_instance(balanced, instances):
    pairs = balanced(instances, "cluster")

    assert not pairs.failures
    assert pairs.stale == 0
    assert pairs.roles["replica"] > PAIRS / 2


def test_they_do_where_replicas_are_behind(cluster, balanced):
    for node in cluster.replicas:
        node.set_apply_delay(BEHIND_MS)

    pairs = balanced(2, "cluster")

    assert not pairs.failures
    assert pairs.stale == 0


def test_sessions_of_each_instance_alone_are_stale_there(cluster, balanced):
    """The control: what the stories above would see without the read index."""
    for node in cluster.replicas:
        node.set_apply_delay(BEHIND_MS)

    assert balanced(2, "local").stale > 0
