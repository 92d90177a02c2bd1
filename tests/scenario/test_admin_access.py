"""Who may see what of the admin listener."""

import os

import pytest
from harness import processes
from harness.client import Raw
from harness.service import run
from harness.until import until

from .conftest import options_for

TOKEN = "4f1c" * 16
NEXT = "9b7e" * 16
FENCED = ["/metrics", "/admin/api/hot", "/admin/api/requests", "/admin/api/jobs"]
SHORT = {"status", "queries", "commands"}


@pytest.fixture
def token_file(tmp_path):
    path = tmp_path / "token"
    path.write_text(TOKEN + "\n", encoding="utf-8")
    path.chmod(0o600)
    return path


def bearer(token):
    return {"Authorization": f"Bearer {token}"}


@pytest.fixture
def near(start_cqrsd, token_file):
    """On loopback, with a file of tokens all the same."""
    cqrsd = start_cqrsd(wait="alive", admin_token_file=token_file)
    until(lambda: cqrsd.readyz().status == 200, "it to be ready")
    return cqrsd


def test_without_the_token_there_is_life_and_a_short_readiness(near):
    assert near.admin.get("/livez").status == 200
    ready = near.readyz()

    assert set(ready.json) == SHORT
    assert ready.json == {"status": "ready", "queries": True, "commands": True}
    for path in FENCED:
        refused = near.admin.get(path)
        assert (refused.status, refused.code) == (401, "unauthenticated")
        assert refused.headers["www-authenticate"] == "Bearer"


def test_without_the_token_nothing_is_changed(near):
    change = near.admin.post("/admin/api/jobs/pause", {"all": True})

    assert (change.status, change.code) == (401, "unauthenticated")


def test_with_the_token_there_is_all_of_it(near):
    assert len(near.admin.get("/readyz", bearer(TOKEN)).json["nodes"]) == 3
    assert {near.admin.get(path, bearer(TOKEN)).status for path in FENCED} == {200}


def test_another_token_is_none(near):
    for headers in (
            bearer(NEXT), bearer(TOKEN[:-1]), bearer(TOKEN + "0"), bearer(""),
            {"Authorization": TOKEN}, {"Authorization": f"Basic {TOKEN}"},
            {"X-Admin-Token": TOKEN}):
        assert near.admin.get("/metrics", headers).status == 401, headers
        assert set(near.admin.get("/readyz", headers).json) == SHORT, headers


def test_two_tokens_at_once_are_none(near):
    with Raw(near.admin_address) as raw:
        raw.send(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n" +
                 f"Authorization: Bearer {TOKEN}\r\n".encode() * 2 + b"\r\n")

        assert raw.until_closed().startswith(b"HTTP/1.1 401")


def test_the_token_is_in_no_log(near):
    near.admin.get("/metrics", bearer(TOKEN))
    near.admin.get("/metrics", bearer(NEXT))

    assert TOKEN not in near.log_text() and NEXT not in near.log_text()


def test_a_reload_takes_the_next_token_and_a_bad_file_changes_nothing(near, token_file):
    token_file.write_text(f"{TOKEN}\n{NEXT}\n", encoding="utf-8")
    near.hup()
    until(lambda: near.admin.get("/metrics", bearer(NEXT)).status == 200, "the next token")
    assert near.admin.get("/metrics", bearer(TOKEN)).status == 200

    token_file.write_text("short\n", encoding="utf-8")
    near.hup()
    until(lambda: "nothing is reloaded" in near.log_text(), "the file to be refused")
    assert near.admin.get("/metrics", bearer(NEXT)).status == 200

    token_file.write_text(f"{NEXT}\n", encoding="utf-8")
    near.hup()
    until(lambda: near.admin.get("/metrics", bearer(TOKEN)).status == 401, "the old one to end")


def test_a_file_that_others_can_read_is_warned_about(start_cqrsd, token_file):
    token_file.chmod(0o644)
    cqrsd = start_cqrsd(wait="alive", admin_token_file=token_file)

    assert "can be read by others" in cqrsd.log_text()


def test_health_needs_no_token(near):
    done = run("health", admin_listen=near.admin_address)

    assert (done.returncode, done.stdout) == (0, "ready\n")


def test_over_a_socket_its_rights_are_the_fence(start_cqrsd, token_file):
    cqrsd = start_cqrsd(admin_token_file=token_file,
                        admin_listen=f"unix:/tmp/cqrsd-admin-{os.getpid()}?mode=0600")

    assert len(cqrsd.readyz().json["nodes"]) == 3
    assert cqrsd.admin.get("/metrics").status == 200


def starts(cluster, catalog, **options):
    return run("serve", **options_for(cluster, catalog, {}), listen="127.0.0.1:0",
               admin_listen="0.0.0.0:0", timeout_s=20, **options)


def test_beyond_loopback_somebody_has_to_say_who_may_see_it(cluster, catalog, token_file):
    bare = starts(cluster, catalog)
    both = starts(cluster, catalog, admin_token_file=token_file, admin_open=True)
    empty = starts(cluster, catalog, admin_token_file="/dev/null")

    assert bare.returncode == both.returncode == empty.returncode == 2
    assert "--admin-token-file" in bare.stderr and "--admin-open" in bare.stderr
    assert "choose one" in both.stderr
    assert "no token" in empty.stderr


@pytest.mark.parametrize("how, pages", [
    ({"admin_open": True}, 200), ({"insecure": True}, 200), ({"admin_token_file": TOKEN}, 401)])
def test_beyond_loopback_it_is_what_was_said(start_cqrsd, token_file, how, pages):
    if "admin_token_file" in how:
        how = {"admin_token_file": token_file}
    cqrsd = start_cqrsd(wait="alive", admin_listen=f"0.0.0.0:{processes.free_port()}", **how)

    assert cqrsd.admin.get("/livez").status == 200
    until(lambda: cqrsd.readyz().status == 200, "it to be ready")
    assert {cqrsd.admin.get(path).status for path in FENCED} == {pages}
