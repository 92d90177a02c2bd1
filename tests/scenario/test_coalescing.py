"""Identical queries that wait together are sent once, and each is answered as if it were alone."""

import contextlib
import threading
import time

import pytest

from harness.client import Client
from harness.load import Load
from harness.until import rest, until

CLIENTS = 64
REQUESTS = 8
READERS = 31
TAKES_S = 0.02  # a strong read
GATE = 1601  # an advisory lock: some queries run only while no story holds it
CONNS = 2

SCHEMA = """
CREATE FUNCTION coa_takes(seconds float8) RETURNS int LANGUAGE plpgsql STABLE AS
    $$ BEGIN PERFORM pg_sleep(seconds); RETURN 1; END $$;
CREATE FUNCTION coa_unlabelled() RETURNS int LANGUAGE sql AS 'SELECT 1';
CREATE FUNCTION coa_passes(number int) RETURNS int LANGUAGE plpgsql STABLE AS
    $$ BEGIN PERFORM pg_advisory_xact_lock_shared(%d); RETURN number; END $$;
CREATE VIEW coa_dice AS SELECT random() AS thrown;
CREATE VIEW "Coa Dice" AS SELECT thrown FROM coa_dice;
CREATE FUNCTION "Coa_Throw"() RETURNS float8 LANGUAGE sql AS 'SELECT random()';
CREATE FUNCTION "coa_lançe"() RETURNS float8 LANGUAGE sql AS 'SELECT random()';
CREATE TABLE coa_lots (number int NOT NULL);
INSERT INTO coa_lots VALUES (1);
CREATE FUNCTION coa_drawn(coa_lots) RETURNS float8 LANGUAGE sql AS 'SELECT random()';
CREATE TABLE coa_rows (owner text PRIMARY KEY, number int NOT NULL);
INSERT INTO coa_rows VALUES ('ann', 1), ('bob', 2);
ALTER TABLE coa_rows ENABLE ROW LEVEL SECURITY;
ALTER TABLE coa_rows FORCE ROW LEVEL SECURITY;
CREATE POLICY coa_own ON coa_rows USING (owner = current_setting('request.user', true));
CREATE TABLE coa_value (number bigint NOT NULL);
INSERT INTO coa_value VALUES (0);
CREATE ROLE coa_app LOGIN;
GRANT SELECT ON coa_rows TO coa_app;
GRANT USAGE ON SCHEMA cqrsd TO coa_app;
GRANT SELECT ON ALL TABLES IN SCHEMA cqrsd TO coa_app;
GRANT pg_monitor TO coa_app;
""" % GATE

CLEAN = """
DROP FUNCTION coa_drawn;
DROP TABLE coa_rows, coa_value, coa_lots;
DROP VIEW "Coa Dice", coa_dice;
DROP FUNCTION coa_takes, coa_unlabelled, coa_passes, "Coa_Throw", "coa_lançe";
DROP OWNED BY coa_app;
DROP ROLE coa_app;
"""

CATALOG = """
-- query: when_it_began :one
-- @param key int
SELECT :key::int AS key, statement_timestamp() AS began, coa_takes(0.005) AS took;

-- query: for_each :one
-- @coalesce off
SELECT statement_timestamp() AS began, coa_takes(0.005) AS took;

-- query: dice :one
SELECT random() AS thrown, coa_takes(0.005) AS took;

-- query: dice_of_a_view :one
SELECT thrown, coa_takes(0.005) AS took FROM coa_dice;

-- query: dice_in_quotes :one
SELECT thrown, coa_takes(0.005) AS took FROM "Coa Dice";

-- query: dice_of_a_function :one
SELECT "Coa_Throw"() AS thrown, coa_takes(0.005) AS took;

-- query: dice_with_a_cedilla :one
SELECT coa_lançe() AS thrown, coa_takes(0.005) AS took;

-- query: dice_of_a_row :one
SELECT lot.coa_drawn AS thrown, coa_takes(0.005) AS took FROM coa_lots AS lot;

-- query: sample :many
SELECT owner, coa_takes(0.005) AS took FROM coa_rows TABLESAMPLE bernoulli (50);

-- query: unlabelled :one
SELECT coa_unlabelled() AS one, coa_takes(0.005) AS took;

-- query: dice_for_all :one
-- @coalesce on
SELECT random() AS thrown, coa_takes(0.005) AS took;

-- query: passes :one
-- @param number int
SELECT coa_passes(:number) AS number;

-- query: fails :one
SELECT coa_takes(0.005) / 0 AS never;

-- query: own :many
-- @claims
SELECT owner, number, coa_takes(0.005) AS took FROM coa_rows;

-- query: by_name :one
SELECT :request_user::text AS owner, coa_takes(0.005) AS took;

-- query: value :one
-- @consistency strong
SELECT number, coa_takes(%s) AS took FROM coa_value;

-- command: raise_value :one
UPDATE coa_value SET number = number + 1 RETURNING number;
""" % TAKES_S


