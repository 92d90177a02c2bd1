"""Roles with fewer rights: what check says that each costs, and what holds without them."""

import pytest
from harness.promotion import cut_off, promote
from harness.service import run
from harness.until import always, until

ATTRIBUTES = {"full": "REPLICATION", "watching": "", "replicating": "REPLICATION", "plain": ""}
MONITORS = ("full", "watching")
HISTORY = "lacks REPLICATION: after"
TIMELINE, BOTH = "lacks pg_read_all_stats:", "lacks pg_read_all_stats and REPL"
EMIT = "may not call pg_logical_emit_message"


def create_roles(primary):
    for role, attributes in ATTRIBUTES.items():
        primary.sql(f"CREATE ROLE {role} LOGIN {attributes}; GRANT USAGE ON SCHEMA cqrsd TO {role};"
                    f"GRANT ALL ON ALL TABLES IN SCHEMA public, cqrsd TO {role};")
    primary.sql(f"GRANT pg_read_all_stats TO {', '.join(MONITORS)}")


def drop_roles(primary):
    for role in ATTRIBUTES:
        primary.sql(f"DROP OWNED BY {role}; DROP ROLE {role}")


def as_role(nodes, role):
    lines = [node.conninfo.replace("postgres@", f"{role}@") for node in nodes]
    return {"primary": lines[0], "replica": lines[1:]}


# --- what check says -----------------------------------------------------------------------------

@pytest.fixture
def roles(cluster):
    create_roles(cluster.primary)
    cluster.wait_until_replayed()
    yield cluster.nodes
    drop_roles(cluster.primary)


def check(nodes, role, own_catalog):
    folder = own_catalog("-- query: a :one\nSELECT 1 AS n;\n")
    return run("check", catalog=folder, **as_role(nodes, role))


def test_check_says_what_each_missing_right_costs(roles, own_catalog):
    expected = {"full": set(), "watching": {HISTORY}, "replicating": {TIMELINE},
                "plain": {HISTORY, BOTH}}
    for role, costs in expected.items():
        done = check(roles, role, own_catalog)
        assert done.returncode == 0, done.stderr
        assert {cost for cost in (HISTORY, TIMELINE, BOTH, EMIT) if cost in done.stderr} == costs


def test_a_role_that_may_read_histories_alone_needs_no_replication(roles, own_catalog):
    primary = roles[0]
    assert "read by REPLICATION" in check(roles, "full", own_catalog).stderr
    primary.sql("GRANT EXECUTE ON FUNCTION cqrsd.timeline_history(integer) TO watching")

    done = check(roles, "watching", own_catalog)

    assert done.returncode == 0 and HISTORY not in done.stderr, done.stderr
    assert "read by cqrsd.timeline_history" in done.stderr
    for node in roles:
        answer = node.sql("SET ROLE watching; SELECT cqrsd.timeline_history(77) IS NULL")
        assert answer.endswith("t")
    with pytest.raises(Exception, match="permission denied"):
        primary.sql("SET ROLE plain; SELECT cqrsd.timeline_history(2)")


def test_a_role_that_may_not_read_files_leaves_the_function_out_until_it_may(cluster):
    primary, read = cluster.primary, "pg_read_binary_file(text, bigint, bigint, boolean)"
    primary.sql("CREATE ROLE mover LOGIN CREATEDB")
    primary.sql("CREATE DATABASE moved OWNER mover")
    asked = primary.conninfo.replace("postgres@", "mover@").rsplit("/", 1)[0] + "/moved"
    try:
        done = run("migrate", primary=asked)
        assert done.returncode == 0 and "left out 004" in done.stderr, done.stderr
        primary.sql(f"\\c moved\nGRANT EXECUTE ON FUNCTION {read} TO mover")
        done = run("migrate", primary=asked)
        assert done.returncode == 0 and "applied 004" in done.stderr, done.stderr
        assert "up to date" in run("migrate", primary=asked).stdout
    finally:
        primary.sql("DROP DATABASE moved")
        primary.sql("DROP ROLE mover")


