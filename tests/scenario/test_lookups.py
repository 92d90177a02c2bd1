"""@lookup: calls that wait together are one execution, and each is answered as if it were alone.

The same mixed calls go to each @lookup and to its plain twin, whose statement takes one key.
"""

import os
import random
import re
import uuid

import pytest
from harness.load import Load
from harness.service import run

CALLS = int(os.environ.get("LOOKUP_CALLS", "2000"))
CLIENTS = 64

SCHEMA = """
CREATE TYPE luk_mood AS ENUM ('sad', 'so so', 'happy', 'he said "no"');
CREATE DOMAIN luk_number AS int CHECK (VALUE <> 13);
CREATE TABLE luk_items (id int PRIMARY KEY, code text NOT NULL, short varchar(20) NOT NULL,
    mood luk_mood NOT NULL, tag uuid NOT NULL, day date NOT NULL, flag bool NOT NULL,
    big bigint NOT NULL, small smallint NOT NULL, owner text NOT NULL, size int NOT NULL);
INSERT INTO luk_items SELECT i, 'code ' || i % 40, 'Ä' || i,
    (enum_range(NULL::luk_mood))[1 + i % 4], md5(i::text)::uuid, date '2024-01-01' + i, i % 2 = 0,
    1000000000000 + i, i, CASE WHEN i % 2 = 0 THEN 'ann' ELSE 'bob' END,
    CASE WHEN i % 50 = 0 THEN 90000 ELSE 10 END FROM generate_series(1, 200) AS i;
ALTER TABLE luk_items ENABLE ROW LEVEL SECURITY;
ALTER TABLE luk_items FORCE ROW LEVEL SECURITY;
CREATE FUNCTION luk_takes(seconds float8) RETURNS bool LANGUAGE plpgsql STABLE AS
    $$ BEGIN PERFORM pg_sleep(seconds); RETURN true; END $$;
-- Once per execution, so that others wait meanwhile.
CREATE POLICY luk_slow ON luk_items AS RESTRICTIVE USING ((SELECT luk_takes(0.001)));
CREATE POLICY luk_own ON luk_items USING (owner = (SELECT current_setting('request.user', true))
    OR (SELECT coalesce(current_setting('request.user', true), '')) = '');
CREATE ROLE luk_app LOGIN;
GRANT SELECT ON luk_items TO luk_app;
GRANT USAGE ON SCHEMA cqrsd TO luk_app;
GRANT SELECT ON ALL TABLES IN SCHEMA cqrsd TO luk_app;
GRANT pg_monitor TO luk_app;
ANALYZE luk_items;
CREATE TABLE luk_values (id int PRIMARY KEY, number bigint NOT NULL);
INSERT INTO luk_values SELECT i, 0 FROM generate_series(0, 7) AS i;
GRANT SELECT, UPDATE ON luk_values TO luk_app;
"""

CLEAN = """
DROP TABLE luk_items, luk_values;
DROP FUNCTION luk_takes;
DROP TYPE luk_mood;
DROP DOMAIN luk_number;
DROP OWNED BY luk_app;
DROP ROLE luk_app;
"""

