"""Commands that commit together: the same answers, errors and rows as one by one."""

import random
import threading

import pytest

from harness.load import Load
from harness.until import until
from scenario.test_faults import Writers

CLIENTS = 48
STEPS = 40

SCHEMA = """
CREATE TABLE grp_lines (client int, step int, amount int CONSTRAINT grp_positive CHECK (amount > 0),
                        note text NOT NULL, PRIMARY KEY (client, step));
CREATE TABLE grp_counters (id int PRIMARY KEY, value bigint NOT NULL DEFAULT 0);
INSERT INTO grp_counters (id) SELECT generate_series(0, 9);
CREATE TABLE grp_parents (id int PRIMARY KEY);
CREATE TABLE grp_children (client int, step int, parent int CONSTRAINT grp_parent
                           REFERENCES grp_parents DEFERRABLE INITIALLY DEFERRED);
CREATE FUNCTION grp_raise(state text, message text) RETURNS int LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '%', message USING ERRCODE = state;
END $$;
CREATE FUNCTION grp_leave(name text, value text) RETURNS text LANGUAGE sql
    AS 'SELECT pg_catalog.set_config(name, value, true)';
CREATE FUNCTION grp_time() RETURNS text LANGUAGE sql STABLE
    AS $$ SELECT concat_ws(' ', current_setting('TimeZone'), current_setting('synchronous_commit'),
                           current_user, nullif(current_setting('grp.user', true), '')) $$;
CREATE ROLE grp_other;
"""

CLEAN = """
DROP TABLE grp_lines, grp_counters, grp_children, grp_parents;
DROP FUNCTION grp_raise, grp_leave, grp_time;
DROP ROLE grp_other;
"""

CATALOG = """
-- command: line :one
-- @param client int
-- @param step int
-- @param amount int
-- @param note text?
INSERT INTO grp_lines VALUES (:client, :step, :amount, :note) RETURNING step, note;

-- command: lines :exec
-- @param client int
-- @param step int
INSERT INTO grp_lines SELECT :client, :step + n, 1, 'several' FROM generate_series(1000, 1002) AS n;

-- command: change :one
-- @param client int
-- @param step int
UPDATE grp_lines SET amount = amount + 1 WHERE client = :client AND step = :step RETURNING amount;

-- command: count :exec
-- @param id int
UPDATE grp_counters SET value = value + 1 WHERE id = :id;

-- command: count_both :exec
-- @param one int
-- @param other int
WITH first AS (UPDATE grp_counters SET value = value + 1 WHERE id = :one RETURNING 1)
UPDATE grp_counters SET value = value + 1 FROM first WHERE id = :other;

-- command: child :one
-- @param client int
-- @param step int
-- @param parent int
INSERT INTO grp_children VALUES (:client, :step, :parent) RETURNING step;

-- command: raise :one
-- @param state text
-- @param message text
SELECT grp_raise(:state, :message) AS never;

-- command: divide :one
-- @param by int
SELECT 10 / :by AS result;

-- command: busy :one
SELECT value FROM grp_counters WHERE id = 9 FOR UPDATE NOWAIT;

-- command: two :one
SELECT n FROM generate_series(1, 2) AS n;

-- command: leave :one
-- @param setting text
-- @param value text
SELECT grp_leave(:setting, :value) AS value;

-- command: time :one
SELECT grp_time() AS time;

-- command: off :one
-- @group off
-- @param id int
SELECT :id AS id;
"""