@pytest.fixture
def serve(schema, own_catalog, start_cqrsd):
    """One replica, and as many connections as it takes for queries to wait."""
    def start(**options):
        return start_cqrsd(**{"catalog": own_catalog(CATALOG), "replicas": 1, "loops": 1,
                              "pool_conns": CONNS, "queue_wait_ms": 5000, "limit": "off",
                              **options})
    return start


def ask(service, target, users=(None,), requests=REQUESTS, clients=CLIENTS):
    """All answers, each with the moment before it was asked for and its user."""
    answers = []

    async def client(load, number, connection):
        user = users[number % len(users)]
        for _ in range(requests):
            began = time.time()
            answers.append((began, user, await connection.query(target, user)))

    with Load(service.address, client, clients=clients) as load:
        load.finish()
    assert len(answers) == clients * requests
    return answers


def coalesced(service, name):
    return service.metrics().sum("cqrsd_coalesced_total", name=name)


def moment(text):
    """Seconds of the clock of this machine, which PostgreSQL has told."""
    from datetime import datetime
    return datetime.fromisoformat(text).timestamp()


def test_of_64_clients_who_read_one_key_few_queries_reach_the_server_and_none_is_old(serve):
    service = serve()

    answers = ask(service, "when_it_began?key=7")

    assert all(answer.status == 200 for _, _, answer in answers)
    runs = {answer.data["began"] for _, _, answer in answers}
    early = [(asked, answer.data["began"]) for asked, _, answer in answers
             if moment(answer.data["began"]) < asked]
    assert not early, early[:5]
    assert len(runs) <= 0.25 * len(answers)
    assert coalesced(service, "when_it_began") == len(answers) - len(runs)


def test_each_has_its_own_headers_and_token(serve):
    service = serve()

    answers = ask(service, "when_it_began?key=7", users=("ann", "bob", "eve"), requests=2)

    ids = [answer.headers["x-request-id"] for _, _, answer in answers]
    assert len(set(ids)) == len(answers)
    assert all(answer.headers["consistency-token"] for _, _, answer in answers)


def test_what_is_volatile_or_says_off_runs_for_each(serve):
    service = serve()

    answers = {name: ask(service, name, requests=2, clients=16) for name in (
        "for_each", "sample", "unlabelled", "dice", "dice_of_a_view", "dice_in_quotes",
        "dice_of_a_function", "dice_with_a_cedilla", "dice_of_a_row")}

    shared = {name: coalesced(service, name) for name in answers}
    assert not any(shared.values()), shared
    for name, told in answers.items():
        assert {answer.status for _, _, answer in told} == {200}, name
        if "dice" in name:
            assert len({answer.data["thrown"] for _, _, answer in told}) == len(told), name


def test_an_author_may_let_one_run_of_what_is_volatile_answer_all(serve):
    service = serve()

    answers = ask(service, "dice_for_all", requests=4)

    thrown = {answer.data["thrown"] for _, _, answer in answers}
    assert len(thrown) == len(answers) - coalesced(service, "dice_for_all")
    assert len(thrown) <= 0.25 * len(answers)


def test_an_error_is_told_to_each(serve):
    service = serve()

    answers = ask(service, "fails", requests=2, clients=16)

    assert coalesced(service, "fails") > 0
    assert {(answer.status, answer.code) for _, _, answer in answers} == \
        {(service.query("fails").status, service.query("fails").code)}


def test_two_users_never_share_what_row_level_security_shows_them(serve, cluster):
    lines = [node.conninfo.replace("postgres@", "coa_app@") for node in cluster.nodes]
    service = serve(primary=lines[0], replica=lines[1:2])

    answers = ask(service, "own", users=("ann", "bob"))

    wrong = [(user, answer.json) for _, user, answer in answers
             if [row["owner"] for row in answer.data] != [user]]
    assert not wrong, wrong[:5]
    assert coalesced(service, "own") > 0