# Of each operation: its header, what its statement is, and keys that its callers ask for.
OPERATIONS = {
    "item": (":one", "id", "", "SELECT id, code, short, mood, tag, day, flag FROM luk_items"
             " WHERE id = ANY(:id)", ["1", "17", "+5", "007", "0", "-1", "201", "abc", "", "1.0",
                                      "99999999999", "%207", None]),
    "maybe": (":maybe", "id", "-- @param id int?\n", "SELECT id, code FROM luk_items"
              " WHERE id = ANY(:id)", ["2", "150", "1000", "null", "", None]),
    "doubled": (":maybe", "id", "-- @param id int = 007\n", "SELECT id, n FROM luk_items,"
                " generate_series(1, CASE WHEN id % 10 = 0 THEN 2 ELSE 1 END) AS n"
                " WHERE id = ANY(:id)", ["10", "20", "21", "22", None]),
    "by_code": (":many", "code", "-- @max-rows 4\n", "SELECT code, id, id / 10 AS tenth"
                " FROM luk_items WHERE code = ANY(:code) AND (id < 190 OR id % 40 = 7)"
                " ORDER BY id", ["code 7", "code 8", "code 31", "none", "", "a\"b", "a\\b", "{a,b}",
                                 "NULL", "null", "é☃", None]),
    "by_short": (":many", "short", "", "SELECT short, id FROM luk_items WHERE short = ANY(:short)",
                 ["Ä1", "Ä2", "A1", "ä1", " Ä1", "Ä1 "]),
    "by_mood": (":many", "mood", "-- @max-rows 60\n", "SELECT mood, id FROM luk_items"
                " WHERE mood = ANY(:mood) ORDER BY id", ["sad", "so so", "happy", "he said \"no\"",
                                                         "sad", "happy", "angry"]),
    "by_tag": (":one", "tag", "", "SELECT tag, id FROM luk_items WHERE tag = ANY(:tag)",
               ["c4ca4238-a0b9-2382-0dcc-509a6f75849b", "C81E728D-9D4C-2F63-6F06-7F89CC14862C",
                "{eccbc87e-4b5c-e2fe-2830-8fd9f2a7baf3}", "a87ff679a2f3e71d9181a67b7542122c",
                str(uuid.UUID(int=7)), "none"]),
    "by_day": (":many", "day", "", "SELECT day, id FROM luk_items WHERE day = ANY(:day)",
               ["2024-01-02", "2024-03-01", "2024-1-2", "yesterday", "2024-01-05", "2024-02-30",
                "2031-01-01", "infinity"]),
    "by_flag": (":many", "flag", "-- @max-rows 150\n", "SELECT flag, id FROM luk_items"
                " WHERE flag = ANY(:flag) ORDER BY id", ["true", "f", "1", "TRUE", "maybe"]),
    "by_big": (":one", "big", "-- @int8 string\n", "SELECT big, id FROM luk_items"
               " WHERE big = ANY(:big)", ["1000000000001", "1000000000100", "7"]),
    "by_small": (":one", "small", "", "SELECT small, id FROM luk_items WHERE small = ANY(:small)",
                 ["1", "9", "40000", "300"]),
    "by_domain": (":maybe", "id", "-- @param id luk_number\n", "SELECT id, code FROM luk_items"
                  " WHERE id = ANY(:id)", ["12", "13", "14", "900"]),
    "own": (":maybe", "id", "-- @claims\n", "SELECT id, owner FROM luk_items WHERE id = ANY(:id)",
            ["30", "31", "32", "33", "999"]),
    "faulty": (":maybe", "id", "", "SELECT id, 100 / (id - 60) AS share FROM luk_items"
               " WHERE id = ANY(:id)", ["59", "61", "62", "63", "64", "65", "66", "60"]),
    "large": (":many", "id", "", "SELECT id, repeat('x', size) AS text FROM luk_items"
              " WHERE id = ANY(:id)", ["48", "49", "50", "51", "100"]),
    "above": (":maybe", "id", "-- @param id int\n-- @param least int = 5\n",
              "SELECT id, :least::int AS least FROM luk_items WHERE id = ANY(:id) AND id > :least",
              ["3", "7&least=3", "8&least=4", "9&least=3", "4&least=x"]),
    "latest": (":maybe", "id", "",
               "SELECT k.id, item.id AS other FROM unnest(:id::int[]) AS k (id), LATERAL"
               " (SELECT i.id FROM luk_items AS i WHERE i.id < k.id ORDER BY i.id DESC LIMIT 1) AS"
               " item", ["1", "2", "500", "-5"]),
    "named": (":many", "id", "", "SELECT id, owner FROM luk_items WHERE id = ANY(:id)"
              " AND owner = :request_user", ["30", "31", "999"]),
}
OF_USERS = ("own", "named")
USERS = (None, "ann", "bob")


def statement(name, twin):
    rows, key, head, sql, _ = OPERATIONS[name]
    if twin:
        sql = sql.replace(f"ANY(:{key})", f":{key}")
        sql = sql.replace(f"unnest(:{key}::int[])", f"unnest(ARRAY[:{key}::int])")
        return f"-- query: {name}_plain {rows}\n{head}{sql};\n"
    return f"-- query: {name} {rows}\n-- @lookup by {key}\n{head}{sql};\n"


CATALOG = "\n".join(statement(name, twin) for name in OPERATIONS for twin in (False, True))


def escaped(value):
    """As it stands in a query string; what was escaped already, and other parameters, stay."""
    return "".join(f"%{byte:02X}" if byte in b' "\\{},' or byte > 127 else chr(byte)
                   for byte in value.encode())


