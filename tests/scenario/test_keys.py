"""API keys: made, listed, replaced and revoked by cqrsd keys, and read by every service."""

import hashlib
import re

import pytest

from harness import processes
from harness.keys import Keys
from harness.service import run
from harness.until import until

KEY = re.compile(r"cq_[0-9a-z]{10}_[0-9A-Za-z]{43}_[0-9A-Za-z]{6}")


def known(service, state="database"):
    return service.metrics().sum("cqrsd_api_keys", state=state)


# --- the verb ------------------------------------------------------------------------------------

def test_a_key_is_printed_once_and_only_its_hash_is_kept(keys, cluster):
    done = keys.run("create", name="web", roles="app,support", acts_for="any")

    assert done.returncode == 0, done.stderr
    text = done.stdout.strip()
    assert KEY.fullmatch(text)
    assert text not in done.stderr and "shown this once" in done.stderr
    _, ident, secret, _ = text.split("_")
    row = cluster.primary.sql("SELECT id, encode(hash, 'hex'), name, roles, acts_for,"
                              " expires_at IS NULL FROM cqrsd.api_key")
    digest = hashlib.sha256(secret.encode()).hexdigest()
    assert row == f"{ident}|{digest}|web|{{app,support}}|any|t"
    whole = cluster.primary.sql("SELECT string_agg(k::text, '') FROM cqrsd.api_key AS k")
    assert secret not in whole


def test_keys_are_listed_with_what_becomes_of_them(keys):
    assert keys.list() == []
    first = keys.create("web", roles="app")
    second = keys.create("jobs", acts_for="any", expires="90d")
    third = keys.rotate(first, overlap="1h")
    keys.revoke(second)

    listed = {key["id"]: key for key in keys.list()}

    assert [key["state"] for key in listed.values()] == ["replaced", "revoked", "active"]
    assert listed[first.id]["replaced_by"] == third.id and listed[first.id]["expires_at"]
    assert listed[third.id]["name"] == "web" and listed[third.id]["roles"] == ["app"]
    assert listed[third.id]["expires_at"] is None
    assert listed[second.id]["acts_for"] == "any" and listed[second.id]["revoked_at"]
    text = keys.run("list").stdout
    assert all(ident in text for ident in listed) and "hash" not in text


def test_a_key_that_ends_is_replaced_by_one_that_lives_as_long(keys, cluster):
    first = keys.create("web", expires="10d")
    second, third = keys.rotate(first), keys.create("other")

    assert cluster.primary.sql(
        "SELECT id FROM cqrsd.api_key WHERE expires_at - created_at = interval '10 days'"
    ) == second.id
    fourth = keys.rotate(third, expires="2d", overlap="0s")
    assert cluster.primary.sql(
        "SELECT id FROM cqrsd.api_key WHERE expires_at - created_at = interval '2 days'"
    ) == fourth.id
    assert keys.list()[2]["state"] == "expired"


def test_what_cannot_be_changed_is_explained(keys):
    first = keys.create("web")
    second = keys.rotate(first)
    keys.revoke(second)

    def complaint(*words):
        done = keys.run(*words)
        assert done.returncode == 1 and done.stdout == ""
        return done.stderr

    replaced = f"key {first.id} was replaced by key {second.id} already"
    assert replaced in complaint("rotate", first.id)
    assert f"key {second.id} was revoked at 20" in complaint("rotate", second.id)
    assert f"key {second.id} was revoked at 20" in complaint("revoke", second.id)
    assert f"did you mean {first.id}?" in complaint("revoke", first.id[:-1])
    assert "\"web\" is a name" not in complaint("revoke", "0")
    assert "is a name; the id of a key of that name is" in complaint("revoke", "web")
    assert len(keys.list()) == 2


