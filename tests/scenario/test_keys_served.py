# SPDX-License-Identifier: Apache-2.0
"""What API keys let in, at running services: as they are made, replaced, revoked, and unknown."""

import pytest
from harness import promotion
from harness.keys import Keys
from harness.load import Load
from harness.until import until

CATALOG = """
-- query: ours :one
SELECT 1 AS n;

-- query: cleared :one
-- @roles clerk
SELECT 2 AS n;
"""


def asked(service, key=None, name="ping"):
    """By a query that any replica may answer, so that a node that is away does not matter."""
    return service.query(name, consistency="eventual", headers=key.headers if key else None)


def status(service, key=None, name="ping"):
    return asked(service, key, name).status


def comes_to(wanted, service, key=None, name="ping", deadline_s=1):
    """Within a second of a change: that is what is promised."""
    return until(lambda: status(service, key, name) == wanted, f"{wanted}", deadline_s)


def refused(service, reason):
    return service.metrics().sum("cqrsd_auth_failures_total", kind="key", reason=reason)


def code(service, key=None):
    answer = asked(service, key)
    return answer.status if answer.status == 200 else answer.code


# --- revoked, expired, changed -------------------------------------------------------------------

def test_a_revoked_key_is_refused_within_a_second_by_every_service(keys, start_cqrsd):
    services = [start_cqrsd(), start_cqrsd()]
    first, last = keys.create("web"), keys.create("jobs")
    for service in services:
        comes_to(200, service, first)
        comes_to(200, service, last)

    keys.revoke(first)

    for service in services:
        comes_to(401, service, first)
        assert status(service, last) == 200
        assert refused(service, "revoked") == 1


def test_revoking_the_last_key_opens_nothing(keys, start_cqrsd):
    service = start_cqrsd()
    assert status(service) == 200
    key = keys.create()
    comes_to(401, service)
    comes_to(200, service, key)

    keys.revoke(key)

    comes_to(401, service, key)
    for each in (service, start_cqrsd()):
        assert status(each) == 401 and status(each, key) == 401


def test_a_key_ends_by_itself_or_with_the_overlap_of_its_rotation(keys, start_cqrsd):
    service = start_cqrsd()
    old = keys.create()
    comes_to(200, service, old)

    ends, new = keys.create(expires="5s"), keys.rotate(old, overlap="5s")

    for key in (ends, new):
        comes_to(200, service, key)
    assert status(service, old) == 200
    for key in (ends, old):
        comes_to(401, service, key, deadline_s=10)
    assert refused(service, "expired") == 2
    assert (status(service, new), status(service)) == (200, 401)


def test_a_key_may_what_its_row_says_now(keys, cluster, start_cqrsd, own_catalog):
    service = start_cqrsd(catalog=own_catalog(CATALOG))
    key = keys.create(roles="clerk")
    comes_to(200, service, key, "cleared")

    cluster.primary.sql("UPDATE cqrsd.api_key SET roles = '{guest}'")
    comes_to(403, service, key, "cleared")
    assert status(service, key, "ours") == 200
    cluster.primary.sql("UPDATE cqrsd.api_key SET acts_for = 'any', roles = '{guest,clerk}'")
    comes_to(200, service, key, "cleared")
    assert service.query("ours", user="ann", headers=key.headers).status == 200


@pytest.mark.parametrize("statement", [
    "DELETE FROM cqrsd.api_key", "TRUNCATE cqrsd.api_key"])
def test_a_key_whose_row_is_gone_is_unknown_and_opens_nothing(
        keys, cluster, start_cqrsd, statement):
    service = start_cqrsd()
    key = keys.create()
    comes_to(200, service, key)

    cluster.primary.sql(statement)

    comes_to(401, service, key)
    assert refused(service, "unknown") >= 1
    assert status(service) == 401


# --- replaced ------------------------------------------------------------------------------------

def test_a_rotation_refuses_no_request_of_the_old_key_and_none_of_the_new(keys, start_cqrsd):
    service = start_cqrsd()
    old = keys.create()
    comes_to(200, service, old)
    in_use, statuses = [old, old], []

    async def client(load, number, connection):
        while not load.stopping:
            answer = await connection.request("GET", "/v1/queries/ping",
                                              headers=in_use[number].headers)
            statuses.append((in_use[number], answer.status))

    def answered(key, more):
        enough = sum(used is key for used, _ in statuses) + more
        return until(lambda: load.check() or sum(used is key for used, _ in statuses) >= enough)

    with Load(service.address, client, clients=2) as load:
        new = keys.rotate(old, overlap="1h")
        comes_to(200, service, new)
        in_use[1] = new
        answered(old, 300)
        answered(new, 300)

    assert {code for _, code in statuses} == {200}


# --- without a primary ---------------------------------------------------------------------------

def test_a_service_that_finds_a_replica_only_knows_the_keys_of_that(keys, cluster, start_cqrsd):
    key, revoked = keys.create(), keys.create()
    keys.revoke(revoked)
    cluster.wait_until_replayed()
    cluster.primary.stop()

    service = start_cqrsd(wait="alive")

    until(lambda: status(service, key) == 200)
    assert (status(service, revoked), status(service)) == (401, 401)
    assert service.metrics().sum("cqrsd_keyring_age_seconds") < 300


