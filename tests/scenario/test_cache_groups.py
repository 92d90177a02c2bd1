"""Cache-Groups and Cache-Group-Invalidation (RFC 9875): what a cache in front may follow."""

import pytest
from harness.until import always, until

from .conftest import empty_jobs

CATALOG = """
-- query: thing :one
-- @cache 60s
-- @tags things, things:{id}
SELECT number FROM test_grouped WHERE id = :id;

-- query: named :maybe
-- @cache 60s
-- @tags names:{name}
-- @param name text
SELECT number FROM test_grouped WHERE name = :name;

-- query: plain :one
-- @cache 60s
SELECT number FROM test_grouped WHERE id = :id;

-- query: uncached :one
SELECT number FROM test_grouped WHERE id = :id;

-- command: touch :exec
-- @invalidates things:{id}
-- @async allowed
-- @param id int
UPDATE test_grouped SET number = number + 1 WHERE id = :id;

-- command: rename :exec
-- @invalidates names:{name}
-- @param id int
-- @param name text
UPDATE test_grouped SET name = :name WHERE id = :id;

-- command: fail :exec
-- @invalidates things:{id}
-- @param id int
INSERT INTO test_grouped (id) VALUES (:id);

-- command: plain_touch :exec
UPDATE test_grouped SET number = number + 1 WHERE id = :id;
"""

SCHEMA = """
CREATE TABLE test_grouped (id int PRIMARY KEY, name text, number int DEFAULT 0);
INSERT INTO test_grouped SELECT i FROM generate_series(1, 50) AS i;
"""

CLEAN = "DROP TABLE IF EXISTS test_grouped;"


@pytest.fixture
def service(schema, start_cqrsd, own_catalog):
    return start_cqrsd(catalog=own_catalog(CATALOG), wait_ms=2000, max_lag_ms=0, max_lag_bytes=0)


def groups(reply):
    return reply.headers.get("cache-groups")


def stale(reply):
    return reply.headers.get("cache-group-invalidation")


def test_an_answer_says_its_groups_whoever_gives_it(service):
    def asked():
        reply = service.query("thing", id=7)
        always(groups(reply) == '"things", "things:7", "*"', reply)
        return reply.served_by.role == "cache"

    until(asked, "it to be kept")
    assert groups(service.query("plain", id=7)) is None
    assert groups(service.query("uncached", id=7)) is None


def test_a_command_says_what_it_made_stale(service):
    assert stale(service.command("touch", id=7)) == '"things:7"'
    assert stale(service.command("plain_touch", id=7)) is None


def test_what_was_not_done_made_nothing_stale(service):
    assert stale(service.command("fail", id=7)) is None
    assert stale(service.command("touch", id=1000)) is None
    assert service.command("touch", id="x").status == 400


def test_a_repeat_of_a_command_says_it_again(service):
    key = {"Idempotency-Key": "groups-1"}

    first = service.command("touch", id=8, headers=key)
    again = service.command("touch", id=8, headers=key)

    assert again.headers["idempotent-replayed"] == "true"
    assert stale(first) == stale(again) == '"things:8"'


def test_what_is_accepted_as_a_job_is_not_done(service, cluster):
    reply = service.command("touch", id=9, headers={"Prefer": "respond-async"})

    assert reply.status == 202
    assert stale(reply) is None
    until(lambda: service.get(reply.headers["location"]).json["job"]["state"] == "done",
          "the job to end")
    empty_jobs(cluster.primary)


@pytest.mark.parametrize("name, told", [
    ('a"b\\c', r'"names:a\"b\\c"'),
    ("a\r\nset-cookie: b", '"names:a%0D%0Aset-cookie: b"'),
    ("ä, %#", '"names:%C3%A4, %25%23"'),
])
def test_a_value_stays_in_its_string(service, name, told):
    assert stale(service.command("rename", id=1, name=name)) == told
    reply = service.query("named", name=name)
    assert groups(reply) == told + ', "*"'
    assert "set-cookie" not in reply.headers


def test_a_long_value_is_told_by_its_hash(service):
    first = stale(service.command("rename", id=1, name="v" * 200))

    assert first.startswith('"#') and len(first) == 19
    assert groups(service.query("named", name="v" * 200)) == first + ', "*"'
