"""Jobs run: each takes effect once, is tried again or dies, and tells its caller how it ended."""

import pytest
from harness.service import Service
from harness.until import until

from .conftest import options_for
from .job_fixtures import catalog, effects, primary  # noqa: F401

CATALOG = """
-- command: later :one
-- @param number int
-- @async always
INSERT INTO effects (number) VALUES (:number) RETURNING id, number;

-- command: kept :exec
-- @param number int
-- @async always
-- @keep 120h
INSERT INTO effects (number) VALUES (:number);

-- command: divided :exec
-- @param number int
-- @async always
INSERT INTO effects (number) VALUES (10 / :number);

-- command: guarded :exec
-- @param number int
-- @async always
-- @retries 2 backoff=10ms
SELECT guard(:number);

-- query: effects :many
SELECT number FROM effects ORDER BY number;
"""
SCHEMA = """
CREATE TABLE effects (id serial PRIMARY KEY, number int);
CREATE SEQUENCE guarded;
CREATE FUNCTION guard(n int) RETURNS void LANGUAGE plpgsql AS $$ BEGIN
  IF nextval('guarded') < n THEN RAISE EXCEPTION 'not yet' USING ERRCODE = '40001'; END IF;
  INSERT INTO effects (number) VALUES (n); END $$;
"""
UNDO = "DROP FUNCTION guard(int); DROP SEQUENCE guarded; DROP TABLE effects"
SEQUENCE = "guarded"


@pytest.fixture(scope="module")
def shared(effects, shop_cluster, catalog):
    # Whatever a story of keys does, callers of this one need none.
    service = Service(**options_for(shop_cluster, catalog, {"auth": "none"}))
    service.start()
    yield service
    service.close()


@pytest.fixture
def cqrsd(shared, primary):
    return shared


def accept(cqrsd, name, user="ann", **params):
    answer = cqrsd.command(name, user=user, **params)
    assert answer.status == 202, answer
    return answer.json["job"]["id"]


def show(cqrsd, job, user="ann"):
    answer = cqrsd.client.request("GET", f"/v1/jobs/{job}", headers={"X-User-Id": user})
    assert answer.status == 200, answer
    return answer.json["job"]


def ended(cqrsd, job):
    def look():
        shown = show(cqrsd, job)
        return shown if shown["state"] in ("done", "dead") else None

    return until(look)


class TestEnds:
    def test_a_job_takes_effect_and_tells_what_the_command_returned(self, cqrsd, primary):
        job = ended(cqrsd, accept(cqrsd, "later", number=7))
        assert job["state"] == "done", job
        assert job["result"]["data"]["number"] == 7, job
        assert primary.sql("SELECT count(*) FROM effects WHERE number = 7") == "1"

    def test_what_the_data_is_refused_for_is_dead_at_once(self, cqrsd, primary):
        job = ended(cqrsd, accept(cqrsd, "divided", number=0))
        assert (job["state"], job["attempts"]) == ("dead", 1), job

    def test_what_may_go_away_is_tried_again(self, cqrsd, primary):
        job = ended(cqrsd, accept(cqrsd, "guarded", number=3))
        assert (job["state"], job["attempts"]) == ("done", 3), job

    def test_after_its_attempts_it_is_dead(self, cqrsd, primary):
        job = ended(cqrsd, accept(cqrsd, "guarded", number=99))
        assert (job["state"], job["attempts"]) == ("dead", 3), job
        assert [entry["sqlstate"] for entry in job["attempt_log"]] == ["40001"] * 3


class TestMetrics:
    def test_each_job_that_has_ended_is_counted_once_by_its_end(self, cqrsd, primary):
        def finished(command, end):
            return cqrsd.metrics().sum("cqrsd_jobs_finished_total", command=command, end=end)

        def all_finished():
            return [finished("divided", "done"), finished("divided", "dead"),
                    finished("guarded", "done")]

        before = all_finished()
        for number in (1, 2, 0):
            ended(cqrsd, accept(cqrsd, "divided", number=number))
        # Three attempts, and one end.
        assert ended(cqrsd, accept(cqrsd, "guarded", number=3))["attempts"] == 3
        after = all_finished()
        assert [b - a for a, b in zip(before, after)] == [2, 1, 1]


def pause(primary, command):
    primary.sql(f"INSERT INTO cqrsd.job_pause (command, paused_by) VALUES ('{command}', 'me')")


def claims(primary):
    return int(primary.sql("SELECT coalesce(sum(coalesce(seq_scan, 0) + coalesce(idx_scan, 0)), 0)"
                           " FROM pg_stat_all_tables WHERE relname = 'job_pause'"))


class TestPauses:
    def test_a_paused_command_waits_while_others_go_on(self, cqrsd, primary):
        pause(primary, "later")
        waits = accept(cqrsd, "later", number=1)
        assert ended(cqrsd, accept(cqrsd, "divided", number=1))["state"] == "done"
        assert show(cqrsd, waits)["state"] == "queued"
        primary.sql("DELETE FROM cqrsd.job_pause")
        assert ended(cqrsd, waits)["state"] == "done"

    def test_all_commands_are_paused_at_once(self, cqrsd, primary):
        pause(primary, "*")
        waits = accept(cqrsd, "later", number=1)
        before = claims(primary)
        until(lambda: claims(primary) > before + 2)
        assert show(cqrsd, waits)["state"] == "queued"
        primary.sql("DELETE FROM cqrsd.job_pause")
        assert ended(cqrsd, waits)["state"] == "done"


class TestPartitions:
    def test_each_day_for_which_jobs_are_kept_has_one(self, cqrsd, primary):
        """Today, five days, and two ahead."""
        def days():
            return int(primary.sql("SELECT count(*) FROM pg_inherits WHERE inhparent ="
                                   " 'cqrsd.job_finished'::regclass")) - 1
        until(lambda: days() >= 8, "partitions of eight days", deadline_s=30)

        job = accept(cqrsd, "kept", number=1)
        ended(cqrsd, job)

        assert primary.sql("SELECT count(*) FROM cqrsd.job_finished_other") == "0"

    def test_what_has_no_day_of_its_own_is_deleted_when_its_time_is_over(self, primary):
        primary.sql("INSERT INTO cqrsd.job_finished_other (n, drop_at, run_at, accepted_at, mark,"
                    " attempts, attempts_max, state, command) SELECT i, now() - i * interval '1d',"
                    " now(), now(), 0, 1, 5, 'd', 'kept' FROM generate_series(-99, -98) AS i"
                    " UNION ALL SELECT 9, now() - interval '9d', now(), now(), 0, 1, 5, 'd',"
                    " 'kept'")

        primary.sql("SELECT cqrsd.job_partitions(2)")

        assert primary.sql("SELECT count(*) FROM cqrsd.job_finished_other") == "2"
