"""kill -9 under load: of a replica, of the primary, of cqrsd. What was acknowledged stays."""

import itertools
from concurrent.futures import ThreadPoolExecutor

import pytest
from harness.load import Load, Lost
from harness.until import rest, until

ALLOWED_PROBLEMS = {"no-primary", "outcome-unknown", "no-replica", "queue-timeout", "queue-full",
                    "consistency-timeout", "spill-limit", "timeout", "draining", "breaker-open",
                    "shed"}


class Writers:
    """Append to the ledger and read the own cell; remember what was acknowledged."""

    def __init__(self, name):
        self.name = name
        self.acknowledged = set()
        self.put = {}
        self.problems = {}
        self.stale = []
        self.lost = 0
        self.reads = 0

    async def client(self, load, number, connection):
        user = f"{self.name}{number}"
        for count in itertools.count():
            if load.stopping:
                return
            try:
                wrote = await connection.command("append", user, number=count)
                if wrote.status == 200:
                    self.acknowledged.add((user, count))
                else:
                    self.note(wrote)
                put = await connection.command("put", user, number=count)
                if put.status == 200:
                    self.put[user] = count
                read = await connection.query(f"cell?owner={user}", user)
            except Lost:
                self.lost += 1
                await rest(0.05)
                continue
            if put.status != 200:
                self.note(put)
            if read.status != 200:
                self.note(read)
            else:
                self.reads += 1
                if put.status == 200 and (read.data is None or read.data["number"] < count):
                    self.stale.append((user, count, read))

    def note(self, answer):
        code = answer.code
        self.problems[code] = self.problems.get(code, 0) + 1
        assert code in ALLOWED_PROBLEMS, answer

    def missing(self, cluster):
        """Acknowledged lines that the primary does not have."""
        rows = cluster.primary.sql("SELECT writer, number FROM ledger "
                                   f"WHERE writer LIKE '{self.name}%'").splitlines()
        stored = {(writer, int(number)) for writer, number in
                  (row.split("|") for row in rows)}
        return self.acknowledged - stored

    def goes_on(self, load):
        """Wait until a good number of further writes was acknowledged."""
        wanted = len(self.acknowledged) + 50

        def acknowledged():
            load.check()
            return len(self.acknowledged) >= wanted
        until(acknowledged, "commands to be acknowledged", 30)


def test_a_replica_killed_under_load_costs_no_write_and_no_stale_read(cqrsd, cluster):
    writers = Writers("replica-killed-")
    with Load(cqrsd.address, writers.client) as load:
        writers.goes_on(load)
        cluster.replica(1).kill9()
        writers.goes_on(load)
        cluster.replica(1).start()
        until(lambda: cqrsd.node(cluster.replica(1).address)["in_rotation"],
              "the replica to return", 20)
        writers.goes_on(load)
        load.stopping = True
        load.finish(60)

    assert writers.missing(cluster) == set()
    assert writers.stale == []
    assert writers.lost == 0
    assert "no-primary" not in writers.problems and "outcome-unknown" not in writers.problems


@pytest.mark.serve(queue_wait_ms=1000)  # how quick the machine is is not the question
def test_a_replica_killed_under_load_fails_no_read(cqrsd, cluster):
    writers = Writers("read-on-")
    with Load(cqrsd.address, writers.client, 8) as load:
        writers.goes_on(load)
        cluster.replica(2).kill9()
        writers.goes_on(load)
        load.stopping = True
        load.finish(60)

    assert writers.problems == {}


def test_the_primary_killed_under_load_keeps_what_it_acknowledged(cqrsd, cluster):
    writers = Writers("primary-killed-")
    with Load(cqrsd.address, writers.client) as load:
        writers.goes_on(load)
        cluster.primary.kill9()
        until(lambda: writers.problems.get("no-primary"), "commands to be refused")
        reads = writers.reads
        until(lambda: cqrsd.query("ping").status == 200, "queries to go on")
        cluster.primary.start()
        writers.goes_on(load)
        load.stopping = True
        load.finish(60)

    assert writers.missing(cluster) == set()
    assert writers.stale == []
    assert writers.lost == 0
    assert writers.reads > reads


def test_cqrsd_killed_under_load_keeps_what_it_acknowledged(cqrsd, start_cqrsd, cluster):
    writers = Writers("cqrsd-killed-")
    with Load(cqrsd.address, writers.client) as load:
        writers.goes_on(load)
        cqrsd.kill9()
        load.stopping = True
        load.finish(60)

    assert writers.missing(cluster) == set()
    assert writers.stale == []
    successor = start_cqrsd(wait="commands")
    assert len(writers.put) > 1
    for user, number in writers.put.items():
        assert successor.query("cell", user=user, owner=user).data["number"] >= number


def test_a_backend_killed_under_a_command_is_outcome_unknown_and_never_run_again(
        cqrsd, cluster, user):
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(cqrsd.command, "append.slowly", user=user, number=1, seconds=3)
        until(lambda: cluster.primary.sql(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
            "WHERE wait_event = 'PgSleep' AND query LIKE '%pg_sleep%ledger%' "
            "AND pid <> pg_backend_pid()") != "0",
            "the command to run")
        answer = asked.result(20)

    assert (answer.status, answer.code) == (503, "outcome-unknown")
    assert answer.problem["retryable"] is False
    assert cluster.primary.sql(f"SELECT count(*) FROM ledger WHERE writer = '{user}'") == "0"


def test_a_query_whose_backend_is_killed_is_answered_elsewhere(cqrsd, cluster):
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(cqrsd.query, "sleep", seconds=2)

        def killed():
            return any(node.sql("SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
                                "WHERE state = 'active' AND query LIKE '%pg_sleep%' "
                                "AND pid <> pg_backend_pid()") != "0"
                       for node in cluster.replicas)
        until(killed, "the query to run on a replica", every_s=0.005)
        answer = asked.result(20)

    assert answer.data == {"slept": True}


def test_the_nodes_restarted_in_turn_leave_the_service_healthy(cqrsd, cluster, user):
    for node in cluster.nodes:
        node.disturbed = True
        node.restart()
    until(lambda: cqrsd.command("put", user=user, number=5).status == 200, "commands again", 20)
    until(lambda: all(node["in_rotation"] or node["role"] == "primary"
                      for node in cqrsd.readyz().json["nodes"]), "all nodes in rotation", 20)
    assert cqrsd.query("cell", user=user, owner=user).data["number"] == 5
