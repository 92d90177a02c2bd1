"""Who calls, and what that caller may."""

import pytest
from harness.service import run

CATALOG = """
-- query: ours :one
SELECT 1 AS n;

-- query: shown :one
-- @public
SELECT 2 AS n;

-- query: cleared :one
-- @roles clerk
SELECT 3 AS n;

-- query: fenced :one
-- @internal
SELECT 4 AS n;

-- command: count_up :one
INSERT INTO counters (name, value) VALUES (:name, 1) RETURNING value;
"""


@pytest.fixture
def required(start_cqrsd, own_catalog):
    return start_cqrsd(catalog=own_catalog(CATALOG), auth="required", log_level="debug")


def refused(cqrsd, kind, reason):
    return cqrsd.metrics().sum("cqrsd_auth_failures_total", kind=kind, reason=reason)


def test_without_a_credential_only_what_is_public_is_served(required):
    answer = required.query("ours")

    assert (answer.status, answer.code) == (401, "unauthenticated")
    assert answer.headers["www-authenticate"] == "Bearer"
    assert required.query("shown").data == {"n": 2}
    assert required.query("cleared").code == "unauthenticated"
    assert required.query("ourz").code == "unauthenticated", "names are not told"
    assert refused(required, "anonymous", "anonymous") == 3


def test_who_sends_no_credential_acts_for_no_user(required):
    answer = required.query("shown", user="ann")

    assert (answer.status, answer.code) == (403, "forbidden")
    assert refused(required, "anonymous", "acts-for") == 1


def test_a_body_is_not_asked_for_before_the_caller_is_known(required):
    with required.raw() as raw:
        raw.send(b"POST /v1/commands/count_up HTTP/1.1\r\nHost: localhost\r\n"
                 b"Content-Type: application/json\r\nContent-Length: 100000\r\n"
                 b"Expect: 100-continue\r\n\r\n")
        assert raw.one_answer().status == 401


@pytest.mark.parametrize(("lines", "status"), [
    (["Authorization: Bearer zecret.zecret.zecret"], 401),
    (["Authorization: Bearer cq_zecret"], 401),
    (["Authorization: Basic zecret"], 401),
    (["Authorization: Bearer zecret, Bearer zecret"], 400),
    (["Authorization: Bearer zecret", "Authorization: Bearer zecret"], 400),
])
def test_nothing_of_a_credential_is_in_the_log_or_in_the_answer(required, lines, status):
    with required.raw() as raw:
        raw.send("\r\n".join(["GET /v1/queries/ours HTTP/1.1", "Host: localhost", *lines, "", ""])
                 .encode())
        answer = raw.one_answer()

    assert answer.status == status
    assert b"zecret" not in answer.body
    assert "a caller was refused" in required.log_text()
    assert "zecret" not in required.log_text()


def test_an_open_service_has_callers_without_roles(start_cqrsd, own_catalog):
    cqrsd = start_cqrsd(catalog=own_catalog(CATALOG), auth="none")

    assert cqrsd.query("ours", user="ann").data == {"n": 1}
    assert cqrsd.query("shown", user="ann").data == {"n": 2}
    for name in ("cleared", "fenced"):
        answer = cqrsd.query(name)
        assert (answer.status, answer.code) == (403, "forbidden")
        assert "clerk" not in str(answer.json)
    assert "cleared" not in cqrsd.query("cleare").problem["detail"]
    assert "fenced" not in cqrsd.post("/v1/commands/fenced", {}).problem["detail"]
    assert "shown" in cqrsd.query("show").problem["detail"]


def test_strong_is_for_those_roles_alone(start_cqrsd):
    cqrsd = start_cqrsd(auth="none", strong_roles="auditor, boss")

    assert cqrsd.query("ping").data == {"pong": 1}
    assert cqrsd.query("ping", consistency="strong").code == "forbidden"


@pytest.mark.parametrize(("options", "complaint"), [
    ({"auth_failures": "20"}, "--auth-failures: 20: wants N/s"),
    ({"strong_roles": "a,,b"}, "--strong-roles: a,,b: wants names"),
    ({"auth": "required", "insecure": True}, "--insecure: there is --auth required, too"),
    ({"auth": "perhaps"}, "--auth"),
    ({"auth": "none", "keys_file": "/nowhere"}, "--keys-file: /nowhere: with --auth none"),
])
def test_what_cannot_be_meant_does_not_start(cluster, catalog, options, complaint):
    done = run("serve", primary=cluster.primary.conninfo, catalog=catalog, listen="127.0.0.1:0",
               admin_listen="127.0.0.1:0", **options)

    assert done.returncode == 2
    assert complaint in done.stderr
