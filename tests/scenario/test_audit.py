"""The audit log: who did what on whose behalf, and what came of it."""

import json
import os
import stat

import pytest
from harness.client import Raw
from harness.service import run
from harness.until import until

from .conftest import options_for

SECRET = "a-value-that-is-no-business-of-the-log"


@pytest.fixture
def path(tmp_path):
    return tmp_path / "audit"


@pytest.fixture
def audited(start_cqrsd, path):
    return start_cqrsd(audit_log=path)


def lines(path):
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def wait_for(path, count):
    until(lambda: path.exists() and len(lines(path)) >= count, f"{count} lines")
    found = lines(path)
    assert len(found) == count, found
    # Each thread has its lines written in its own order.
    return sorted(found, key=lambda line: line["time"])


def test_each_command_has_a_line_and_no_query_has(audited, path):
    audited.query("ping", user="ann")
    done = audited.command("put", user="ann", number=7, headers={"X-Request-Id": "r-1"})
    audited.command("put", user="ann", number="seven")
    audited.post("/v1/commands/no_such", {"word": SECRET})
    found = wait_for(path, 3)

    assert done.status == 200
    assert [(line["event"], line["operation"], line["code"], line["status"]) for line in found] == [
        ("command", "put", "ok", 200), ("command", "put", "invalid-parameter", 400),
        ("command", "no_such", "unknown-operation", 404)]
    assert (found[0]["user"], found[0]["request_id"]) == ("ann", "r-1")
    assert {line["address"] for line in found} == {"127.0.0.1"}
    assert found[0]["time"][:2] == "20" and found[0]["time"].endswith("Z")


def test_it_holds_no_values(audited, path):
    audited.command("raise.command", user="ann", state="P0001", message=SECRET)
    audited.post("/v1/commands/put", {"number": SECRET}, {"X-User-Id": "ann"})
    audited.post(f"/v1/commands/put?word={SECRET}", {"number": 1}, {"X-User-Id": "ann"})
    wait_for(path, 3)

    assert SECRET not in path.read_text(encoding="utf-8")


def test_what_is_refused_has_a_line_whatever_it_asked_for(start_cqrsd, tmp_path, path):
    tokens = tmp_path / "tokens"
    tokens.write_text("4f1c" * 16, encoding="utf-8")
    cqrsd = start_cqrsd(audit_log=path, wait="alive", admin_token_file=tokens)
    assert cqrsd.get("/v1/queries/ping", {"Host": "evil.example"}).status == 403
    assert cqrsd.post("/v1/commands/put", {"number": 1}, {"Origin": "http://evil"}).status == 403
    assert cqrsd.admin.get("/metrics").status == 401
    found = wait_for(path, 3)

    assert [(line["event"], line["code"], line["status"]) for line in found] == [
        ("refusal", "forbidden-host", 403), ("refusal", "forbidden-origin", 403),
        ("refusal", "unauthenticated", 401)]
    assert found[2]["operation"] == "/metrics"


RUNNING = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'"


def test_a_command_whose_client_went_away_has_its_true_end(audited, cluster, path):
    with Raw(audited.address) as raw:
        raw.send(b"POST /v1/commands/append.slowly HTTP/1.1\r\nHost: x\r\nX-User-Id: gone\r\n"
                 b"Content-Type: application/json\r\nContent-Length: 28\r\n\r\n"
                 b'{"number": 9, "seconds":2.0}')
        until(lambda: cluster.primary.sql(RUNNING) == "1", "the command to run")
    found = wait_for(path, 1)

    assert (found[0]["operation"], found[0]["code"], found[0]["user"]) == (
        "append.slowly", "ok", "gone")


def test_a_repeat_is_told_from_the_first(audited, path):
    for _ in range(2):
        audited.command("put", user="ann", number=7, headers={"Idempotency-Key": "k-audit"})
    found = wait_for(path, 2)

    assert [line.get("replayed", False) for line in found] == [False, True]


def test_sighup_goes_on_in_a_new_file_even_if_nothing_else_can_be_reloaded(
        start_cqrsd, own_catalog, path):
    folder = own_catalog("-- command: nothing :exec\nSELECT 1;\n")
    cqrsd = start_cqrsd(audit_log=path, catalog=folder)
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
    cqrsd.command("nothing")
    wait_for(path, 1)
    path.rename(path.with_suffix(".1"))
    own_catalog("-- command: broken :sometimes\nSELECT 1;\n")
    cqrsd.hup()
    until(path.exists, "the new file")
    cqrsd.command("nothing")

    wait_for(path, 1)
    assert len(lines(path.with_suffix(".1"))) == 1


def test_everything_is_written_before_the_end(audited, path):
    for number in range(200):
        audited.command("put", user="ann", number=number)
    audited.terminate()

    assert audited.wait() == 0
    assert len(lines(path)) == 200


def test_a_full_disk_holds_up_no_command_and_is_told(start_cqrsd):
    cqrsd = start_cqrsd(audit_log="/dev/full")
    assert cqrsd.command("put", user="ann", number=1).status == 200
    until(lambda: "/dev/full cannot be written" in cqrsd.log_text(), "it to be told")

    assert cqrsd.command("put", user="ann", number=2).status == 200


def test_a_log_that_cannot_be_is_named(cluster, catalog):
    done = run("serve", **options_for(cluster, catalog, {}), audit_log="/no/such/folder/audit",
               listen="127.0.0.1:0", admin_listen="127.0.0.1:0", timeout_s=20)

    assert done.returncode == 1
    assert "--audit-log: /no/such/folder/audit: No such file" in done.stderr


def test_each_change_of_keys_has_a_line(tmp_path, path):
    def keys(action, *more, **options):
        return run("keys", action, *more, file=tmp_path / "keys", audit_log=path, **options)
    first = keys("create", name="web", roles="app").stdout.split("_")[1]
    second = keys("rotate", first).stdout.split("_")[1]
    keys("list")
    keys("revoke", second)
    keys("revoke", "nosuchkey1")
    found = lines(path)

    assert [(line["event"], line.get("key"), line.get("new_key"), line["code"])
            for line in found] == [
        ("keys-create", None, first, "ok"), ("keys-rotate", first, second, "ok"),
        ("keys-revoke", second, None, "ok"), ("keys-revoke", "nosuchkey1", None, "failed")]
    assert {line["caller"].split(":")[1] for line in found} == {str(os.getuid())}
    assert "cq_" not in path.read_text(encoding="utf-8")


def test_no_key_is_made_that_could_not_be_noted(tmp_path):
    done = run("keys", "create", file=tmp_path / "keys", name="web", audit_log="/no/such/audit")

    assert done.returncode == 1 and "--audit-log" in done.stderr and done.stdout == ""
    assert not (tmp_path / "keys").exists()
