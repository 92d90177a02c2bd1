"""Strong answers that standbys confirm: no other primary has acknowledged anything meanwhile."""

import contextlib
import subprocess

import pytest
from harness.cluster import Cluster
from harness.forwarder import Forwarder
from harness.promotion import cut_off
from harness.until import until

from scenario.conftest import fill

ANY = "ANY 1 (replica1, replica2)"
CONFIRMED = "strong;confirmed"
# A busy machine is no reason to take nodes for lost.
PATIENT = {"lag_strikes": 1000, "max_lag_ms": 600000}


def name_standbys(cluster, names):
    """On all nodes: who is promoted keeps the rule."""
    for node in cluster.nodes:
        node.set(synchronous_standby_names=names)


@pytest.fixture
def named(cluster):
    """Commits wait for one of the two replicas, also after a promotion."""
    name_standbys(cluster, ANY)
    yield cluster
    cluster.restore()
    name_standbys(cluster, "")


def confirms(cqrsd):
    def confirming():
        page = cqrsd.readyz().json
        assert page["confirms"], page
        return True
    until(confirming, "answers to be confirmed")


def lacks(cqrsd, why):
    """Answers are not confirmed, and the operator reads why."""
    def lacking():
        page = cqrsd.readyz().json
        assert not page["confirms"] and why in page["unconfirmed"], page
        return True
    until(lacking, f"answers not to be confirmed: {why}")


def cell(cqrsd, consistency="strong;from=replica", owner="ann", **more):
    return cqrsd.query("cell", consistency=consistency, owner=owner, **more)


def answered(answer):
    assert answer.status == 200, answer.problem
    return answer


def sure(cqrsd):
    """A confirmed answer: refused as long as replicas do not answer in time."""
    return until(lambda: answered(cell(cqrsd, CONFIRMED)), "a confirmed answer")


def of_a_replica(cqrsd, consistency, **more):
    """A replica that does not answer for 100 ms loses a query to the primary: asked again."""
    def answered():
        answer = cell(cqrsd, consistency, **more)
        return answer.served_by if answer.served_by.role == "replica" else None
    return until(answered, f"a replica to answer {consistency}")


@pytest.mark.serve(wait_ms=1000, **PATIENT)
def test_a_strong_answer_of_a_replica_is_confirmed(named, cqrsd):
    confirms(cqrsd)

    confirmed = 0
    for number in range(20):
        cqrsd.command("put", user="ann", number=number)
        answer = cell(cqrsd, CONFIRMED)
        if answer.status == 503:
            assert answer.code == "unconfirmed"
            continue
        confirmed += 1
        assert answer.data["number"] == number
        assert answer.served_by.role == "replica"
        assert answer.served_by.confirmed is True
    assert confirmed > 10


@pytest.mark.serve(wait_ms=1000, sessions="cluster", **PATIENT)
def test_answers_say_it_wherever_the_index_was_asked(named, cqrsd):
    confirms(cqrsd)
    cqrsd.command("put", user="ann", number=1)

    assert of_a_replica(cqrsd, "strong;from=replica").confirmed is True
    assert of_a_replica(cqrsd, "session", user="ann").confirmed is True
    assert cell(cqrsd, "session").served_by.confirmed is None
    assert cell(cqrsd, "strong").served_by.confirmed is None
    assert cell(cqrsd, "eventual", user="ann").served_by.confirmed is None


@pytest.mark.serve(wait_ms=100, **PATIENT)
def test_what_the_primary_answers_is_not_confirmed(named, cqrsd):
    confirms(cqrsd)
    cqrsd.command("put", user="ann", number=1)
    named.replica(1).pause_replay()
    named.replica(2).pause_replay()
    cqrsd.command("put", user="ann", number=2)

    answer = cell(cqrsd)
    assert (answer.data["number"], answer.served_by.reason) == (2, "strong-primary")
    assert answer.served_by.confirmed is False
    refused = cell(cqrsd, CONFIRMED)
    assert (refused.status, refused.code) == (503, "unconfirmed")


