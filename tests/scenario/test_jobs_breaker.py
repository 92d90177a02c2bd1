"""A command whose jobs fail is paused by its breaker, tried by one job, and its retries are few."""

import time

import pytest
from harness.service import Service, run
from harness.until import until

from .conftest import options_for
from .job_fixtures import Jobs, catalog, effects, primary  # noqa: F401

CATALOG = """
-- command: fragile :exec
-- @param number int
-- @async always
-- @retries 100 backoff=10ms
SELECT fragile(:number);

-- command: fragile_in_order :exec
-- @param number int
-- @async always
-- @order-by number
-- @retries 100 backoff=10ms
SELECT fragile(:number);

-- command: patient :exec
-- @param number int
-- @async always
-- @retries 100 backoff=1h
SELECT fragile(:number);

-- command: heavy :exec
-- @param number int
-- @param weight text
-- @async always
-- @retries 100 backoff=1h
SELECT fragile(:number), length(:weight);

-- command: steady :exec
-- @param number int
-- @async always
INSERT INTO effects (number) VALUES (:number);
"""
# Fails for all while there is an outage; numbers below 0 fail as long as they do; 0 is refused.
SCHEMA = """
CREATE TABLE effects (id bigserial PRIMARY KEY, number int);
CREATE TABLE outage (numbers int);
CREATE FUNCTION fragile(number int) RETURNS void LANGUAGE plpgsql AS $$ BEGIN
    IF number = 0 THEN RAISE EXCEPTION 'no' USING ERRCODE = '22003'; END IF;
    IF EXISTS (SELECT FROM outage WHERE number < numbers) THEN
        RAISE EXCEPTION 'not now' USING ERRCODE = '53400';
    END IF;
    INSERT INTO effects (number) VALUES (number);
END $$;
"""
UNDO = "DROP FUNCTION fragile(int); DROP TABLE outage, effects"
TABLES = ("effects", "outage")
ALL = 1000000
BATCH = 32
# One worker: what fails before the breaker is seen to be open are two batches at most.
WORKERS = {"auth": "none", "loops": 1, "workers": 1}


@pytest.fixture
def serve(shop_cluster, primary, catalog):
    """Services that end before the jobs are taken away."""
    services = []

    def start(**options):
        services.append(Service(**options_for(shop_cluster, catalog, {**WORKERS, **options})))
        services[-1].start()
        return services[-1]

    yield start
    for service in services:
        service.close()


@pytest.fixture
def jobs(primary, catalog):
    return Jobs(primary, catalog)


def queue(primary, command, numbers, attempts=0):
    """Jobs as they are accepted, or as they are once so many attempts of each have failed."""
    primary.sql(
        "INSERT INTO cqrsd.job (run_at, mark, keep_s, keyed, attempts, attempts_max, command,"
        " version, order_key, parameters) SELECT clock_timestamp(), 7, 3600, false,"
        f" {attempts}, 101, '{command}', 'v1',"
        f" CASE WHEN '{command}' = 'fragile_in_order' THEN number::text END,"
        " json_build_object('number', number::text)"
        f" FROM unnest(ARRAY{list(numbers)}::int[]) WITH ORDINALITY AS a(number, n) ORDER BY n")


def fail_below(primary, number):
    primary.sql(f"DELETE FROM outage; INSERT INTO outage VALUES ({number})")


def number_of(primary, query):
    return int(primary.sql(query))


def waiting(primary):
    return number_of(primary, "SELECT count(*) FROM cqrsd.job")


def is_open(primary, command="fragile"):
    return number_of(primary, "SELECT count(*) FROM cqrsd.job_pause"
                     f" WHERE command = '{command}' AND retry_at IS NOT NULL")


def done(primary):
    return number_of(primary, "SELECT count(DISTINCT number) FROM effects")


def far_away(primary):
    """No job is tried by itself."""
    primary.sql("UPDATE cqrsd.job_pause SET retry_at = now() + interval '1 day'")


def metric(service, name, **labels):
    values = service.metrics().values(f"cqrsd_{name}", **labels)
    return sum(value for _, value in values) if values else None


