"""examples/proxy/: TLS in front, the Unix socket behind, and what of the proxy's word counts."""

import json
import os
import pathlib
import tempfile

import pytest
from harness.client import Client
from harness.proxies import PROGRAMS, Proxy, TlsClient, program, user_of
from harness.service import run
from harness.until import until

from .conftest import options_for

SPOOFED = {"X-Forwarded-For": "6.6.6.6", "X-Client-Cert": "CN=root"}


@pytest.fixture
def folder():
    """A short one: the path of a Unix socket has 107 bytes."""
    with tempfile.TemporaryDirectory(prefix="cqrsd-", dir="/tmp") as path:
        pathlib.Path(path).chmod(0o755)
        yield pathlib.Path(path)


@pytest.fixture(params=sorted(PROGRAMS))
def proxy(request, start_cqrsd, folder):
    if not program(request.param):
        pytest.skip(f"{request.param} is not installed")
    user = user_of(request.param)
    cqrsd = start_cqrsd(listen=[f"unix:{folder}/api?mode=0660&owner={user}"],
                        peer=f"uid={user}:proxy", audit_log=folder / "audit",
                        rate_limit="operation put caller 1/h burst 2")
    proxy = Proxy(request.param, folder / "api")
    proxy.cqrsd = cqrsd
    proxy.audit = folder / "audit"
    yield proxy
    proxy.close()


def lines(path, count):
    """Of the audit log, once there are so many."""
    found = until(lambda: (text := path.read_text(encoding="utf-8")).count("\n") >= count and text,
                  f"{count} lines")
    return [json.loads(line) for line in found.splitlines()]


def test_the_client_is_who_the_proxy_says_and_nobody_else(proxy):
    near = TlsClient(proxy)
    other = TlsClient(proxy, source="127.0.0.9")
    assert near.command("touch", owner="a", user="ann", headers=SPOOFED).status == 200
    assert other.command("touch", owner="a", user="ann").status == 200
    found = lines(proxy.audit, 2)

    assert [line["address"] for line in found] == ["127.0.0.1", "127.0.0.9"]
    assert not any("certificate" in line for line in found)


def test_a_verified_certificate_is_in_the_audit_log(proxy):
    known = TlsClient(proxy, certificate="client")
    assert known.command("touch", owner="a", user="ann", headers=SPOOFED).status == 200
    found, = lines(proxy.audit, 1)

    assert "web client" in found["certificate"] and "shop" in found["certificate"]


def test_a_certificate_of_another_authority_is_none(proxy):
    stranger = TlsClient(proxy, certificate="stranger")
    try:
        assert stranger.command("touch", owner="a", user="ann").status == 400
    except OSError:
        pass  # HAProxy ends the handshake, nginx says 400

    assert proxy.audit.read_text(encoding="utf-8") == ""


def test_each_client_behind_the_proxy_has_a_limit_of_its_own(proxy):
    near, other = TlsClient(proxy), TlsClient(proxy, source="127.0.0.9")
    statuses = [near.command("put", user="ann", number=1, headers={
        "X-Forwarded-For": f"10.0.0.{number}"}).status for number in range(3)]

    assert statuses == [200, 200, 429]
    assert other.command("put", user="ann", number=1).status == 200


def test_who_is_no_proxy_is_not_believed(start_cqrsd, folder):
    cqrsd = start_cqrsd(listen=[f"unix:{folder}/api"], peer="uid=12345:proxy",
                        audit_log=folder / "audit")
    over_tcp = cqrsd.client.command("touch", owner="a", user="ann", headers=SPOOFED)
    over_unix = Client(f"unix:{folder}/api").command("touch", owner="a", user="ann",
                                                     headers=SPOOFED)
    first, second = lines(folder / "audit", 2)

    assert (over_tcp.status, over_unix.status) == (200, 200)
    assert first["address"] == "127.0.0.1" and second["address"].startswith("uid:")
    assert "6.6.6.6" not in json.dumps([first, second])
    assert "certificate" not in first and "certificate" not in second


def test_of_a_list_the_last_element_counts_which_the_proxy_has_written(start_cqrsd, folder):
    start_cqrsd(listen=[f"unix:{folder}/api"], peer=f"uid={os.geteuid()}:proxy",
                audit_log=folder / "audit")
    proxy = Client(f"unix:{folder}/api")
    for value in ("6.6.6.6, 10.0.0.7", "6.6.6.6,[2001:db8:0:1::9]", "10.0.0.8, unknown", None):
        assert proxy.command("touch", owner="a", user="ann",
                             headers={"X-Forwarded-For": value}).status == 200
    found = [line["address"] for line in lines(folder / "audit", 4)]

    assert found == ["10.0.0.7", "2001:db8:0:1::/64", *[f"uid:{os.geteuid()}"] * 2]


def test_a_stream_comes_through_whole(proxy):
    answer = TlsClient(proxy).get("/v1/queries/wide?rows=2000&width=1000")

    assert answer.status == 200 and len(answer.json["data"]) == 2000


# --- who calls -----------------------------------------------------------------------------------

CALLS = """
-- query: everybody :one
-- @public
SELECT 1 AS n;

-- query: callers :one
SELECT 2 AS n;

-- query: clerks :one
-- @roles clerk
SELECT 3 AS n;

-- query: inside :one
-- @internal
SELECT 4 AS n;

-- query: mine :one
SELECT :request_user::text AS n;
"""
NAMES = ("everybody", "callers", "clerks", "inside")