def calls(count, seed):
    """Mixed calls: an operation, the rest of its target, a user."""
    chance = random.Random(seed)
    mixed = []
    for _ in range(count):
        name = chance.choice(list(OPERATIONS))
        key, keys = OPERATIONS[name][1], OPERATIONS[name][4]
        if chance.random() < 0.5 and key in ("id", "small"):
            value = str(chance.randrange(1, 220))
        else:
            # The last ones are the odd ones: now and then, so that others travel together.
            odd = chance.random() < 0.1
            value = chance.choice(keys if odd else keys[:2])
        user = chance.choice(USERS) if name in OF_USERS else None
        mixed.append((name, "" if value is None else f"?{key}={escaped(value)}", user))
    return mixed


@pytest.fixture
def serve(schema, own_catalog, start_cqrsd, cluster):
    """One replica, as a role that row level security holds for, and few connections."""
    lines = of_application(cluster)

    def start(text=CATALOG, **options):
        return start_cqrsd(**{"catalog": own_catalog(text), "primary": lines[0],
                              "replica": lines[1:2], "loops": 1, "pool_conns": 2,
                              "queue_wait_ms": 20000, "limit": "off", "hedge": "off",
                              "stream_conns": 0, "result_bytes_max": 65536, **options})
    return start


def ask(service, mixed, suffix=""):
    """The answers, in the order of the calls."""
    answers = [None] * len(mixed)

    async def client(load, number, connection):
        for at in range(number, len(mixed), CLIENTS):
            name, rest, user = mixed[at]
            answers[at] = await connection.query(f"{name}{suffix}{rest}", user)

    with Load(service.address, client, clients=CLIENTS) as load:
        load.finish(deadline_s=60 + len(mixed) / 20)
    return answers


VOLATILE_HEADERS = {"date", "x-request-id", "consistency-token", "consistency", "server-timing",
                    "content-length", "etag", "transfer-encoding", "connection", "ratelimit",
                    "retry-after"}


def essence(answer):
    """What must be the same for both, with the name of the lookup for that of its twin."""
    body = re.sub(r'"(request_id|instance|trace_id)": ?"[^"]*"', "", answer.body.decode())
    headers = {name: value for name, value in answer.headers.items()
               if name not in VOLATILE_HEADERS}
    return answer.status, body.replace("_plain", ""), headers


def sent_together(service):
    return {name: service.metrics().sum("cqrsd_lookup_calls_sum", name=name)
            for name in OPERATIONS}


def test_mixed_calls_are_answered_like_those_of_the_plain_statements(serve):
    service = serve()
    mixed = calls(CALLS, seed=CALLS)

    plain = ask(service, mixed, "_plain")
    answers = ask(service, mixed)

    differing = [(call, essence(one), essence(other))
                 for call, one, other in zip(mixed, answers, plain)
                 if essence(one) != essence(other)]
    assert not differing, (len(differing), differing[:3])
    statuses = {answer.status for answer in answers}
    assert {200, 400, 404, 500} <= statuses, statuses
    assert all(answer.headers.get("consistency-token") for answer in answers
               if answer.status == 200)
    assert sum(sent_together(service).values()) >= CALLS / 20


SLOW_ITEM = """
-- query: item :one
-- @lookup by id
WITH paused AS MATERIALIZED (SELECT luk_takes(0.01) AS took)
SELECT id, took FROM luk_items, paused WHERE id = ANY(:id);
"""


def test_of_64_clients_with_keys_at_random_few_executions_reach_the_server(serve):
    service = serve(SLOW_ITEM)
    chance = random.Random(1)
    mixed = [("item", f"?id={chance.randrange(1, 200)}", None) for _ in range(CLIENTS * 8)]
    assert service.query("item", id=1).status == 200

    answers = ask(service, mixed)

    assert {answer.status for answer in answers} == {200}
    assert [answer.data["id"] for answer in answers] == \
        [int(rest.partition("=")[2]) for _, rest, _ in mixed]
    alone = len(mixed) - sent_together(service)["item"]
    together = service.metrics().sum("cqrsd_lookup_calls_count", name="item")
    assert alone + together <= 0.25 * len(mixed)