class TestBreaker:
    @pytest.mark.parametrize("command", ["fragile", "fragile_in_order"])
    def test_it_opens_loses_nothing_and_closes_by_itself(self, serve, primary, command):
        fail_below(primary, ALL)
        queue(primary, command, range(1, 301))
        serve()
        until(lambda: is_open(primary, command))
        until(lambda: number_of(primary, "SELECT failures FROM cqrsd.job_pause") >= 1)
        assert waiting(primary) == 300
        # What ran before it was open, and one for each trial.
        assert number_of(primary, "SELECT sum(attempts) FROM cqrsd.job") <= 2 * BATCH + 3
        primary.sql("DELETE FROM outage")
        until(lambda: waiting(primary) == 0)
        assert done(primary) == 300
        assert number_of(primary, "SELECT count(*) FROM effects") == 300
        until(lambda: not is_open(primary, command))

    def test_while_it_is_open_two_instances_try_one_job_at_a_time(self, serve, primary):
        fail_below(primary, ALL)
        queue(primary, "fragile", range(1, 101))
        serve(), serve()
        until(lambda: is_open(primary))
        attempts = "SELECT (SELECT sum(attempts) FROM cqrsd.job), failures FROM cqrsd.job_pause"

        def seen():
            return [int(number) for number in primary.sql(attempts).split("|")]

        # Batches that had begun end.
        until(lambda: seen()[1] >= 1)
        before = seen()
        until(lambda: seen()[1] >= before[1] + 2, deadline_s=60)
        after = seen()
        # The trial that failed last may be written in one of them and not in the other.
        assert abs((after[0] - before[0]) - (after[1] - before[1])) <= 1, (before, after)

    def test_of_two_instances_that_try_at_the_same_moment_one_does(self, serve, primary):
        fail_below(primary, ALL)
        queue(primary, "fragile", range(1, 11))
        primary.sql("INSERT INTO cqrsd.job_pause (command, paused_by, retry_at) VALUES"
                    " ('fragile', 'breaker', 'infinity')")
        serve(), serve()
        waits = ("SELECT count(*) FROM pg_locks WHERE NOT granted"
                 " AND relation = 'cqrsd.job_pause'::regclass")
        primary.sql("UPDATE cqrsd.job_pause SET retry_at = now() + interval '3 seconds'")
        with primary.open_transaction("LOCK TABLE cqrsd.job_pause IN SHARE MODE"):
            until(lambda: number_of(primary, waits) == 2)
        attempts = "SELECT sum(attempts) FROM cqrsd.job"
        until(lambda: number_of(primary, attempts) >= 2, deadline_s=60)
        # The second one waits for the pause behind the first.
        apart = primary.sql(
            "SELECT max(at) - min(at) > interval '1 second' FROM (SELECT (a ->> 'started_at')"
            "::timestamptz AS at FROM cqrsd.job, json_array_elements(log) AS a ORDER BY at"
            " LIMIT 2) AS begun")
        assert apart == "t", primary.sql("SELECT log FROM cqrsd.job WHERE log IS NOT NULL")

    def test_what_the_data_refuses_stops_no_other(self, serve, primary):
        queue(primary, "fragile", [0] * 200 + [1, 2, 3])
        service = serve()
        until(lambda: waiting(primary) == 0)
        assert number_of(primary, "SELECT count(*) FROM cqrsd.job_dead") == 200
        assert done(primary) == 3
        assert not is_open(primary)
        # Nor was it before: trials would have gone through all of them by now.
        assert metric(service, "job_breaker_opened_total", command="fragile") is None

    def test_two_of_five_are_not_enough(self, serve, primary):
        """Half is, to the job, for the unit test: one that comes out of turn makes it more."""
        fail_below(primary, 0)
        queue(primary, "patient", [n for i in range(1, 201, 3) for n in (i, -i, i + 1, -i, i + 2)])
        serve()
        until(lambda: number_of(primary, "SELECT count(*) FROM cqrsd.job WHERE attempts = 0") == 0,
              deadline_s=60)
        assert done(primary) == 201
        assert not is_open(primary, "patient")

    def test_others_go_on(self, serve, primary):
        fail_below(primary, ALL)
        queue(primary, "fragile", range(1, 101))
        serve()
        until(lambda: is_open(primary))
        queue(primary, "steady", [7])
        until(lambda: done(primary) == 1)

    def test_it_outlives_the_instance_that_opened_it(self, serve, primary):
        fail_below(primary, ALL)
        queue(primary, "fragile", range(1, 101))
        first = serve()
        until(lambda: is_open(primary))
        first.kill9()
        primary.sql("DELETE FROM outage")
        serve()
        until(lambda: waiting(primary) == 0)
        assert done(primary) == 100

    def test_operators_see_it_and_close_it(self, serve, primary, jobs):
        fail_below(primary, ALL)
        queue(primary, "fragile", range(1, 101))
        service = serve()
        until(lambda: is_open(primary))
        far_away(primary)
        until(lambda: metric(service, "job_breaker_open", command="fragile") == 1)
        assert metric(service, "job_breaker_open", command="steady") == 0
        assert metric(service, "job_breaker_opened_total", command="fragile") == 1
        row = jobs.rows("list", limit=1)[0]
        assert (row["paused"], row["breaker_open"]) == (True, True), row
        assert ",breaker " in jobs.done("list", limit=1)
        page = service.admin.request("GET", "/admin/api/jobs?limit=1").json["jobs"][0]
        assert page["breaker_open"] is True, page

        primary.sql("DELETE FROM outage")
        assert jobs.done("resume", "fragile") == "resumed fragile"
        until(lambda: waiting(primary) == 0)
        until(lambda: metric(service, "job_breaker_open", command="fragile") == 0)

    def test_an_operator_makes_the_pause_their_own(self, serve, primary, jobs):
        fail_below(primary, ALL)
        queue(primary, "fragile", range(1, 101))
        serve()
        until(lambda: is_open(primary))
        assert jobs.done("pause", "fragile", "--dry-run") == "would pause fragile"
        assert jobs.done("pause", "fragile") == "paused fragile"
        assert jobs.done("pause", "fragile") == "fragile was paused already"
        primary.sql("DELETE FROM outage")
        # Of others, a whole round of questions later, nothing was tried.
        before = done(primary)
        queue(primary, "steady", [ALL])
        until(lambda: done(primary) == before + 1)
        assert waiting(primary) == 100 - before
        assert not is_open(primary)
        jobs.done("resume", "fragile")
        until(lambda: waiting(primary) == 0)