@pytest.mark.parametrize("words, options, complaint", [
    (["create"], {}, "--name is required"),
    (["create"], {"name": "a b"}, "--name: \"a b\": 1 to 64 letters"),
    (["create"], {"name": "a'); DROP TABLE cqrsd.api_key; --"}, "--name: "),
    (["create"], {"name": "a", "roles": "x'y"}, "--roles: "),
    (["create"], {"name": "a", "roles": "x,"}, "--roles: roles end with a comma"),
    (["create"], {"name": "a", "acts_for": "all"}, "--acts-for: wants none|self|any"),
    (["create"], {"name": "a", "expires": "90"}, "--expires: \"90\" is no duration"),
    (["create"], {"name": "a", "expires": "0d"}, "--expires: "),
    (["create"], {"name": "a", "expires": "1w"}, "--expires: "),
    (["create"], {"name": "a", "expires": "99999999d"}, "to 100 years"),
    (["create", "web"], {}, "wants options only"),
    (["rotate"], {}, "is no id of a key"),
    (["rotate", "a"], {"overlap": "soon"}, "--overlap: "),
    (["rotate", "a"], {"roles": "app"}, "--roles: is of create"),
    (["revoke", "a;b"], {}, "is no id of a key"),
    (["revoke", "cq_a_b_c"], {}, "not the key itself"),
    (["remove", "a"], {}, "did you mean \"revoke\"?"),
    (["creat"], {}, "did you mean \"create\"?"),
    ([], {}, "usage:"),
])
def test_wrong_usage_is_explained_before_anything_is_asked(words, options, complaint):
    done = Keys(primary="postgresql://nobody@127.0.0.1:1/none").run(*words, **options)

    assert done.returncode == 2 and complaint in done.stderr, done.stderr
    assert done.stdout == ""


def test_without_the_table_or_the_right_it_says_what_to_do(keys, cluster):
    cluster.primary.sql("CREATE DATABASE bare")
    bare = cluster.primary.conninfo.rsplit("/", 1)[0] + "/bare"
    done = keys.run("list", primary=bare)
    cluster.primary.sql("DROP DATABASE bare")
    assert done.returncode == 1 and "run cqrsd migrate first" in done.stderr

    cluster.primary.sql("CREATE ROLE outsider LOGIN")
    done = keys.run("create", name="web",
                    primary=cluster.primary.conninfo.replace("postgres@", "outsider@"))
    cluster.primary.sql("DROP ROLE outsider")
    assert done.returncode == 1 and "as the owner of the schema cqrsd" in done.stderr

    done = keys.run("create", name="web", primary=cluster.replica(1).conninfo)
    assert done.returncode == 1 and "standby" in done.stderr


# --- files ---------------------------------------------------------------------------------------

def test_the_keys_of_a_file_are_made_and_changed_there(tmp_path):
    path = tmp_path / "keys"
    keys = Keys(file=path)

    first = keys.create("web", roles="app", acts_for="any")
    assert path.stat().st_mode & 0o777 == 0o600
    path.write_text("# of the shop\n\n" + path.read_text() + "# the end", encoding="utf-8")
    path.chmod(0o640)
    second = keys.rotate(first, overlap="1h")
    keys.revoke(first)

    assert [key["state"] for key in keys.list()] == ["revoked", "active"]
    lines = path.read_text(encoding="utf-8").splitlines()
    assert lines[0] == "# of the shop" and lines[3] == "# the end"
    assert lines[4].startswith(f"{second.id} sha256:") and " roles=app acts-for=any " in lines[4]
    assert path.stat().st_mode & 0o777 == 0o640
    assert [entry.name for entry in tmp_path.iterdir()] == ["keys"]
    assert not any(key.text.split("_")[2] in path.read_text() for key in (first, second))


def test_a_file_with_a_wrong_line_is_left_alone(tmp_path):
    path = tmp_path / "keys"
    path.write_text("no line of a key\n", encoding="utf-8")

    done = Keys(file=path).run("create", name="web")

    assert done.returncode == 1 and done.stdout == ""
    assert f"{path}:1: error: wants sha256:" in done.stderr
    assert path.read_text(encoding="utf-8") == "no line of a key\n"


def test_a_line_can_be_printed_to_be_put_elsewhere():
    done = Keys(file="-").run("create", name="web")

    key, line = done.stdout.splitlines()
    assert KEY.fullmatch(key)
    digest = hashlib.sha256(key.split("_")[2].encode()).hexdigest()
    assert line.startswith(f"{key.split('_')[1]} sha256:{digest} name=web acts-for=none created=")


# --- what services know --------------------------------------------------------------------------

