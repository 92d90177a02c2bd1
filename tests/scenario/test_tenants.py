"""Two tenants in one set of tables: no caller ever sees a row of the other one."""

import shutil
import time

import pytest
from harness import callers, tenants
from harness.kept import until_kept
from harness.keys import FORGET, Keys
from harness.service import ROOT, run
from harness.until import until

EXAMPLE = ROOT / "examples" / "tenants"
ROLE = "tenants_app"


@pytest.fixture(scope="module")
def two_tenants(shop_cluster):
    """The example's schema and data, and what only these stories need."""
    primary = shop_cluster.primary
    for name in ("schema.sql", "data.sql"):
        primary.sql_file(EXAMPLE / name)
    primary.sql(tenants.SCHEMA)
    shop_cluster.wait_until_replayed()
    yield shop_cluster
    primary.sql(tenants.CLEAN)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tenants")
    shutil.copy(EXAMPLE / "sql" / "tenants.sql", folder)
    (folder / "more.sql").write_text(tenants.CATALOG, encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def keeping_folder(folder, tmp_path_factory):
    """The same with @cache."""
    keeping = tmp_path_factory.mktemp("keeping")
    for file in folder.iterdir():
        (keeping / file.name).write_text(tenants.keeping(file.read_text(encoding="utf-8")),
                                         encoding="utf-8")
    return keeping


def as_role(cluster, role):
    lines = [node.conninfo.replace("postgres@", f"{role}@") for node in cluster.nodes]
    return {"primary": lines[0], "replica": lines[1:]}


@pytest.fixture
def served(two_tenants, start_cqrsd, folder):
    def serve(**options):
        return start_cqrsd(**{"catalog": folder, **as_role(two_tenants, ROLE), **options})
    return serve


def test_each_user_sees_the_rows_of_its_tenant_and_whoever_has_none_sees_nothing(served):
    cqrsd = served()
    for user, tenant in (("ann", "red"), ("bob", "blue")):
        rows = cqrsd.query("articles", user=user).data
        assert [(row["tenant"], row["sku"]) for row in rows] == \
            [(tenant, sku) for sku in ("lamp", "notebook", "pen")]
        assert cqrsd.command("buy", user=user, sku="pen").data["tenant"] == tenant
    assert cqrsd.query("articles").data == cqrsd.query("articles", user="eve").data == []
    assert cqrsd.query("unclaimed", user="ann").data == []
    mine = cqrsd.command("buy", user="ann", sku="pen").data["id"]
    assert cqrsd.query("purchase_by_id", user="ann", id=mine).data["id"] == mine
    assert cqrsd.query("purchase_by_id", user="bob", id=mine).code == "not-found"
    assert cqrsd.command("steal", user="ann", tenant="blue").code == "forbidden"


def test_with_claims_all_statements_need_not_declare_them(served):
    cqrsd = served(claims="all")

    assert {row["tenant"] for row in cqrsd.query("unclaimed", user="ann").data} == {"red"}
    assert cqrsd.query("seen_without", user="bob").data["seen"] == "bob {} []"


@pytest.fixture
def open_service(served):
    return served(pool_conns=4, queue_wait_ms=2000, hedge="on"), callers.by_header(tenants.MEMBERS)


@pytest.fixture
def closed_service(served, two_tenants, tmp_path):
    keys = Keys(primary=two_tenants.primary.conninfo)
    known = callers.with_credentials(keys, tenants.MEMBERS)
    two_tenants.wait_until_replayed()
    yield served(pool_conns=4, queue_wait_ms=2000, hedge="on", **callers.options(tmp_path)), known
    two_tenants.primary.sql(FORGET)


@pytest.mark.parametrize("kind", ["open_service", "closed_service"])
def test_no_caller_ever_sees_anothers_rows_through_batches_groups_reruns_and_streams(kind, request):
    cqrsd, known = request.getfixturevalue(kind)
    load = tenants.TenantsLoad(cqrsd.address, known)

    load.run(6000, seconds=60)

    assert not load.violations, load.violations[:5]
    # It was what it says.
    metrics = cqrsd.metrics()
    assert metrics.sum("cqrsd_batch_calls_sum") > 1.5 * metrics.sum("cqrsd_batch_calls_count")
    assert metrics.sum("cqrsd_command_group_calls_count") > 0
    assert metrics.sum("cqrsd_retries_total", reason="serialization-failure") > 0
    for name in tenants.CALLS:
        assert sum(count for (called, status), count in load.answers.items()
                   if called == name and status in tenants.CALLS[name][2]), (name, load.answers)


def test_no_caller_ever_sees_anothers_rows_in_kept_answers(served, keeping_folder):
    cqrsd = served(catalog=keeping_folder, pool_conns=4, queue_wait_ms=2000, hedge="on")
    until_kept(cqrsd, "articles", user="ann")
    load = tenants.TenantsLoad(cqrsd.address, callers.by_header(tenants.MEMBERS))

    load.run(6000, seconds=60)

    assert not load.violations, load.violations[:5]
    hits = tenants.hits(cqrsd.metrics())
    assert hits["articles"] and hits["seen"] and hits["seen_without"], hits


def test_a_user_of_two_tenants_gets_no_stored_answer_of_the_other(closed_service):
    cqrsd, _ = closed_service

    def buy(**claims):
        token = callers.by_token("", "bea", **claims)
        return cqrsd.post("/v1/commands/buy", {"sku": "pen"}, {
            **dict(field.split(": ", 1) for field in token.fields), "Idempotency-Key": "one-key"})

    first = buy(tenant="red", jti="1")
    renewed = buy(jti="2", exp=int(time.time()) + 600, tenant="red")
    other = buy(tenant="blue")

    assert first.data["tenant"] == "red" and renewed.data == first.data
    assert renewed.headers["idempotent-replayed"] == "true"
    assert (other.status, other.code) == (422, "idempotency-mismatch")


LATE = """
CREATE TABLE tenants.late (settings text NOT NULL, own text NOT NULL);
GRANT SELECT, INSERT ON tenants.late TO tenants_app;
CREATE FUNCTION tenants.note_late() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    INSERT INTO tenants.late VALUES (tenants.seen(), NEW.tenant);
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER late AFTER UPDATE ON tenants.cells DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION tenants.note_late();
CREATE CONSTRAINT TRIGGER late AFTER INSERT ON tenants.purchases DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION tenants.note_late();
"""
FORGET_LATE = "DROP FUNCTION IF EXISTS tenants.note_late CASCADE;" \
    "DROP TABLE IF EXISTS tenants.late;"


def ask_at_once(cqrsd, known, calls):
    """In groups, by themselves, and with keys."""
    load = tenants.TenantsLoad(cqrsd.address, known, names=[
        "c:bump", "c:bump_strictly", "c:buy", "c:command_seen_without"])
    load.run(calls, seconds=60)
    assert not load.violations, load.violations[:5]


def groups(cqrsd):
    return cqrsd.metrics().sum("cqrsd_command_group_calls_count")


@pytest.mark.parametrize("when", ["before the start", "before a reload"])
def test_a_trigger_at_the_commit_sees_the_claims_of_the_command_that_fired_it(two_tenants, served,
                                                                             when):
    primary, known = two_tenants.primary, callers.by_header(tenants.MEMBERS)
    try:
        if when == "before the start":
            primary.sql(LATE)
        cqrsd = served()
        if when == "before a reload":
            ask_at_once(cqrsd, known, 200)
            assert groups(cqrsd) > 0
            primary.sql(LATE)
            cqrsd.hup()
            until(lambda: "reloaded" in cqrsd.log_text(), "the reload")
        before = groups(cqrsd)

        ask_at_once(cqrsd, known, 600)

        seen = primary.sql("SELECT DISTINCT settings, own FROM tenants.late").splitlines()
        assert sorted(seen) == sorted(f"{caller.settings}|{caller.tenant}"
                                      for caller in known if caller.tenant)
        assert groups(cqrsd) > before, "those without claims still commit together"
    finally:
        primary.sql(FORGET_LATE)


def check(cluster, folder, role=ROLE, **options):
    return run("check", catalog=folder, **as_role(cluster, role), **options)


def test_check_finds_the_example_sound(two_tenants, folder):
    done = check(two_tenants, folder)

    assert done.returncode == 0, done.stderr
    assert "row" not in done.stderr.lower(), done.stderr


def test_check_refuses_a_role_for_which_no_policy_holds(two_tenants, folder):
    primary = two_tenants.primary
    done = check(two_tenants, folder, role="postgres")
    assert done.returncode == 1
    assert done.stderr.count("role postgres is a superuser or has BYPASSRLS") == 1, done.stderr
    primary.sql(f"ALTER ROLE {ROLE} BYPASSRLS")
    two_tenants.wait_until_replayed()
    try:
        assert f"role {ROLE} is a superuser or has" in check(two_tenants, folder).stderr
    finally:
        primary.sql(f"ALTER ROLE {ROLE} NOBYPASSRLS")


ODD = {
    "owner": ("ALTER TABLE tenants.cells NO FORCE ROW LEVEL SECURITY, OWNER TO tenants_app",
              "error: the policies of tenants.cells do not hold for role tenants_app, which owns",
              "ALTER TABLE tenants.cells FORCE ROW LEVEL SECURITY, OWNER TO tenants_owner;"
              "GRANT SELECT, UPDATE ON tenants.cells TO tenants_app"),
    "member of the owner": (
        "ALTER TABLE tenants.cells NO FORCE ROW LEVEL SECURITY; GRANT tenants_owner TO tenants_app",
        "error: the policies of tenants.cells do not hold for role tenants_app, which owns",
        "ALTER TABLE tenants.cells FORCE ROW LEVEL SECURITY;"
        "REVOKE tenants_owner FROM tenants_app"),
    "off": ("ALTER TABLE tenants.cells DISABLE ROW LEVEL SECURITY",
            "error: tenants.cells has policies that do not hold",
            "ALTER TABLE tenants.cells ENABLE ROW LEVEL SECURITY"),
    "view": ("CREATE VIEW tenants.odd AS SELECT * FROM tenants.cells;"
             "GRANT SELECT ON tenants.odd TO tenants_app",
             "error: the policies of tenants.cells do not hold in view tenants.odd",
             "DROP VIEW tenants.odd"),
    "view in a view": (
        "CREATE VIEW tenants.inner_view AS SELECT * FROM tenants.cells;"
        "CREATE VIEW tenants.odd AS SELECT * FROM tenants.inner_view;"
        "ALTER VIEW tenants.odd OWNER TO tenants_owner;"
        "GRANT SELECT ON tenants.inner_view TO tenants_owner;"
        "GRANT SELECT ON tenants.odd TO tenants_app",
        "error: the policies of tenants.cells do not hold in view tenants.inner_view",
        "DROP VIEW tenants.odd, tenants.inner_view"),
    "immutable": (
        "CREATE FUNCTION tenants.odd() RETURNS text LANGUAGE sql IMMUTABLE AS"
        " $$ SELECT current_setting('request.user', true) $$;"
        "CREATE POLICY odd ON tenants.cells AS RESTRICTIVE"
        " USING (tenant <> (SELECT tenants.odd()))",
        "error: a policy of tenants.cells calls tenants.odd(), which is declared IMMUTABLE",
        "DROP POLICY odd ON tenants.cells; DROP FUNCTION tenants.odd"),
    "raises": ("CREATE POLICY odd ON tenants.cells AS RESTRICTIVE USING (tenant <> (SELECT"
               " current_setting('request.jwt.claims', true)::jsonb ->> 'tenant'))",
               "warning: policy of tenants.cells, \"odd\": it raises an error",
               "DROP POLICY odd ON tenants.cells"),
    "each row": ("CREATE POLICY odd ON tenants.cells AS RESTRICTIVE USING (tenant <>"
                 " NULLIF(current_setting('request.user', true), ''))",
                 "warning: policy of tenants.cells, \"odd\": it reads the setting for each row",
                 "DROP POLICY odd ON tenants.cells"),
}


@pytest.mark.parametrize("odd", ODD)
def test_check_finds_where_a_policy_does_not_hold_or_is_written_badly(two_tenants, own_catalog,
                                                                       odd):
    change, says, back = ODD[odd]
    table = "tenants.odd" if "view" in odd else "tenants.cells"
    folder = own_catalog(f"-- query: a :many\n-- @claims\nSELECT n FROM {table};\n")
    two_tenants.primary.sql(change)
    two_tenants.wait_until_replayed()
    try:
        done = check(two_tenants, folder)
        unclaimed = check(two_tenants, own_catalog(f"-- query: a :many\nSELECT n FROM {table};\n"))
    finally:
        two_tenants.primary.sql(back)

    assert f"operations.sql:3:1: {says}" in done.stderr, done.stderr
    assert done.returncode == (1 if says.startswith("error") else 0)
    if odd in ("owner", "off", "raises", "each row"):
        assert "(SELECT NULLIF(current_setting('request.jwt.claims', true), '')::jsonb" in \
            done.stderr
    assert says not in unclaimed.stderr


def test_check_notes_claims_that_change_nothing(two_tenants, own_catalog):
    done = check(two_tenants, own_catalog("-- query: a :one\n-- @claims\nSELECT 1 AS n;\n"))

    assert done.returncode == 0
    assert "note: no table that the plan of a names has a policy" in done.stderr, done.stderr