def test_those_whose_time_is_over_take_no_other_along(serve):
    service = serve(SLOW_ITEM)
    wrong, late = [], []

    async def client(load, number, connection):
        chance = random.Random(number)
        for _ in range(12):
            hasty = chance.random() < 0.4
            key = chance.randrange(1, 200)
            headers = {"Request-Timeout": f"{chance.uniform(0.005, 0.04):.3f}"} if hasty else {}
            answer = await connection.request("GET", f"/v1/queries/item?id={key}",
                                              headers=headers)
            late.extend([answer] if answer.status == 504 else [])
            if not (hasty and answer.status == 504) and \
                    (answer.status, (answer.data or {}).get("id")) != (200, key):
                wrong.append((hasty, key, answer))

    with Load(service.address, client, clients=CLIENTS) as load:
        load.finish()
    assert not wrong, wrong[:3]
    assert late
    assert sent_together(service)["item"] > 0


def test_an_error_of_one_key_is_told_to_those_who_asked_for_it(serve):
    service = serve()
    mixed = [("faulty", f"?id={55 + number % 11}", None) for number in range(CLIENTS * 8)]
    told = service.query("faulty_plain", id=60)

    answers = ask(service, mixed)

    assert {answer.status for call, answer in zip(mixed, answers) if call[1] != "?id=60"} == {200}
    assert {(answer.status, answer.code) for call, answer in zip(mixed, answers)
            if call[1] == "?id=60"} == {(told.status, told.code)}
    assert service.metrics().sum("cqrsd_lookups_broken_total", name="faulty", reason="error") >= 1


def test_two_users_see_their_own_rows_alone(serve):
    service = serve()
    chance = random.Random(2)
    mixed = [("own", f"?id={chance.randrange(1, 200)}", chance.choice(("ann", "bob")))
             for _ in range(CLIENTS * 8)]

    answers = ask(service, mixed)

    wrong = [(call, answer.json) for call, answer in zip(mixed, answers)
             if (answer.data or {}).get("owner") not in (None, call[2])]
    assert not wrong, wrong[:3]
    assert sent_together(service)["own"] > 0


VALUES = """
-- query: value :one
-- @lookup by id
-- @consistency strong
SELECT id, number FROM luk_values WHERE id = ANY(:ids);

-- command: raise_value :one
-- @param id int
UPDATE luk_values SET number = number + 1 WHERE id = :id RETURNING number;
"""


def test_strong_reads_see_whatever_was_acknowledged_before_they_came(serve):
    service = serve(VALUES)
    acknowledged = [0] * 8
    stale = []

    async def client(load, number, connection):
        chance = random.Random(number)
        for _ in range(16):
            key = chance.randrange(8)
            if number < 2:
                answer = await connection.command("raise_value", "ann", id=key)
                acknowledged[key] = max(acknowledged[key], answer.data["number"])
                continue
            least = acknowledged[key]
            answer = await connection.query(f"value?id={key}")
            assert answer.status == 200, answer
            if answer.data["number"] < least:
                stale.append((key, least, answer.data["number"]))

    with Load(service.address, client, clients=CLIENTS) as load:
        load.finish()
    assert not stale, stale[:5]
    assert service.metrics().sum("cqrsd_lookup_calls_sum", name="value") > 0


def test_a_statement_that_keeps_breaking_is_asked_for_single_keys(serve):
    service = serve("-- query: wrong :maybe\n-- @lookup by id\n"
                    "SELECT id + 1 AS id, code FROM luk_items WHERE id = ANY(:id);\n")
    mixed = [("wrong", f"?id={number % 190 + 1}", None) for number in range(CLIENTS * 16)]

    answers = ask(service, mixed)

    assert [answer.data["id"] for answer in answers] == \
        [int(rest.partition("=")[2]) + 1 for _, rest, _ in mixed]
    broken = service.metrics().sum("cqrsd_lookups_broken_total", name="wrong", reason="foreign")
    assert 1 <= broken <= 8


def test_where_texts_may_be_equal_by_collation_each_goes_alone(serve, cluster):
    cluster.primary.sql("CREATE COLLATION luk_ci (provider = icu, locale = 'und-u-ks-level2',"
                        " deterministic = false)")
    try:
        service = serve("-- query: loose :many\n-- @lookup by short\nSELECT short, id FROM"
                        " luk_items WHERE short COLLATE luk_ci = ANY(:short);\n"
                        "-- query: item :one\n-- @lookup by id\nSELECT id FROM luk_items"
                        " WHERE id = ANY(:id);\n")
        mixed = [("loose", f"?short={escaped(key)}", None) for key in ("Ä1", "ä1") * 128]
        mixed += [("item", f"?id={number}", None) for number in range(1, 200)]

        answers = ask(service, mixed)

        assert {answer.status for answer in answers} == {200}
        assert {tuple(row["id"] for row in answer.data) for answer in answers[:256]} == {(1,)}
        together = service.metrics()
        assert together.sum("cqrsd_lookup_calls_sum", name="loose") == 0
        assert together.sum("cqrsd_lookup_calls_sum", name="item") > 0
    finally:
        cluster.primary.sql("DROP COLLATION luk_ci")