@pytest.mark.serve(**PATIENT)
@pytest.mark.parametrize("names, why", [
    ("", "is not set"),
    ("FIRST 1 (replica1, replica2)", "is not ANY"),
    ("replica1, replica2", "is not ANY"),
    ("1 (replica1, replica2)", "is not ANY"),
    ("ANY 1 (*)", "a name twice, or *"),
    ("ANY 1 (replica1, replica2, REPLICA2)", "a name twice, or *"),
    ("ANY 1 (replica1, replica2, backup)", "no replica's"),
])
def test_settings_that_confirm_nothing(named, cqrsd, names, why):
    confirms(cqrsd)
    name_standbys(named, names)
    lacks(cqrsd, why)

    cqrsd.command("put", user="ann", number=1)
    answer = cell(cqrsd)
    assert answer.served_by.confirmed is False
    refused = cell(cqrsd, CONFIRMED)
    assert (refused.status, refused.code) == (503, "unconfirmed")
    assert why in refused.problem["detail"]


@pytest.mark.serve(**PATIENT)
def test_a_replica_that_would_not_wait_confirms_nothing(named, cqrsd):
    confirms(cqrsd)
    named.replica(2).set(synchronous_standby_names="")
    lacks(cqrsd, f"would not wait for as many of the standbys ({named.replica(2).address})")

    named.replica(2).set(synchronous_standby_names="ANY 1 (replica1, somewhere)")
    lacks(cqrsd, "would not wait for as many")
    named.replica(2).set(synchronous_standby_names="ANY 2 (replica1, \"replica2\")")
    confirms(cqrsd)


@pytest.mark.serve(**PATIENT)
def test_commits_that_do_not_wait_confirm_nothing(named, cqrsd):
    confirms(cqrsd)
    named.primary.set(synchronous_commit="local")
    try:
        lacks(cqrsd, "does not wait")
    finally:
        named.primary.set(synchronous_commit="on")
    confirms(cqrsd)


@pytest.mark.serve(**PATIENT)
@pytest.mark.parametrize("whose", ["ROLE postgres", "DATABASE shop", "ROLE ALL",
                                   "ROLE postgres IN DATABASE shop", "ROLE hasty"])
def test_commits_of_whose_next_session_do_not_wait_confirm_nothing(named, cqrsd, whose):
    """The sessions that cqrsd has began before: in those the setting is as it was."""
    named.primary.sql("CREATE ROLE hasty")
    confirms(cqrsd)
    try:
        for value in ("local", "off"):
            named.primary.sql(f"ALTER {whose} SET synchronous_commit = {value}")
            lacks(cqrsd, "does not wait")
            named.primary.sql(f"ALTER {whose} RESET synchronous_commit")
            confirms(cqrsd)
        named.primary.sql("ALTER ROLE hasty IN DATABASE postgres SET synchronous_commit = off")
        named.primary.sql(f"ALTER {whose} SET synchronous_commit = remote_write")
        confirms(cqrsd)
    finally:
        named.primary.sql(f"ALTER {whose} RESET synchronous_commit")
        named.primary.sql("DROP ROLE hasty")


@pytest.fixture
def decoding():
    """A cluster whose WAL can be decoded."""
    cluster = Cluster.create(replicas=2, settings={"wal_level": "logical"})
    try:
        fill(cluster)
        name_standbys(cluster, ANY)
        cluster.primary.sql("CREATE PUBLICATION nothing")
        yield cluster
    finally:
        cluster.destroy()


@contextlib.contextmanager
def decodes(node, name):
    """A client by that name gets the node's WAL decoded."""
    cluster = node.cluster
    source = (f"host={cluster.sockets} port={node.port} user=postgres dbname={cluster.database}"
              f" application_name={name}")
    with subprocess.Popen([cluster.bindir / "pg_recvlogical", "-d", source, "-S", "decoder",
                           "--create-slot", "--if-not-exists", "--start", "-P", "pgoutput",
                           "-o", "proto_version=1", "-o", "publication_names=nothing",
                           "-f", "/dev/null"]) as process:
        try:
            until(lambda: node.sql(
                "SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming'"
                f" AND application_name = '{name}'") == "1", "one who decodes")
            yield
        finally:
            process.terminate()


def test_who_decodes_by_a_standbys_name_confirms_nothing(decoding, start_cqrsd):
    """A standby that is away leaves its name to it, and PostgreSQL counts what it acknowledges."""
    cqrsd = start_cqrsd(on=decoding, **PATIENT)
    for name, why in (("reports", None), ("Replica2", "decodes")):
        with decodes(decoding.primary, name):
            if why:
                lacks(cqrsd, why)
            else:
                confirms(cqrsd)
        confirms(cqrsd)


