"""Jobs: many commands in one body, accepted as jobs at once."""

import json
import uuid

import pytest
from harness.service import Service

from .conftest import options_for
from .job_fixtures import catalog, effects, primary  # noqa: F401

CATALOG = """
-- command: later :one
-- @param number int
-- @param note text?
-- @async allowed
-- @batch-max 100
-- @idempotency optional
INSERT INTO effects (number, note) VALUES (:number, :note) RETURNING id, number;

-- command: single :one
-- @param number int
-- @async allowed
INSERT INTO effects (number) VALUES (:number) RETURNING id, number;

-- command: ordered :exec
-- @param account text?
-- @param number int
-- @async allowed
-- @batch-max 10
-- @order-by account
-- @idempotency optional
INSERT INTO effects (number, note) VALUES (:number, :account);
"""


@pytest.fixture(scope="module")
def cqrsd(effects, shop_cluster, catalog):
    # Whatever a story of keys does, callers of this one need none.
    service = Service(**options_for(shop_cluster, catalog, {"auth": "none", "workers": 0}))
    service.start()
    yield service
    service.close()


def send(cqrsd, body, name="later", **headers):
    return cqrsd.client.request("POST", f"/v1/commands/{name}", body=body,
                                headers={"X-User-Id": "ann", **headers})


def count(primary):
    return int(primary.sql("SELECT count(*) FROM cqrsd.job"))


def test_all_of_an_array_are_jobs_in_its_order(cqrsd, primary):
    answer = send(cqrsd, [{"number": n, "note": 'a "b" \\ {c},'} for n in range(100)])

    jobs = answer.json["jobs"]
    assert answer.status == 202 and set(answer.json) == {"jobs"} and len(jobs) == 100, answer
    assert answer.headers["retry-after"] and "location" not in answer.headers and answer.token
    assert len({job["id"] for job in jobs}) == 100
    kept = primary.sql("SELECT parameters FROM cqrsd.job ORDER BY n").splitlines()
    assert [json.loads(row)["number"] for row in kept] == [str(n) for n in range(100)]
    assert json.loads(kept[0])["note"] == 'a "b" \\ {c},'
    for job in (jobs[0], jobs[99]):
        shown = cqrsd.client.request("GET", f"/v1/jobs/{job['id']}", headers={"X-User-Id": "ann"})
        assert shown.json["job"]["state"] == "queued", shown


def test_an_array_that_is_not_taken_is_refused_as_a_whole(cqrsd, primary):
    for name, body, code in (("later", [], "bad-request"),
                             ("later", [{"number": 1}] * 101, "bad-request"),
                             ("later", [{"number": 1}, 2], "invalid-json"),
                             ("single", [{"number": 1}], "invalid-json")):
        answer = send(cqrsd, body, name=name)
        assert (answer.status, answer.code) == (400, code), answer
    assert count(primary) == 0


def test_each_wrong_parameter_is_named_with_its_place(cqrsd, primary):
    answer = send(cqrsd, [{"number": 1}, {"number": "x"}, {"number": 2, "more": 3}, {}])

    assert (answer.status, answer.code) == (400, "unknown-parameter"), answer
    assert {error["param"] for error in answer.problem["errors"]} == {
        "[1].number", "[2].more", "[3].number"}
    assert count(primary) == 0


def test_a_key_covers_the_whole_array(cqrsd, primary):
    key = {"Idempotency-Key": uuid.uuid4().hex}
    first = send(cqrsd, [{"number": 1}, {"number": 2}], **key)
    again = send(cqrsd, [{"number": 1}, {"number": 2}], **key)
    other = send(cqrsd, [{"number": 1}], **key)

    assert first.status == again.status == 202 and first.json == again.json, again
    assert again.headers["idempotent-replayed"] == "true"
    assert (other.status, other.code) == (422, "idempotency-mismatch"), other
    assert count(primary) == 2


def test_each_of_an_array_has_the_value_that_orders_it_and_all_are_kept_as_long_as_the_key(
        cqrsd, primary):
    accounts = ["a", "x" * 300, None, "a", "x" * 300, "b"]
    body = [{"account": account, "number": n} for n, account in enumerate(accounts)]
    answer = send(cqrsd, body, name="ordered", **{"Idempotency-Key": uuid.uuid4().hex})

    assert answer.status == 202, answer
    rows = [row.split("|") for row in primary.sql(
        "SELECT parameters ->> 'number', order_key, keyed FROM cqrsd.job ORDER BY n").splitlines()]
    assert [int(row[0]) for row in rows] == list(range(6))
    keys = [row[1] for row in rows]
    assert [keys[0], keys[3], keys[2], keys[5]] == ["a", "a", "", "b"], keys
    assert keys[1] == keys[4] and len(keys[1]) < 200, keys
    assert {row[2] for row in rows} == {"t"}