# --- what check says, and serve ------------------------------------------------------------------

HEAD = "-- query: a :many\n-- @lookup by id\n"
MISTAKES = {
    "no column": (HEAD + "SELECT code FROM luk_items WHERE id = ANY(:id);\n",
                  "operations.sql:3:1: error: @lookup by id: the statement returns no column"
                  " \"id\", which says whose row it is: write SELECT … AS id"),
    "no array": (HEAD + "SELECT id FROM luk_items WHERE id = :id;\n",
                 "operations.sql:3:1: error: @lookup by id: the statement takes no array of it,"
                 " but integer: write = ANY(:id)"),
    "type": ("-- query: a :many\n-- @lookup by n\nSELECT n FROM (SELECT id::numeric AS n"
             " FROM luk_items) AS i WHERE n = ANY(:n);\n",
             "operations.sql:3:1: error: @lookup by n: keys of type numeric cannot be told apart"),
    "other type": (HEAD + "-- @param id bigint\nSELECT id FROM luk_items WHERE id = ANY(:id);\n",
                   "operations.sql:4:1: error: @lookup by id: the column \"id\" is integer, the"
                   " parameter bigint: declare it as the column, @param id TYPE"),
    "unknown type": (HEAD + "-- @param id luk_nothing\nSELECT id FROM luk_items"
                     " WHERE id = ANY(:id);\n",
                     "operations.sql:3:11: error: type \"luk_nothing[]\" does not exist"),
    "no parameter": (HEAD + "SELECT id FROM luk_items;\n",
                     "operations.sql:2:15: error: the statement has no parameter \"id\""),
}


def of_application(cluster):
    """The nodes, as a role that row level security holds for."""
    return [node.conninfo.replace("postgres@", "luk_app@") for node in cluster.nodes]


def check(cluster, folder):
    primary, *replicas = of_application(cluster)
    return run("check", primary=primary, catalog=folder, replica=replicas)


@pytest.mark.parametrize("text, says", MISTAKES.values(), ids=MISTAKES)
def test_check_says_what_to_write_instead(cluster, schema, own_catalog, text, says):
    done = check(cluster, own_catalog(text))

    assert done.returncode == 1
    assert says in done.stderr


@pytest.mark.parametrize("sql, says", [
    ("SELECT id FROM luk_items WHERE id = ANY(:ids) ORDER BY id\nLIMIT 3",
     "operations.sql:4:1: warning: LIMIT counts the rows of all keys"),
    ("SELECT id FROM luk_items WHERE ARRAY[id] <@ :id",
     "operations.sql:3:45: warning: the array of @lookup by id is not within ANY"),
    ("SELECT id, random() AS chance FROM luk_items WHERE id = ANY(:id)",
     "operations.sql:3:1: warning: each key of @lookup is asked for alone"),
], ids=["limit", "any", "volatile"])
def test_check_warns_of_what_depends_on_other_keys(cluster, schema, own_catalog, sql, says):
    done = check(cluster, own_catalog(f"{HEAD}{sql};\n"))

    assert done.returncode == 0, done.stderr
    assert says in done.stderr


def test_check_is_silent_of_what_is_sound(cluster, schema, own_catalog):
    done = check(cluster, own_catalog(CATALOG + HEAD.replace(" a ", " limited ") +
                                      "SELECT k.id, i.code FROM unnest(:id::int[]) AS k (id),"
                                      " LATERAL (SELECT code FROM luk_items AS i WHERE i.id = k.id"
                                      " LIMIT 1) AS i;\n"))

    assert done.returncode == 0, done.stderr
    assert "ANY" not in done.stderr and "LIMIT" not in done.stderr


def test_what_check_refuses_is_not_served(serve):
    service = serve(MISTAKES["no column"][0])

    answer = service.query("a", id=1)

    assert answer.status == 500
    assert "operations.sql:3:1: @lookup by id: the statement returns no column" in \
        service.log_text()