@pytest.fixture
def frail(primary):
    """A role with all rights that cqrsd needs, but for those on pauses; its conninfo."""
    primary.sql(
        "CREATE ROLE frail LOGIN; GRANT USAGE ON SCHEMA cqrsd TO frail;"
        "GRANT ALL ON ALL TABLES IN SCHEMA public, cqrsd TO frail;"
        "GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO frail; GRANT pg_monitor TO frail;"
        "REVOKE INSERT, UPDATE, DELETE ON cqrsd.job_pause FROM frail")
    yield primary.conninfo.replace("postgres@", "frail@")
    primary.sql("DROP OWNED BY frail; DROP ROLE frail")


UNKEPT = "breakers of commands cannot be kept"


class TestRights:
    @pytest.mark.parametrize("rights", ["UPDATE, DELETE", "INSERT, UPDATE", "INSERT, DELETE"])
    def test_without_one_of_them_it_does_not_open_and_jobs_go_on(
            self, serve, primary, frail, catalog, rights):
        primary.sql(f"GRANT {rights} ON cqrsd.job_pause TO frail")
        checked = run("check", catalog=catalog, primary=frail)
        assert "keeps no breakers of commands: the role needs SELECT, INSERT" in checked.stderr
        fail_below(primary, ALL)
        queue(primary, "fragile", range(1, 101))
        service = serve(primary=frail)
        until(lambda: UNKEPT in service.log_text())
        until(lambda: number_of(primary, "SELECT count(*) FROM cqrsd.job WHERE attempts = 0") == 0,
              deadline_s=60)
        assert not is_open(primary)
        assert metric(service, "job_breaker_opened_total", command="fragile") is None
        assert "is paused by its breaker" not in service.log_text()
        primary.sql("DELETE FROM outage; UPDATE cqrsd.job SET run_at = now()")
        queue(primary, "steady", [ALL])
        until(lambda: waiting(primary) == 0, deadline_s=60)
        assert done(primary) == 101

    def test_once_they_are_taken_away_an_operator_closes_it_and_others_open(
            self, serve, primary, frail, jobs):
        primary.sql("GRANT INSERT, UPDATE, DELETE ON cqrsd.job_pause TO frail")
        fail_below(primary, ALL)
        queue(primary, "fragile", range(1, 101))
        service = serve(primary=frail)
        until(lambda: is_open(primary))
        # The job that is tried is done, and the row cannot be deleted.
        primary.sql("REVOKE DELETE ON cqrsd.job_pause FROM frail; DELETE FROM outage")
        until(lambda: UNKEPT in service.log_text(), deadline_s=60)
        fail_below(primary, ALL)
        queue(primary, "patient", range(ALL - 200, ALL - 100))
        until(lambda: number_of(primary, "SELECT count(*) FROM cqrsd.job WHERE attempts = 0"
                                         " AND command = 'patient'") == 0, deadline_s=60)
        primary.sql("DELETE FROM outage; UPDATE cqrsd.job SET run_at = now()")
        assert jobs.done("resume", "fragile") == "resumed fragile"
        until(lambda: waiting(primary) == 0, deadline_s=60)