# What a client may ask: name of the operation and its parameters, by client and step.
ASKED = [
    lambda client, step: ("line", {"client": client, "step": step, "amount": 1, "note": "é"}),
    lambda client, step: ("line", {"client": client, "step": step, "amount": 2, "note": "b"}),
    lambda client, step: ("line", {"client": client, "step": step, "amount": 3, "note": "c"}),
    lambda client, step: ("line", {"client": client, "step": -1, "amount": 1, "note": "twice"}),
    lambda client, step: ("line", {"client": client, "step": step, "amount": -1, "note": "a"}),
    lambda client, step: ("line", {"client": client, "step": step, "amount": 1, "note": None}),
    lambda client, step: ("lines", {"client": client, "step": step * 10000}),
    lambda client, step: ("change", {"client": client, "step": -1}),
    lambda client, step: ("change", {"client": client, "step": -2}),
    lambda client, step: ("count", {"id": step % 3}),
    lambda client, step: ("count_both", {"one": (client + step) % 5, "other": client % 5}),
    lambda client, step: ("child", {"client": client, "step": step, "parent": 1}),
    lambda client, step: ("child", {"client": client, "step": step, "parent": 99}),
    lambda client, step: ("raise", {"state": "P0001", "message": f"no {client} {step}"}),
    lambda client, step: ("raise", {"state": "PT409", "message": f"taken {client} {step}"}),
    lambda client, step: ("raise", {"state": "40001", "message": "never serializes"}),
    lambda client, step: ("divide", {"by": step % 2}),
    lambda client, step: ("busy", {}),
    lambda client, step: ("two", {}),
    lambda client, step: ("leave", {"setting": "TimeZone", "value": "Asia/Tokyo"}),
    lambda client, step: ("leave", {"setting": "synchronous_commit", "value": "off"}),
    lambda client, step: ("leave", {"setting": "grp.user", "value": f"user {client}"}),
    lambda client, step: ("leave", {"setting": "role", "value": "grp_other"}),
    lambda client, step: ("time", {}),
    lambda client, step: ("time", {}),
    lambda client, step: ("off", {"id": step}),
]
# Those that hold up the others with what they break are rarer.
RARE = {"child", "raise", "busy", "leave", "count_both"}


@pytest.fixture
def serve(schema, start_cqrsd, own_catalog):
    catalog = own_catalog(CATALOG)

    def start(**options):
        return start_cqrsd(catalog=catalog, loops=1, queue_wait_ms=20000,
                           request_timeout_ms=30000, **options)
    return start


def asked_by(client, seed):
    """The first line is there for sure; then whatever the seed draws."""
    draw = random.Random(f"{seed}/{client}")
    yield "line", {"client": client, "step": -1, "amount": 1, "note": "first"}
    for step in range(STEPS):
        name, params = draw.choice(ASKED)(client, step)
        if name in RARE and draw.random() < 0.8:
            name, params = ASKED[0](client, step)
        yield name, params


def told(answer):
    """What an answer says, without what differs from run to run."""
    if answer.status == 200:
        return 200, answer.data, answer.json.get("rows_affected")
    return answer.status, {name: value for name, value in answer.problem.items()
                           if name not in ("request_id", "token")}


def answers_of(service, seed, clients=CLIENTS):
    """{(client, number): what was told} of all clients at once."""
    answers = {}

    async def client(load, number, connection):
        for count, (name, params) in enumerate(asked_by(number, seed)):
            answer = await connection.command(name, f"grp{number}", **params)
            answers[number, count] = (name, params, told(answer))

    with Load(service.address, client, clients=clients) as load:
        load.finish(120)
    return answers


def rows_of(cluster):
    return [cluster.primary.sql(text) for text in (
        "SELECT * FROM grp_lines ORDER BY client, step",
        "SELECT * FROM grp_counters ORDER BY id",
        "SELECT * FROM grp_children ORDER BY client, step, parent")]


def empty(cluster):
    cluster.primary.sql("TRUNCATE grp_lines, grp_children, grp_parents; "
                        "UPDATE grp_counters SET value = 0; INSERT INTO grp_parents VALUES (1)")


def groups_of(service):
    metrics = service.metrics()
    return metrics.sum("cqrsd_command_group_calls_count")


def broken_of(service):
    return service.metrics().sum("cqrsd_command_groups_broken_total")


def redone_of(service):
    return service.metrics().sum("cqrsd_command_groups_redone_total")


@pytest.mark.parametrize("seed", [1, 2])
def test_groups_answer_as_commands_one_by_one_do(serve, cluster, seed):
    grouped, alone = serve(), serve(group_commands=1)
    found = {}
    for name, service in (("grouped", grouped), ("alone", alone)):
        empty(cluster)
        with cluster.primary.open_transaction(
                "SELECT 1 FROM grp_counters WHERE id = 9 FOR UPDATE"):
            answers = answers_of(service, seed)
        found[name] = answers, rows_of(cluster)

    assert found["grouped"][0] == found["alone"][0]
    assert found["grouped"][1] == found["alone"][1]
    assert groups_of(grouped) > 20
    assert broken_of(grouped) > 0
    assert redone_of(grouped) > 0
    assert groups_of(alone) == 0


