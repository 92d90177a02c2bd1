"""Jobs of one tenant do not hold up those of another: callers and users take turns."""

import pytest
from harness.service import Service
from harness.until import until

from .conftest import options_for
from .job_fixtures import catalog, effects, primary  # noqa: F401

CATALOG = """
-- command: paced :exec
-- @param number int
-- @param note text
-- @async always
INSERT INTO effects (number, note) VALUES (:number, :note);

-- command: halted :exec
-- @param number int
-- @param note text
-- @async always
INSERT INTO effects (number, note) VALUES (:number, :note);

-- command: ranked :exec
-- @param number int
-- @param note text
-- @async always
-- @order-by number
INSERT INTO effects (number, note) VALUES (:number, :note);

-- command: alone :exec
-- @param number int
-- @param note text
-- @async always
-- @isolation serializable
INSERT INTO effects (number, note) VALUES (:number, :note);
"""
BATCH = 32
# docs/jobs.md: full batches before other users, or other callers, are asked for, and one more.
SOON = 17
MANY = 3000


@pytest.fixture
def serve(shop_cluster, primary, catalog):  # noqa: F811
    services = []

    def start(**options):
        services.append(Service(**options_for(
            shop_cluster, catalog, {"auth": "none", "loops": 1, "workers": 1, **options})))
        services[-1].start()
        return services[-1]

    yield start
    for service in services:
        service.close()


def sql_text(value):
    return "NULL" if value is None else f"'{value}'"


def queue(primary, jobs, command="paced", caller=None, user=None, later="0 s"):  # noqa: F811
    """So many, due one after another. A user with % in it is another one for each job."""
    primary.sql(
        "INSERT INTO cqrsd.job (run_at, mark, keep_s, keyed, attempts_max, command, version,"
        ' parameters, caller, "user", tenant) SELECT clock_timestamp() + interval'
        f" '{later}', 7, 3600, false, 5, '{command}', 'v1', json_build_object('number', i::text,"
        f" 'note', coalesce({sql_text(caller)}, {sql_text(user)})), {sql_text(caller)},"
        f" replace({sql_text(user)}, '%', i::text), cqrsd.job_tenant({sql_text(caller)},"
        f" replace({sql_text(user)}, '%', i::text)) FROM generate_series(1, {jobs}) AS i")


def places(primary, note):  # noqa: F811
    """Where its effects stand among all, from 1."""
    rows = primary.sql("SELECT place FROM (SELECT note, row_number() OVER (ORDER BY id) AS place"
                       f" FROM effects) AS e WHERE note = '{note}' ORDER BY place")
    return [int(row) for row in rows.splitlines()]


def all_done(primary, count):  # noqa: F811
    until(lambda: primary.sql("SELECT count(*) FROM effects") == str(count), deadline_s=120)


def in_order(primary, note):  # noqa: F811
    return primary.sql("SELECT bool_and(number > before) FROM (SELECT number, lag(number, 1, 0)"
                       " OVER (ORDER BY id) AS before FROM effects"
                       f" WHERE note = '{note}') AS e") == "t"


def test_a_few_jobs_pass_the_thousands_of_another_user(serve, primary):  # noqa: F811
    queue(primary, MANY, user="ann")
    queue(primary, 5, user="bob")
    serve()
    all_done(primary, MANY + 5)
    # While a statement is not known yet its jobs run one to a batch.
    assert max(places(primary, "bob")) <= (SOON + 2) * BATCH, places(primary, "bob")
    assert in_order(primary, "ann") and in_order(primary, "bob")


def test_jobs_of_a_command_that_is_paused_have_no_turn(serve, primary):  # noqa: F811
    # Enough of them for its statement to be known as a quick one.
    queue(primary, 20, command="halted", user="cid")
    serve()
    all_done(primary, 20)
    primary.sql("INSERT INTO cqrsd.job_pause (command, paused_by)"
                " SELECT unnest(ARRAY['halted', 'ranked', 'paced']), 'a story'")
    queue(primary, 5, command="halted", user="bob")
    queue(primary, 5, command="ranked", user="eve")
    primary.sql("UPDATE cqrsd.job SET order_key = n::text WHERE command = 'ranked'")
    queue(primary, MANY, user="ann")
    queue(primary, 5, user="dan")
    primary.sql("DELETE FROM cqrsd.job_pause WHERE command = 'paced'")
    all_done(primary, 20 + MANY + 5)
    # There were turns of tenants.
    assert max(places(primary, "dan")) <= 20 + (SOON + 2) * BATCH, places(primary, "dan")
    assert places(primary, "bob") == places(primary, "eve") == []
    primary.sql("DELETE FROM cqrsd.job_pause")
    all_done(primary, 20 + MANY + 15)


def test_more_of_them_share_the_workers_with_the_thousands(serve, primary):  # noqa: F811
    queue(primary, MANY, user="ann")
    queue(primary, 200, user="bob")
    serve()
    all_done(primary, MANY + 200)
    # Nearly half of the work, once they are known.
    assert max(places(primary, "bob")) <= (SOON + 2) * BATCH + 200 * 3, places(primary, "bob")
    assert in_order(primary, "ann") and in_order(primary, "bob")


def test_a_caller_for_thousands_of_users_does_not_hold_up_another(serve, primary):  # noqa: F811
    queue(primary, MANY, caller="key:web", user="u%")
    queue(primary, 5, caller="key:app", user="bob")
    serve()
    all_done(primary, MANY + 5)
    assert max(places(primary, "key:app")) <= (SOON + 12) * BATCH, places(primary, "key:app")


def test_each_of_many_tenants_has_its_turn(serve, primary):  # noqa: F811
    queue(primary, MANY, user="ann")
    for n in range(100):
        queue(primary, 20, user=f"user {n}")
    queue(primary, 1, user="bob")
    serve()
    all_done(primary, MANY + 2001)
    # 102 tenants are four batches of 32 of them; every second batch is one, but for one in eight.
    assert max(places(primary, "bob")) <= (SOON + 16) * BATCH, places(primary, "bob")


def test_tenants_whose_time_has_not_come_hide_no_other(serve, primary):  # noqa: F811
    queue(primary, MANY, user="ann")
    queue(primary, 1000, user="later %", later="1 day")
    queue(primary, 1, user="bob")
    serve()
    all_done(primary, MANY + 1)
    # 200 of them are passed by each claim.
    assert max(places(primary, "bob")) <= (SOON + 14) * BATCH, places(primary, "bob")


def test_it_holds_for_those_that_run_alone(serve, primary):  # noqa: F811
    queue(primary, 200, command="alone", user="ann")
    queue(primary, 2, command="alone", user="bob")
    serve()
    all_done(primary, 202)
    assert max(places(primary, "bob")) <= 4 * SOON, places(primary, "bob")
