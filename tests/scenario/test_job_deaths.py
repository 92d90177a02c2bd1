"""Jobs whose transaction is lost, or cannot be run: whose fault it is, and what the others lose."""

import contextlib
import os
import signal

import pytest
from harness.service import Service
from harness.until import until

from .conftest import options_for
from .job_fixtures import catalog, effects, primary  # noqa: F401

GOOD = """
-- command: good :exec
-- @param number int
-- @async always
INSERT INTO effects (number) VALUES (:number);
"""
CATALOG = GOOD + """
-- command: deadly :exec
-- @param number int
-- @async always
-- @retries 2 backoff=10ms
SELECT end_backend(:number);

-- command: ending :exec
-- @param number int
-- @async always
-- @retries 1 backoff=10ms
INSERT INTO effects (number) SELECT :number FROM pg_sleep(60);

-- command: slow :exec
-- @param number int
-- @async always
INSERT INTO effects (number) SELECT :number FROM pg_sleep(0.2);

-- command: late :exec
-- @param number int
-- @async always
INSERT INTO deferred (number) VALUES (:number);

-- query: effects :many
SELECT number FROM effects ORDER BY number;
"""
SCHEMA = """
CREATE TABLE effects (id serial PRIMARY KEY, number int);
CREATE TABLE deferred (number int, UNIQUE (number) DEFERRABLE INITIALLY DEFERRED);
CREATE FUNCTION end_backend(n int) RETURNS void LANGUAGE plpgsql AS $$ BEGIN
  INSERT INTO effects (number) VALUES (n);
  PERFORM pg_terminate_backend(pg_backend_pid()); PERFORM pg_sleep(5); END $$;
"""
UNDO = "DROP FUNCTION end_backend(int); DROP TABLE effects, deferred"
TABLES = ("effects", "deferred")
SLOW = 20  # so many of 0.2 s: some of them still run when it is seen that one does


@pytest.fixture
def start(shop_cluster, catalog, primary):
    with contextlib.ExitStack() as stack:
        def start_one(catalog=catalog, **options):
            # Whatever a story of keys does, callers of this one need none.
            service = Service(**options_for(shop_cluster, catalog, {"auth": "none", **options}))
            stack.callback(service.close)
            return service.start()
        yield start_one


def accept(cqrsd, name, user="ann", **params):
    answer = cqrsd.command(name, user=user, headers={"Prefer": "respond-async"}, **params)
    assert answer.status == 202, answer
    return answer.json["job"]["id"]


def show(cqrsd, job, user="ann"):
    answer = cqrsd.client.request("GET", f"/v1/jobs/{job}", headers={"X-User-Id": user})
    assert answer.status == 200, answer
    return answer.json["job"]


def ended(cqrsd, job, user="ann"):
    def final():
        shown = show(cqrsd, job, user)
        return shown if shown["state"] in ("done", "dead") else None

    return until(final)


def numbers(primary):
    return [int(line) for line in primary.sql("SELECT number FROM effects ORDER BY 1").split()]


def running(primary, statement):
    return primary.sql(
        "SELECT count(*) FROM pg_stat_activity WHERE state = 'active'"
        f" AND pid <> pg_backend_pid() AND query LIKE '%{statement}%'") != "0"


def kill_while(cqrsd, primary, statement):
    """The instance ends the moment that PostgreSQL runs the statement, and that as well."""
    until(lambda: running(primary, statement))
    cqrsd.kill9()
    until(lambda: not running(primary, statement))


class TestItsBackend:
    def test_a_job_that_ends_its_backend_is_dead_after_its_attempts(self, start, primary):
        accepting = start(workers=0)
        goods = [accept(accepting, "good", number=number) for number in range(10)]
        deadly = accept(accepting, "deadly", number=99)
        goods += [accept(accepting, "good", number=number) for number in range(10, 20)]

        cqrsd = start()

        job = ended(cqrsd, deadly)
        assert (job["state"], job["attempts"]) == ("dead", 3), job
        assert [entry["n"] for entry in job["attempt_log"]] == [1, 2, 3], job
        for entry in job["attempt_log"]:
            # Only the instance that ran it knows what the server said.
            assert entry.get("sqlstate", "57P01") == "57P01", job
            assert entry["instance"] and entry["started_at"], job
            assert "connection was lost" in entry["message"], job
        assert "connection was lost" in job["problem"]["detail"], job
        assert all(ended(cqrsd, good)["attempts"] == 1 for good in goods)
        assert numbers(primary) == list(range(20))