@pytest.mark.serve(**PATIENT)
def test_a_replica_under_another_name_confirms_nothing(named, cqrsd):
    """The list still has the old name; who streams by it now, if anything, is not known."""
    confirms(cqrsd)
    replica = named.replica(2)
    source = named.replication_conninfo(named.primary, "replica2")
    replica.set(primary_conninfo=source.replace("=replica2", "=other"))
    lacks(cqrsd, "no replica's")

    replica.set(primary_conninfo=source)
    confirms(cqrsd)


@pytest.mark.serve(**PATIENT)
def test_two_standbys_by_one_name_confirm_nothing(named, cqrsd):
    confirms(cqrsd)
    replica = named.replica(2)
    source = named.replication_conninfo(named.primary, "replica2")
    replica.set(primary_conninfo=source.replace("=replica2", "=replica1"))
    lacks(cqrsd, "synchronous_standby_names has a name that is no replica's")

    replica.set(primary_conninfo=source)
    confirms(cqrsd)


def test_a_replica_that_is_away_leaves_the_other_one_to_confirm(named, start_cqrsd):
    cqrsd = start_cqrsd(wait_ms=1000)
    confirms(cqrsd)
    named.replica(2).sigstop()
    until(lambda: not cqrsd.node(named.replica(2).address)["up"], "the replica to be gone", 20)

    cqrsd.command("put", user="ann", number=5)

    assert sure(cqrsd).data["number"] == 5


CATALOG = """
-- query: sure :maybe
-- @consistency strong confirmed
SELECT number FROM cells WHERE owner = :owner;
"""


def test_a_query_that_is_declared_so_demands_it(named, start_cqrsd, own_catalog):
    cqrsd = start_cqrsd(catalog=own_catalog(CATALOG), wait_ms=1000, **PATIENT)
    confirms(cqrsd)
    named.primary.sql("INSERT INTO cells VALUES ('ann', 7)"
                      " ON CONFLICT (owner) DO UPDATE SET number = 7")

    for consistency in (None, "strong"):
        answer = until(lambda: answered(cqrsd.query("sure", owner="ann", consistency=consistency)),
                       "a confirmed answer")
        assert (answer.data["number"], answer.served_by.confirmed) == (7, True)
    name_standbys(named, "")
    lacks(cqrsd, "is not set")
    assert cqrsd.query("sure", owner="ann").code == "unconfirmed"
    assert cqrsd.query("sure", owner="ann", consistency="strong").code == "unconfirmed"
    assert cqrsd.query("sure", owner="ann", consistency="session").status == 200


@pytest.mark.parametrize("level", ["session;confirmed", "confirmed", "strong;confirmed=1",
                                   "eventual;confirmed"])
def test_only_strong_queries_are_confirmed(cqrsd, level):
    assert cell(cqrsd, level).code == "bad-request"


@pytest.fixture
def three():
    """A primary and three replicas, of which commits wait for any one, after a promotion too."""
    cluster = Cluster.create(replicas=3)
    try:
        fill(cluster)
        name_standbys(cluster, "ANY 1 (replica1, replica2, replica3)")
        yield cluster
    finally:
        cluster.destroy()


def test_one_witness_is_too_few_where_two_are_needed(three, start_cqrsd):
    """A primary is promoted elsewhere and has its one standby; the third replica is still ours."""
    elsewhere, its_standby, ours = three.replicas
    doors = [Forwarder(("127.0.0.1", node.port)) for node in (elsewhere, its_standby)]
    away = [f"postgresql://postgres@{door.address}/{three.database}" for door in doors]
    cqrsd = start_cqrsd(on=three, replicas=None, replica=[*away, ours.conninfo], wait_ms=500,
                        **PATIENT)
    confirms(cqrsd)
    cqrsd.command("put", user="ann", number=1)
    assert sure(cqrsd).data["number"] == 1

    # The one that follows has no WAL that the other one lacks.
    for node, door in zip((its_standby, elsewhere), doors[::-1]):
        cut_off(node)
        door.lead_to()
        door.cut()
    elsewhere.promote()
    its_standby.follow(elsewhere)
    elsewhere.sql("UPDATE cells SET number = 2 WHERE owner = 'ann'")

    stale = 0
    for consistency in ("strong;from=replica", "strong", CONFIRMED) * 20:
        answer = cell(cqrsd, consistency)
        if answer.status == 200 and answer.data["number"] == 1:
            stale += 1
            assert not answer.served_by.confirmed
        else:
            assert answer.code in ("unconfirmed", "no-replica", "consistency-timeout")
    assert stale, "the others are stale: what is not confirmed"
    for door in doors:
        door.close()