def test_two_users_never_share_what_their_names_are_part_of(serve):
    service = serve()

    answers = ask(service, "by_name", users=("ann", "bob"), requests=8)

    assert [answer.data["owner"] for _, user, answer in answers] == \
        [user for _, user, _ in answers]
    assert coalesced(service, "by_name") > 0


class Asking(threading.Thread):
    """One query, asked beside others."""

    def __init__(self, service, number, **headers):
        super().__init__(daemon=True)
        self.client, self.number = Client(service.address), number
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}
        self.answer = None
        self.start()

    def run(self):
        self.answer = self.client.query("passes", number=self.number, headers=self.headers)

    def result(self):
        self.join(30)
        return self.answer


class Gate:
    """While it is shut, a query is out on each connection, and all others wait for one."""
    OUT = CONNS  # the last of them as the reserve of the others

    def __init__(self, service, cluster):
        self.service, self.cluster = service, cluster
        self.shut = contextlib.ExitStack()
        self.out = []

    def close(self):
        for node in self.cluster.nodes[:2]:
            self.shut.enter_context(
                node.open_transaction(f"SELECT pg_advisory_xact_lock({GATE})"))
        for number in range(self.OUT):
            self.out.append(Asking(self.service, number))
            until(lambda: self.before_it() == len(self.out), "a query that is out")

    def before_it(self):
        """How many queries wait for it to open."""
        return sum(int(node.sql("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'"
                                f" AND objid = {GATE} AND NOT granted"))
                   for node in self.cluster.nodes[:2])

    def until_wait(self, count, what):
        """Exactly so many requests wait for a connection."""
        until(lambda: self.service.metrics().sum("cqrsd_http_requests_in_flight") ==
              self.OUT + count, what)

    def open(self):
        assert self.before_it() == self.OUT
        self.shut.close()
        assert [one.result().status for one in self.out] == [200] * self.OUT


@pytest.fixture
def gate(serve, cluster):
    gate = Gate(serve(hedge="off"), cluster)
    with gate.shut:
        gate.close()
        yield gate


def test_each_is_answered_at_its_own_deadline(gate):
    hasty = [Asking(gate.service, 100, Request_Timeout="0.3")]
    patient = [Asking(gate.service, 100) for _ in range(2)]
    hasty.append(Asking(gate.service, 100, Request_Timeout="0.3"))

    assert [one.result().status for one in hasty] == [504, 504]
    gate.until_wait(2, "the patient ones")
    gate.open()

    assert [one.result().status for one in patient] == [200, 200]
    assert coalesced(gate.service, "passes") == 1


def test_a_client_that_goes_away_takes_no_other_along(gate):
    leaving = Client(gate.service.address, keep_alive=False)
    connection = leaving.connect()
    connection.request("GET", "/v1/queries/passes?number=100")
    gate.until_wait(1, "the one that leaves")
    staying = [Asking(gate.service, 100) for _ in range(2)]
    gate.until_wait(3, "those that stay")

    connection.sock.close()
    connection.close()
    gate.until_wait(2, "the end of the one that leaves")
    gate.open()

    assert [one.result().data for one in staying] == [{"number": 100}] * 2
    assert coalesced(gate.service, "passes") == 1


def test_strong_reads_see_all_that_was_acknowledged_before_they_came(serve):
    service = serve()
    acknowledged = [0]
    read, stale = [], []

    async def write(connection):
        while len(read) < REQUESTS * (READERS // 2):
            answer = await connection.command("raise_value", "ann")
            acknowledged[0] = answer.data["number"]

    async def client(load, number, connection):
        if number == READERS:
            await write(connection)
            return
        for _ in range(REQUESTS):
            await rest(TAKES_S * number / READERS)
            least = acknowledged[0]
            answer = await connection.query("value")
            read.append(answer.status)
            if answer.status != 200 or answer.data["number"] < least:
                stale.append((least, answer))

    with Load(service.address, client, clients=READERS + 1) as load:
        load.finish()
    assert not stale, stale[:5]
    assert acknowledged[0] > 1
    assert coalesced(service, "value") > 0
