"""A node that answers and lets nobody in: asked seldom, told once, and found again at once."""

import time

from harness.until import rest_now, until

WATCHED_S = 5


def refusals(node):
    return node.log.read_text(errors="replace").count("is not permitted to log in")


def test_a_role_that_may_not_log_in_costs_its_node_few_logins(start_cqrsd, cluster):
    cluster.primary.sql("CREATE ROLE guest SUPERUSER LOGIN")
    try:
        guests = [node.conninfo.replace("postgres@", "guest@") for node in cluster.nodes]
        cqrsd = start_cqrsd(primary=guests[0], replica=guests[1:])
        cluster.primary.sql("ALTER ROLE guest NOLOGIN")
        cluster.wait_until_replayed()
        node = cluster.replica(1)
        for one in cluster.nodes:
            one.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                    "WHERE usename = 'guest'")
        until(lambda: not cqrsd.node(node.address)["up"], "the node to be lost", 20)

        before, began = refusals(node), time.monotonic()
        rest_now(WATCHED_S)
        each_s = (refusals(node) - before) / (time.monotonic() - began)

        # The monitor, and all loops together: 20 and more a second each without pauses.
        assert each_s < 6, each_s
        said = [line for line in cqrsd.log_text().splitlines()
                if node.address in line and "28000" in line]
        assert 1 <= len(said) <= 3, said

        cluster.primary.sql("ALTER ROLE guest LOGIN")
        until(lambda: cqrsd.node(node.address)["in_rotation"], "the node to be back", 20)
        until(lambda: cqrsd.command("put", user="gus", number=1).status == 200, "commands", 20)
    finally:
        cluster.primary.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                            "WHERE usename = 'guest'; DROP ROLE guest")