def statuses(client, **more):
    return [client.query(name, **more).status for name in NAMES]


@pytest.fixture
def key(tmp_path):
    """A clerk who acts for any user, in tmp_path/keys."""
    done = run("keys", "create", file=tmp_path / "keys", name="web", roles="clerk",
               acts_for="any")
    return {"Authorization": "Bearer " + done.stdout.strip()}


def start_with_keys(start_cqrsd, own_catalog, tmp_path, folder, **options):
    return start_cqrsd(listen=[f"unix:{folder}/api"], keys_file=tmp_path / "keys",
                       auth="required", catalog=own_catalog(CALLS), **options)


def test_what_the_proxy_forwards_decides_and_is_never_internal(
        start_cqrsd, own_catalog, tmp_path, folder, key):
    cqrsd = start_with_keys(start_cqrsd, own_catalog, tmp_path, folder,
                            peer=f"uid={os.geteuid()}:proxy", audit_log=folder / "audit")
    proxy = Client(f"unix:{folder}/api")

    assert statuses(proxy) == [200, 401, 401, 401]
    assert statuses(proxy, headers=key) == [200, 200, 200, 403]
    assert proxy.query("mine", user="ann", headers=key).data == {"n": "ann"}
    assert proxy.query("callers", headers={"Authorization": "Bearer cq_x"}).status == 401
    assert proxy.query("callers", user="ann").status in (401, 403)
    found = lines(folder / "audit", 6)
    assert found[3]["caller"].startswith("key:") and found[3]["code"] == "forbidden"
    assert "cq_x" not in (folder / "audit").read_text() + cqrsd.log_text()


def test_a_peer_that_is_named_is_a_caller_and_may_be_internal(
        start_cqrsd, own_catalog, tmp_path, folder, key):
    cqrsd = start_with_keys(start_cqrsd, own_catalog, tmp_path, folder,
                            peer=f"uid={os.geteuid()}:roles=clerk:acts-for=any")
    peer = Client(f"unix:{folder}/api")

    assert statuses(peer) == [200, 200, 200, 200]
    assert peer.query("mine", user="ann").data == {"n": "ann"}
    both = peer.query("callers", headers=key)
    assert (both.status, both.code) == (400, "bad-request")
    assert statuses(cqrsd.client) == [200, 401, 401, 401]
    assert statuses(cqrsd.client, headers=key) == [200, 200, 200, 403]


def test_roles_and_users_of_a_peer_are_those_given(start_cqrsd, own_catalog, tmp_path, folder, key):
    start_with_keys(start_cqrsd, own_catalog, tmp_path, folder, peer=f"uid={os.geteuid()}")
    peer = Client(f"unix:{folder}/api")

    assert key and statuses(peer) == [200, 200, 403, 200]
    assert peer.query("mine", user="ann").status == 403


def test_a_peer_that_is_not_named_needs_a_credential(
        start_cqrsd, own_catalog, tmp_path, folder, key):
    start_with_keys(start_cqrsd, own_catalog, tmp_path, folder, peer="uid=12345:roles=clerk")
    peer = Client(f"unix:{folder}/api")

    assert statuses(peer) == [200, 401, 401, 401]
    assert statuses(peer, headers=key) == [200, 200, 200, 403]


@pytest.mark.parametrize("options", [{"auth": "none"}, {"insecure": True}])
def test_a_peer_that_would_have_no_effect_ends_the_start(cluster, catalog, folder, options):
    done = run("serve", **options_for(cluster, catalog, dict(options)),
               listen=f"unix:{folder}/api", admin_listen="127.0.0.1:0",
               peer=["uid=1:proxy", "uid=2:roles=clerk"], timeout_s=20)

    assert done.returncode == 2
    assert "--peer: uid=2:roles=clerk: with --auth none" in done.stderr


def test_a_proxy_has_an_effect_where_no_client_is_a_caller(start_cqrsd, folder):
    cqrsd = start_cqrsd(listen=[f"unix:{folder}/api"], auth="none",
                        peer=f"uid={os.geteuid()}:proxy", rate_limit="caller 2/h")
    client = Client(f"unix:{folder}/api")

    def of(address):
        return client.query("ping", headers={"X-Forwarded-For": address}).status

    assert [of("192.0.2.1"), of("192.0.2.1"), of("192.0.2.1"), of("192.0.2.2")] == \
        [200, 200, 429, 200]
    assert cqrsd.query("ping").status == 200


@pytest.mark.parametrize("peer, listens, says", [
    ("uid=no-such-user", "unix", "no such user"), ("uid=1:rules=a", "unix", "want proxy"),
    ("uid=1", "tcp", "no --listen unix:PATH")])
def test_a_peer_that_cannot_be_is_named(cluster, catalog, folder, peer, listens, says):
    listen = [f"unix:{folder}/api"] if listens == "unix" else "127.0.0.1:0"
    done = run("serve", **options_for(cluster, catalog, {}), peer=peer, listen=listen,
               admin_listen="127.0.0.1:0", timeout_s=20)

    assert done.returncode == 2 and "--peer" in done.stderr and says in done.stderr