@pytest.mark.parametrize("failing", [100, 10, 2])
def test_groups_are_rarely_redone_however_often_a_statement_fails(serve, cluster, failing):
    """One in so many lines is a duplicate; which of them, says the number of its step."""
    service = serve()
    empty(cluster)
    cluster.primary.sql("INSERT INTO grp_lines VALUES (-1, 0, 1, 'there')")
    statuses = {}

    async def client(load, number, connection):
        for step in range(50):
            fails = (number * 50 + step) % failing == failing - 1
            key = (-1, 0) if fails else (number, step)
            answer = None
            # On a busy machine some are refused: they have not run.
            while not answer or (answer.status == 503 and not load.stopping):
                answer = await connection.command("line", f"grp{number}", client=key[0],
                                                  step=key[1], amount=1, note="x")
            statuses[number, step] = answer.status, 409 if fails else 200

    with Load(service.address, client, clients=CLIENTS) as load:
        load.finish(120)

    commands = CLIENTS * 50
    assert [key for key, (status, due) in statuses.items() if status != due] == []
    assert int(cluster.primary.sql("SELECT count(*) FROM grp_lines WHERE client >= 0")) == \
        commands - commands // failing
    assert groups_of(service) > 20
    assert redone_of(service) <= 1 + commands / 200


def test_what_one_has_written_is_there_for_the_next_ones_of_its_group(serve, cluster):
    service = serve()
    empty(cluster)
    answers = {}

    async def client(load, number, connection):
        for step in range(20):
            answer = await connection.command("count", f"grp{number}", id=step % 10)
            answers[number, step] = answer.status

    with Load(service.address, client, clients=CLIENTS) as load:
        load.finish(60)

    assert set(answers.values()) == {200}
    assert cluster.primary.sql("SELECT sum(value) FROM grp_counters") == str(CLIENTS * 20)
    assert groups_of(service) > 0


def test_clients_one_after_the_other_form_no_group(serve, cluster):
    service = serve()
    empty(cluster)
    for step in range(50):
        assert service.command("line", user="ann", client=1, step=step, amount=1,
                               note="x").status == 200

    assert groups_of(service) == 0


def test_a_locked_row_holds_up_only_who_needs_it(serve, cluster):
    service = serve()
    empty(cluster)
    for step in range(3):
        assert service.command("count", user="ann", id=step).status == 200
    waiting = []
    with cluster.primary.open_transaction("SELECT 1 FROM grp_counters WHERE id = 5 FOR UPDATE"):
        threads = [threading.Thread(target=lambda: waiting.append(
            service.command("count", user="bob", id=5))) for _ in range(2)]
        for thread in threads:
            thread.start()
        answers = answers_of_lines(service)
        assert set(answers.values()) == {200}
        assert not waiting
    for thread in threads:
        thread.join(30)

    assert [answer.status for answer in waiting] == [200, 200]
    assert cluster.primary.sql("SELECT value FROM grp_counters WHERE id = 5") == "2"


def answers_of_lines(service):
    statuses = {}

    async def client(load, number, connection):
        for step in range(20):
            answer = await connection.command("line", f"grp{number}", client=number, step=step,
                                              amount=1, note="x")
            statuses[number, step] = answer.status

    with Load(service.address, client, clients=16) as load:
        load.finish(60)
    return statuses


def test_own_reads_follow_commands_that_committed_together(start_cqrsd, cluster):
    service = start_cqrsd(loops=1, queue_wait_ms=20000, request_timeout_ms=30000)
    writers = Writers("grouped-")
    with Load(service.address, writers.client, clients=CLIENTS) as load:
        until(lambda: groups_of(service) > 20, "groups to form", 30)
        writers.goes_on(load)

    assert writers.stale == []
    assert writers.problems == {}
    assert writers.missing(cluster) == set()


def test_the_primary_killed_under_groups_keeps_what_it_acknowledged(start_cqrsd, cluster):
    service = start_cqrsd(loops=1, queue_wait_ms=20000, request_timeout_ms=30000)
    writers = Writers("group-killed-")
    with Load(service.address, writers.client, clients=CLIENTS) as load:
        until(lambda: groups_of(service) > 20, "groups to form", 30)
        cluster.primary.kill9()
        until(lambda: writers.problems.get("no-primary"), "commands to be refused")
        cluster.primary.start()
        writers.goes_on(load)
        load.stopping = True
        load.finish(60)

    assert writers.missing(cluster) == set()
    assert writers.stale == []
    assert writers.lost == 0