def test_every_service_learns_of_every_change_within_a_second(keys, start_cqrsd):
    services = [start_cqrsd(), start_cqrsd()]
    first = keys.create("web")
    for service in services:
        until(lambda service=service: known(service) == 1, deadline_s=1)
    second = keys.rotate(first)
    for service in services:
        until(lambda service=service: known(service) == 2, deadline_s=1)
    keys.revoke(second)
    for service in services:
        until(lambda service=service: (known(service), known(service, "revoked")) == (1, 1),
              deadline_s=1)
    until(lambda: all(service.metrics().sum("cqrsd_keyring_age_seconds") < 1
                      for service in services), deadline_s=1)


def test_a_change_by_hand_is_seen_as_well(keys, cluster, start_cqrsd):
    service = start_cqrsd()
    key = keys.create("web")
    until(lambda: known(service) == 1)
    cluster.primary.sql(f"UPDATE cqrsd.api_key SET revoked_at = now() WHERE id = '{key.id}'")
    until(lambda: known(service) == 0)
    cluster.primary.sql("UPDATE cqrsd.api_key SET revoked_at = NULL")
    until(lambda: known(service) == 1)
    cluster.primary.sql("DELETE FROM cqrsd.api_key")
    until(lambda: known(service) == 0)


# --- beyond loopback -----------------------------------------------------------------------------

def test_beyond_loopback_a_key_in_the_database_is_a_caller(keys, start_cqrsd):
    key = keys.create("web", acts_for="any")

    service = start_cqrsd(listen=[f"0.0.0.0:{processes.free_port()}"])

    assert service.query("ping").status == 401
    assert service.query("ping", headers=key.headers).status == 200


def test_beyond_loopback_nobody_is_let_in_while_no_node_tells_the_keys(keys, start_cqrsd):
    key = keys.create("web", acts_for="any")
    nowhere = f"host=127.0.0.1 port={processes.free_port()} user=postgres dbname=postgres"

    service = start_cqrsd(wait="alive", primary=nowhere, replica=[],
                          listen=[f"0.0.0.0:{processes.free_port()}"])

    until(lambda: service.query("ping", headers=key.headers).code == "keys-unknown",
          "an answer", 20)
    assert service.query("ping").status == 401


# --- rights --------------------------------------------------------------------------------------

@pytest.fixture
def server(cluster):
    """A role that serves: what docs/operating.md grants, without the keys."""
    primary = cluster.primary
    primary.sql("CREATE ROLE server LOGIN; GRANT USAGE ON SCHEMA cqrsd TO server;"
                "GRANT SELECT ON cqrsd.token_key TO server; GRANT pg_read_all_stats TO server;"
                "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO server;")
    cluster.wait_until_replayed()
    yield {"primary": primary.conninfo.replace("postgres@", "server@"), "replicas": 0}
    primary.sql("DROP OWNED BY server; DROP ROLE server")


def test_check_says_whether_the_keys_can_be_read(keys, cluster, server, own_catalog):
    folder = own_catalog("-- query: a :one\nSELECT 1 AS n;\n")

    def said():
        return run("check", catalog=folder, primary=server["primary"])

    done = said()
    assert done.returncode == 0 and "of which there are none yet" in done.stderr, done.stderr
    keys.create("web")
    done = said()
    assert done.returncode == 1 and "may not read the API keys" in done.stderr, done.stderr
    cluster.primary.sql("GRANT SELECT ON cqrsd.api_key TO server")
    done = said()
    assert done.returncode == 0 and "when an API key was used last" in done.stderr, done.stderr
    cluster.primary.sql("GRANT UPDATE (last_used) ON cqrsd.api_key TO server")
    done = said()
    assert done.returncode == 0 and "API key" not in done.stderr, done.stderr


def test_a_role_that_may_not_read_the_keys_says_what_it_needs_and_goes_on_by_itself(
        keys, cluster, server, start_cqrsd):
    service = start_cqrsd(wait="commands", **server)
    keys.create("web")
    until(lambda: "GRANT SELECT ON cqrsd.api_key" in service.log_text())
    assert known(service) == 0
    cluster.primary.sql("GRANT SELECT ON cqrsd.api_key TO server")
    until(lambda: known(service) == 1)