class TestOrder:
    def blocked(self, primary, keys, when):
        primary.sql(
            "INSERT INTO cqrsd.job (run_at, mark, keep_s, keyed, attempts_max, command, version,"
            f" order_key, parameters) SELECT {when}, 7, 3600, false, 101, 'fragile_in_order',"
            f" 'v1', key::text, json_build_object('number', key::text)"
            f" FROM generate_series({keys.start}, {keys.stop - 1}) AS key")

    def open(self, primary):
        primary.sql("INSERT INTO cqrsd.job_pause (command, paused_by, retry_at)"
                    " VALUES ('fragile_in_order', 'breaker', now())")

    def test_a_trial_finds_the_only_job_behind_hundreds_of_blocked_values(self, serve, primary):
        self.open(primary)
        self.blocked(primary, range(1000, 1450), "now() + interval '1 day'")
        self.blocked(primary, range(2000, 2001), "now()")
        serve()
        until(lambda: done(primary) == 1)
        until(lambda: not is_open(primary, "fragile_in_order"))
        # The next one begins behind that value, and finds this one once around.
        self.open(primary)
        self.blocked(primary, range(1500, 1501), "now()")
        until(lambda: done(primary) == 2)
        until(lambda: not is_open(primary, "fragile_in_order"))
        assert waiting(primary) == 450


# As docs/jobs.md has it: of what is first attempted, and in any ten seconds.
SHARE, RESERVE = 0.2, 100


class TestRetries:
    def test_they_are_a_share_of_the_work_and_wait_uncounted(self, serve, primary):
        fail_below(primary, 0)
        firsts, retries = 1200, 600
        # One by one in the order of their time: never more than half of 20 fail.
        for i in range(0, retries, 50):
            queue(primary, "patient", [-n for n in range(i + 1, i + 51)], attempts=1)
            queue(primary, "patient", range(2 * i + 1, 2 * i + 101))
        primary.sql("UPDATE cqrsd.job SET run_at = now() - interval '1 second' *"
                    " (2000 - abs((parameters ->> 'number')::int)"
                    " * CASE WHEN attempts > 0 THEN 2 ELSE 1 END)")
        begun = time.monotonic()
        service = serve()
        # All have been claimed once.
        until(lambda: number_of(primary, "SELECT count(*) FROM cqrsd.job"
                                         " WHERE run_at < now() - interval '1 minute'") == 0,
              deadline_s=180)
        assert done(primary) == firsts
        assert waiting(primary) == retries
        ran = number_of(primary, "SELECT sum(attempts - 1) FROM cqrsd.job")
        # The ten seconds are counted by the second: what is nine seconds old may be forgotten.
        reserves = 1 + (time.monotonic() - begun) // 9
        assert RESERVE <= ran <= SHARE * firsts + RESERVE * reserves + 5, ran
        put_off = metric(service, "job_attempts_total", command="patient", outcome="put-off")
        assert put_off >= retries - ran > 0
        # Those that waited have the attempts that they had, and come soon: some may since have run.
        assert number_of(primary, "SELECT count(*) FILTER (WHERE attempts = 1 AND run_at < now()"
                                  " + interval '5 minutes') + sum(attempts - 1)"
                                  " FROM cqrsd.job") >= retries

    def test_those_that_were_claimed_and_did_not_run_cost_nothing(self, serve, primary):
        # One of them is as much as travels in a batch, of the 32 that are claimed for it.
        queue(primary, "heavy", range(1, 41), attempts=1)
        primary.sql("UPDATE cqrsd.job SET parameters = json_build_object('number',"
                    " parameters ->> 'number', 'weight', repeat('x', 140000))")
        service = serve()
        until(lambda: waiting(primary) == 0, deadline_s=60)
        assert done(primary) == 40
        assert metric(service, "job_attempts_total", command="heavy", outcome="put-off") is None

    def test_those_that_go_well_pay_for_each_other(self, serve, primary):
        queue(primary, "patient", range(1, 2001), attempts=1)
        service = serve()
        until(lambda: waiting(primary) == 0, deadline_s=60)
        assert done(primary) == 2000
        assert metric(service, "job_attempts_total", command="patient", outcome="put-off") is None