def test_check_says_that_it_could_not_ask(roles, own_catalog):
    roles[0].sql("REVOKE SELECT ON pg_catalog.pg_roles FROM PUBLIC")
    try:
        done = check(roles, "full", own_catalog)
    finally:
        roles[0].sql("GRANT SELECT ON pg_catalog.pg_roles TO PUBLIC")

    assert "the rights of the role could not be asked for" in done.stderr, done.stderr


def test_check_says_what_a_revoked_function_costs(roles, own_catalog):
    primary, control = roles[0], "pg_control_checkpoint()"
    # It has three arguments, since PostgreSQL 17 four.
    emit = primary.sql("SELECT oid::regprocedure FROM pg_proc WHERE proname = "
                       "'pg_logical_emit_message' AND proargtypes[2] = 'text'::regtype").strip()
    try:
        primary.sql(f"REVOKE EXECUTE ON FUNCTION {emit} FROM PUBLIC")
        done = check(roles, "full", own_catalog)
        assert done.returncode == 0 and EMIT in done.stderr, done.stderr
        primary.sql(f"REVOKE EXECUTE ON FUNCTION {control} FROM PUBLIC")
        done = check(roles, "full", own_catalog)
        assert done.returncode == 1 and "no node can be looked at" in done.stderr, done.stderr
    finally:
        for function in (emit, control):
            primary.sql(f"GRANT EXECUTE ON FUNCTION {function} TO PUBLIC")


# --- a promotion ---------------------------------------------------------------------------------

@pytest.fixture
def services(fresh_cluster, start_cqrsd):
    """One cqrsd for each role with fewer rights, on the same cluster."""
    create_roles(fresh_cluster.primary)
    fresh_cluster.wait_until_replayed()
    return {role: start_cqrsd(on=fresh_cluster, **as_role(fresh_cluster.nodes, role))
            for role in ("watching", "replicating", "plain")}


def put(cqrsd, user, number):
    def done():
        answer = cqrsd.command("put", user=user, number=number)
        always(answer.status in (200, 409, 503), answer)
        return answer if answer.status == 200 else None
    return until(done, "the command to be done", 20)


def own_reads_hold(cqrsd, user):
    for number in range(20):
        put(cqrsd, user, number)
        answer = cqrsd.query("cell", user=user, owner=user)
        assert answer.status == 503 or answer.data["number"] == number, answer


def test_whatever_the_role_may_see_a_promotion_is_followed_and_nothing_is_stale(services,
                                                                               fresh_cluster):
    old, new, other = fresh_cluster.nodes
    kept = {role: put(cqrsd, f"kept-{role}", 1).token for role, cqrsd in services.items()}
    fresh_cluster.wait_until_replayed()
    cut_off(new)
    lost = {role: put(cqrsd, f"lost-{role}", 2).token for role, cqrsd in services.items()}
    promote(new)
    # The old one lives and writes on, and the other one streams from it: far past the new one.
    old.sql("SELECT pg_logical_emit_message(true, 'far', repeat('x', 1000000))")
    other.wait_until_replayed(old.flush_lsn())

    for role, cqrsd in services.items():
        until(lambda: cqrsd.node(new.address)["role"] == "primary", f"{role} to see it", 20)
        assert cqrsd.query("cell", owner="x", token=lost[role]).code == "write-lost", role
        told = cqrsd.query("cell", user=f"lost-{role}", owner=f"lost-{role}")
        assert told.code == "write-lost", role
        answer = cqrsd.query("cell", owner=f"kept-{role}", token=kept[role])
        assert answer.data["number"] == 1, role
        own_reads_hold(cqrsd, f"kept-{role}")
        assert not cqrsd.node(other.address)["in_rotation"], role

    old.stop("immediate")
    fresh_cluster.clone(other_stopped(other), new)
    other.start()
    for role in ("watching", "replicating"):
        until(lambda: services[role].node(other.address)["in_rotation"], f"{role} to use it", 30)
    new.sql("CHECKPOINT")
    other.wait_until_replayed(new.flush_lsn())
    other.sql("CHECKPOINT")
    until(lambda: services["plain"].node(other.address)["in_rotation"], "plain to use it", 30)
    for role, cqrsd in services.items():
        own_reads_hold(cqrsd, f"kept-{role}")


def other_stopped(node):
    node.stop("immediate")
    node.forget_shared_memory()
    return node