def test_without_any_node_at_the_start_nothing_is_known(keys, cluster, start_cqrsd, tmp_path):
    key, of_file = keys.create(), Keys(file=tmp_path / "keys").create()
    cluster.stop()

    service = start_cqrsd(wait="alive")
    other = start_cqrsd(wait="alive", keys_file=tmp_path / "keys")

    assert (code(service, key), code(service)) == ("keys-unknown", "keys-unknown")
    assert (code(other, key), code(other)) == ("keys-unknown", "unauthenticated")
    assert code(other, of_file) not in ("keys-unknown", "unauthenticated")
    cluster.restore()
    until(lambda: status(service, key) == 200)
    assert status(service) == 401


def test_a_replica_that_is_behind_makes_no_key_good_again(keys, cluster, start_cqrsd):
    service = start_cqrsd(replicas=1)
    revoked, first = keys.create(), keys.create()
    comes_to(200, service, revoked)
    cluster.wait_until_replayed()
    cluster.replica(1).pause_replay()
    keys.revoke(revoked)
    later = keys.create()
    comes_to(401, service, revoked)
    comes_to(200, service, later)

    cluster.primary.stop()
    until(lambda: service.metrics().sum("cqrsd_keyring_age_seconds") > 1.5)

    assert (status(service, revoked), status(service)) == (401, 401)
    assert code(service, first) != "unauthenticated"
    assert code(service, later) != "unauthenticated"


def test_keys_are_those_of_the_new_primary_after_a_failover(fresh_cluster, start_cqrsd):
    old, new = fresh_cluster.primary, fresh_cluster.replica(1)
    services = [start_cqrsd(on=fresh_cluster), start_cqrsd(on=fresh_cluster)]
    keys = Keys(primary=old.conninfo)
    before, after = keys.create(), keys.create()
    for service in services:
        comes_to(200, service, after)
    keys.revoke(before)
    fresh_cluster.wait_until_replayed()

    promotion.fail_over(old, new, others=[fresh_cluster.replica(2)])
    keys = Keys(primary=new.conninfo)
    keys.revoke(after)

    for service in services:
        comes_to(401, service, after, deadline_s=20)
        assert status(service, before) == 401 and status(service) == 401


# --- use -----------------------------------------------------------------------------------------

WRITES = """
CREATE TABLE key_writes (id text);
CREATE FUNCTION key_written() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$ BEGIN
    INSERT INTO public.key_writes VALUES (new.id); RETURN NULL; END $$;
CREATE TRIGGER written AFTER UPDATE ON cqrsd.api_key FOR EACH ROW EXECUTE FUNCTION key_written();
"""


@pytest.fixture
def key_writes(keys, cluster):
    """Ids of keys, once for each time that their row is changed."""
    cluster.primary.sql(WRITES)
    yield lambda: cluster.primary.sql("SELECT id FROM key_writes").split()
    cluster.primary.sql("DROP FUNCTION key_written CASCADE; DROP TABLE key_writes")


def test_the_day_of_the_last_use_is_written_once(keys, key_writes, cluster, start_cqrsd):
    services = [start_cqrsd(), start_cqrsd()]
    used, unused = keys.create("web"), keys.create("jobs")
    today, mark = cluster.primary.sql("SELECT (now() AT TIME ZONE 'UTC')::date, mark"
                                      " FROM cqrsd.keyring").split("|")
    for service in services:
        comes_to(401, service)  # until it knows of a key it is open, and looks at none
        comes_to(200, service, used)
        for _ in range(50):
            assert status(service, used) == 200

    listed = until(lambda: [key for key in keys.list() if key["last_used"]])

    assert [key["id"] for key in listed] == [used.id] != [unused.id]
    assert listed[0]["last_used"] >= today
    assert key_writes() == [used.id]
    assert cluster.primary.sql("SELECT mark FROM cqrsd.keyring") == mark, "no keys to read again"


# --- files ---------------------------------------------------------------------------------------

def test_a_reload_reads_the_keys_of_the_file_or_leaves_them_as_they_were(start_cqrsd, tmp_path):
    path = tmp_path / "keys"
    keys = Keys(file=path)
    first = keys.create("web")
    service = start_cqrsd(keys_file=path)
    assert (status(service, first), status(service)) == (200, 401)

    second = keys.create("jobs")
    keys.revoke(first)
    assert (status(service, first), status(service, second)) == (200, 401), "not read yet"
    service.hup()
    comes_to(401, service, first)
    comes_to(200, service, second)

    good = path.read_text(encoding="utf-8")
    for broken in (good.replace("sha256:", "md5:"), good + good):
        path.write_text(broken, encoding="utf-8")
        reloads = service.log_text().count("nothing is reloaded")
        service.hup()
        until(lambda before=reloads: service.log_text().count("nothing is reloaded") > before)
        assert (status(service, first), status(service, second)) == (401, 200)
    assert f"--keys-file: {path}:1: error: wants sha256:" in service.log_text()

    path.write_text("# none\n", encoding="utf-8")
    service.hup()
    comes_to(401, service, second)
    assert status(service) == 401
