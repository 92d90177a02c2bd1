"""A node that is up and grants no more connections: of the role, of the database, of all."""

import contextlib

import pytest

from harness.until import until

FULL = "queue-timeout"
ENOUGH = 100


@pytest.fixture
def guest(cluster):
    """A role without privileges that count: limits of connections hold for it."""
    cluster.primary.sql("CREATE ROLE guest LOGIN; GRANT pg_monitor TO guest; "
                        "GRANT ALL ON ALL TABLES IN SCHEMA public, cqrsd TO guest; "
                        "GRANT ALL ON ALL SEQUENCES IN SCHEMA public, cqrsd TO guest; "
                        "GRANT USAGE ON SCHEMA cqrsd TO guest")
    cluster.wait_until_replayed()
    yield "guest"
    cluster.primary.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                        "WHERE usename = 'guest'")
    cluster.primary.sql("DROP OWNED BY guest; DROP ROLE guest")


def of_role(cluster, limit):
    cluster.primary.sql(f"ALTER ROLE guest CONNECTION LIMIT {limit}")
    cluster.wait_until_replayed()


def of_database(cluster, limit):
    cluster.primary.sql(f"ALTER DATABASE {cluster.database} CONNECTION LIMIT {limit}")
    cluster.wait_until_replayed()


LIMITS = {"role": of_role, "database": of_database}


@contextlib.contextmanager
def limit_reached(cluster, kind):
    """Nobody new of it is let in, and nobody in is thrown out."""
    LIMITS[kind](cluster, 0)
    try:
        yield
    finally:
        LIMITS[kind](cluster, -1)


def guests(cluster):
    return [node.conninfo.replace("postgres@", "guest@") for node in cluster.nodes]


def end_conns(cluster, newest=None):
    for node in cluster.nodes:
        node.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'guest'"
                 + (f" ORDER BY backend_start DESC LIMIT {newest}" if newest else ""))


def refused_for_the_limit(answer, kind):
    problem = answer.json or {}
    return answer.status == 503 and problem["code"] == FULL and kind in problem["detail"]


def told(cqrsd, cluster, kind):
    return [line for line in cqrsd.log_text().splitlines()
            if "too many connections for " + kind in line]


@pytest.mark.parametrize("kind", LIMITS)
def test_commands_and_queries_of_a_limit_reached_before_the_start_say_so(
        start_cqrsd, cluster, guest, kind):
    with limit_reached(cluster, kind):
        conninfos = guests(cluster)
        cqrsd = start_cqrsd(wait="alive", loops=1, primary=conninfos[0], replica=conninfos[1:],
                            auth="none")
        until(lambda: cqrsd.command("put", user="gus", number=1).status == 503
              and cqrsd.command("put", user="gus", number=1).json["code"] != "starting",
              "the service to answer", 20)

        for answer in (cqrsd.command("put", user="gus", number=1), cqrsd.query("ping"),
                       cqrsd.query("ping", consistency="strong")):
            assert refused_for_the_limit(answer, kind), answer
        node = cqrsd.node(cluster.primary.address)
        assert kind in node["fault"], node
        assert 1 <= len(told(cqrsd, cluster, kind)) <= 2 * len(cluster.nodes)

    until(lambda: cqrsd.command("put", user="gus", number=1).status == 200, "commands", 20)
    until(lambda: "fault" not in cqrsd.node(cluster.primary.address), "the fault to be over", 20)


def test_a_role_with_room_for_the_monitor_only_is_up_and_says_so(start_cqrsd, cluster, guest):
    of_role(cluster, 1)
    conninfos = guests(cluster)
    cqrsd = start_cqrsd(wait="alive", loops=1, primary=conninfos[0], replica=conninfos[1:])

    def answers():
        return [cqrsd.command("put", user="gus", number=1), cqrsd.query("ping"),
                cqrsd.query("ping", consistency="strong")]

    until(lambda: any(answer.status == 200 or answer.json["code"] != "starting"
                      for answer in answers()), "the service to answer", 20)
    for _ in range(5):
        for answer in answers():
            assert answer.status == 200 or refused_for_the_limit(answer, "role"), answer
    of_role(cluster, -1)
    until(lambda: all(answer.status == 200 for answer in answers()), "all to be served", 20)