class TestItsCompany:
    def test_a_commit_that_fails_for_one_takes_an_attempt_from_no_other(self, start, primary):
        accepting = start(workers=0)
        jobs = [accept(accepting, "late", number=number) for number in (1, 2, 2, 3)]

        start(workers=1)

        ends = [ended(accepting, job) for job in jobs]
        assert [job["state"] for job in ends].count("dead") == 1, ends
        assert all(job["attempts"] == 1 for job in ends), ends
        dead = next(job for job in ends if job["state"] == "dead")
        assert dead["problem"]["code"] == "conflict", dead
        assert [entry["sqlstate"] for entry in dead["attempt_log"]] == ["23505"], dead
        assert primary.sql("SELECT string_agg(number::text, ' ' ORDER BY 1) FROM deferred") \
            == "1 2 3"

    def test_parameters_that_no_longer_fit_are_dead_at_once_and_say_why(
            self, start, primary, tmp_path):
        accepting = start(workers=0)
        job = accept(accepting, "good", number=1)
        gone = accept(accepting, "late", number=1)
        (tmp_path / "jobs.sql").write_text(
            GOOD.replace("number int", "amount int").replace(":number", ":amount"),
            encoding="utf-8")

        changed = start(catalog=tmp_path)

        dead = ended(accepting, job)
        assert (dead["state"], dead["problem"]["code"]) == ("dead", "unknown-parameter"), dead
        assert "number" in dead["problem"]["detail"], dead
        fits = changed.command("good", user="ann", amount=5).json["job"]["id"]
        assert ended(changed, fits)["state"] == "done"
        assert show(accepting, gone)["state"] == "queued"
        assert primary.sql("SELECT xmax FROM cqrsd.job") == "0", "it is claimed"


class TestItsInstance:
    def test_a_job_that_ends_its_instance_is_dead_after_its_attempts(self, start, primary):
        accepting = start(workers=0)
        ending = accept(accepting, "ending", number=99)
        goods = [accept(accepting, "good", number=number) for number in range(20)]

        for _ in range(3):
            kill_while(start(workers=2), primary, "pg_sleep(60)")

        start(workers=2)
        job = ended(accepting, ending)
        assert (job["state"], job["attempts"]) == ("dead", 2), job
        instances = [entry["instance"] for entry in job["attempt_log"]]
        assert len(set(instances)) == 2, job
        assert all(ended(accepting, good)["attempts"] == 1 for good in goods)
        assert numbers(primary) == list(range(20))

    def test_jobs_of_an_instance_that_is_gone_run_elsewhere_and_have_no_attempt(
            self, start, primary):
        other = start(workers=0)
        one = start(workers=1)
        jobs = [accept(other, "slow", number=number) for number in range(SLOW)]
        kill_while(one, primary, "pg_sleep(0.2)")

        start(workers=2)

        assert [ended(other, job)["attempts"] for job in jobs] == [1] * SLOW
        assert numbers(primary) == list(range(SLOW))


class TestItsEffect:
    def test_its_user_sees_it_without_asking_for_the_job(self, start, primary, shop_cluster):
        cqrsd = start(workers=2)
        primary.sql("INSERT INTO cqrsd.job_pause (command, paused_by) VALUES ('good', 'a story')")
        accept(cqrsd, "good", user="bea", number=7)
        shop_cluster.wait_until_replayed()
        for replica in shop_cluster.replicas:
            replica.pause_replay()
        try:
            primary.sql("TRUNCATE cqrsd.job_pause")
            until(lambda: numbers(primary) == [7])
            # The instance hears of the commit a moment after others can see it.
            until(lambda: cqrsd.metrics().sum("cqrsd_jobs_finished_total", command="good") == 1)

            answer = cqrsd.query("effects", user="bea", consistency="session")

            assert answer.status == 200 and answer.served_by.role == "primary", answer
            assert [row["number"] for row in answer.data] == [7]
        finally:
            for replica in shop_cluster.replicas:
                replica.resume_replay()


class TestAStoppedInstance:
    def test_its_jobs_run_elsewhere(self, start, primary):
        other = start(workers=0)
        one = start(workers=1)
        jobs = [accept(other, "slow", number=number) for number in range(SLOW)]
        until(lambda: running(primary, "pg_sleep(0.2)"))
        os.kill(one.pid, signal.SIGSTOP)
        try:
            start(workers=2)

            assert [ended(other, job)["attempts"] for job in jobs] == [1] * SLOW
            assert numbers(primary) == list(range(SLOW))
        finally:
            os.kill(one.pid, signal.SIGCONT)
