"""Jobs: how their clients hear what became of them, without asking again and again."""

import concurrent.futures
import uuid

import pytest
from harness.service import Service
from harness.until import until

from .conftest import options_for
from .job_fixtures import catalog, effects, primary  # noqa: F401

CATALOG = """
-- command: later :one
-- @param number int
-- @async allowed
INSERT INTO effects (number) VALUES (:number) RETURNING id, number;

-- command: divided :exec
-- @param number int
-- @async allowed
INSERT INTO effects (number) VALUES (10 / :number);

-- command: keyed :one
-- @param number int
-- @async allowed
-- @idempotency required
INSERT INTO effects (number) VALUES (:number) RETURNING id, number;

-- command: blocked :one
-- @param number int
-- @async allowed
-- @timeout 5s
WITH lock AS MATERIALIZED (SELECT pg_advisory_xact_lock(17))
INSERT INTO effects (number) SELECT :number FROM lock RETURNING id, number;

-- query: effects :many
SELECT number FROM effects ORDER BY number;
"""


def prefer(*preferences):
    return {"Prefer": ", ".join(preferences)}


@pytest.fixture(scope="module")
def start(effects, shop_cluster, catalog):
    """A service that runs so many batches of jobs at once."""
    services = []

    def begin(workers):
        # Whatever a story of keys does, callers of this one need none.
        service = Service(**options_for(shop_cluster, catalog,
                                        {"auth": "none", "workers": workers, "loops": 2}))
        services.append(service)
        service.start()
        return service

    yield begin
    for service in services:
        service.close()


@pytest.fixture(scope="module")
def worker(start):
    return start(workers=2)


@pytest.fixture(scope="module")
def idle(start):
    """Accepts jobs and runs none."""
    return start(workers=0)


@pytest.fixture
def paused(primary, worker):
    """No job is claimed, until the story calls it."""
    primary.sql("INSERT INTO cqrsd.job_pause (command, paused_by) VALUES ('*', 'me')")
    return lambda: primary.sql("DELETE FROM cqrsd.job_pause")


@pytest.fixture
def behind(shop_cluster):
    """The replicas stay where they are."""
    for replica in shop_cluster.replicas:
        replica.pause_replay()
    yield
    for replica in shop_cluster.replicas:
        replica.resume_replay()
    shop_cluster.wait_until_replayed()


def accept(cqrsd, number, name="later"):
    answer = cqrsd.command(name, user="ann", headers=prefer("respond-async"), number=number)
    assert answer.status == 202, answer
    return answer.json["job"]["id"]


def ask(cqrsd, job, *preferences, path="", **headers):
    headers = {"X-User-Id": "ann", **(prefer(*preferences) if preferences else {}), **headers}
    return cqrsd.client.request("GET", f"/v1/jobs/{job}{path}", headers=headers)


def numbers(cqrsd, **asked):
    return [row["number"] for row in cqrsd.query("effects", **asked).data]


# --- a command that waits for its job ------------------------------------------------------------

class TestCommand:
    def test_a_job_that_is_done_in_time_is_answered_as_the_command_itself(self, worker, primary):
        answer = worker.command("later", user="ann", headers=prefer("respond-async", "wait=5"),
                                number=7)

        assert answer.status == 200, answer
        assert set(answer.json) == {"data", "token"} and answer.json["data"]["number"] == 7
        assert answer.token == answer.json["token"] and answer.served_by.role == "primary"
        assert answer.headers["preference-applied"] == "wait=5"
        assert "location" not in answer.headers and "retry-after" not in answer.headers
        assert numbers(worker, user="ann") == [7]

    def test_a_job_that_dies_in_time_is_answered_with_the_problem_of_the_command(
            self, worker, primary):
        now = worker.command("divided", user="ann", number=0)
        later = worker.command("divided", user="ann", headers=prefer("respond-async", "wait=5"),
                               number=0)

        same = ("type", "title", "status", "code", "detail", "retryable", "sqlstate")
        assert later.status == now.status == 422, later
        assert [later.json.get(key) for key in same] == [now.json.get(key) for key in same]
        assert primary.sql("SELECT count(*) FROM cqrsd.job_dead") == "1"

    def test_a_job_that_is_not_done_in_time_is_accepted(self, idle, primary, paused):
        answer = idle.command("later", user="ann", headers=prefer("respond-async", "wait=0.1"),
                              number=7)

        assert answer.status == 202 and answer.json["job"]["state"] == "queued", answer
        assert answer.headers["preference-applied"] == "respond-async, wait=0.1"
        assert answer.headers["retry-after"] and answer.token
        assert answer.headers["location"] == f"/v1/jobs/{answer.json['job']['id']}"

    def test_a_job_that_another_instance_runs_is_told_as_well(self, idle, primary, paused):
        with concurrent.futures.ThreadPoolExecutor() as pool:
            waiting = pool.submit(idle.command, "later", user="ann", number=7,
                                  headers=prefer("respond-async", "wait=5"))
            until(lambda: primary.sql("SELECT count(*) FROM cqrsd.job") == "1")
            paused()
            answer = waiting.result()

        assert answer.status == 200 and answer.json["data"]["number"] == 7, answer
        assert numbers(idle, user="ann") == [7]

    def test_a_key_that_was_used_is_answered_with_the_acceptance(self, worker, primary):
        headers = {"Idempotency-Key": uuid.uuid4().hex, **prefer("respond-async", "wait=5")}
        first = worker.command("keyed", user="ann", headers=headers, number=7)
        again = worker.command("keyed", user="ann", headers=headers, number=7)

        assert first.status == 200 and first.json["data"]["number"] == 7, first
        assert again.status == 202 and again.headers["idempotent-replayed"] == "true", again
        assert numbers(worker, user="ann") == [7]

    def test_a_job_that_is_cancelled_meanwhile_was_accepted(self, idle, primary, paused):
        with concurrent.futures.ThreadPoolExecutor() as pool:
            waiting = pool.submit(idle.command, "later", user="ann", number=7,
                                  headers=prefer("respond-async", "wait=5"))
            until(lambda: primary.sql("SELECT count(*) FROM cqrsd.job") == "1")
            primary.sql("WITH gone AS (DELETE FROM cqrsd.job RETURNING *)"
                        " INSERT INTO cqrsd.job_finished (n, drop_at, run_at, accepted_at, mark,"
                        " attempts, attempts_max, state, command, caller, \"user\")"
                        " SELECT n, now() + interval '1 hour', run_at, accepted_at, mark, attempts,"
                        " attempts_max, 'c', command, caller, \"user\" FROM gone")
            assert waiting.result().status == 202


# --- long polls ----------------------------------------------------------------------------------

class TestLongPoll:
    def test_it_is_answered_when_the_job_has_ended(self, idle, primary, paused):
        job = accept(idle, 7)
        with concurrent.futures.ThreadPoolExecutor() as pool:
            waiting = pool.submit(ask, idle, job, "wait=5")
            paused()
            answer = waiting.result()

        shown = answer.json["job"]
        assert answer.status == 200 and shown["state"] == "done", answer
        assert shown["result"]["data"]["number"] == 7 and answer.token == shown["token"]
        assert shown["started_at"] and shown["finished_at"] and shown["problem"] is None
        assert answer.headers["preference-applied"] == "wait=5"
        assert numbers(idle, user="ann") == [7]

    def test_when_the_time_is_over_it_answers_the_state_of_now(self, idle, primary, paused):
        job = accept(idle, 7)
        answer = ask(idle, job, "wait=0.1")

        assert answer.status == 200 and answer.json["job"]["state"] == "queued", answer
        assert answer.headers["preference-applied"] == "wait=0.1" and not answer.token

    def test_a_job_that_runs_elsewhere_is_shown_as_running(self, idle, worker, primary):
        with primary.open_transaction("SELECT pg_advisory_xact_lock(17)"):
            job = accept(idle, 7, name="blocked")
            running = until(lambda: ask(idle, job).json["job"]["state"] == "running")
            cancelled = idle.client.request("DELETE", f"/v1/jobs/{job}",
                                            headers={"X-User-Id": "ann"})

        assert running and cancelled.code == "job-running", cancelled
        assert ask(idle, job, "wait=5").json["job"]["state"] == "done"

    def test_a_failed_attempt_tells_when_where_and_for_how_long(self, worker, primary):
        job = accept(worker, 0, name="divided")
        shown = ask(worker, job, "wait=5").json["job"]

        [attempt] = shown["attempt_log"]
        assert set(attempt) >= {"n", "started_at", "ms", "instance", "sqlstate"}, shown
        assert shown["state"] == "dead" and shown["problem"]["code"] == "invalid-value", shown
        assert shown["problem"]["status"] == 422, shown


# --- queries that wait for a job -----------------------------------------------------------------

class TestAfterJob:
    def test_a_query_sees_what_the_job_did(self, idle, primary, paused):
        job = accept(idle, 7)
        with concurrent.futures.ThreadPoolExecutor() as pool:
            waiting = pool.submit(idle.query, "effects", user="ann",
                                  headers=prefer(f"after-job={job}", "wait=5"))
            paused()
            answer = waiting.result()

        assert answer.data == [{"number": 7}], answer
        assert answer.headers["preference-applied"] == f"after-job={job}, wait=5"

    def test_a_replica_that_has_not_replayed_the_job_does_not_answer(
            self, worker, primary, behind):
        job = accept(worker, 7)

        answer = worker.query("effects", user="ann", consistency="eventual",
                              headers=prefer(f"after-job={job}", "wait=5"))

        assert answer.data == [{"number": 7}] and answer.served_by.role == "primary", answer

    def test_a_job_that_has_not_ended_in_time_is_a_timeout(self, idle, primary, paused):
        job = accept(idle, 7)
        answer = idle.query("effects", user="ann", headers=prefer(f"after-job={job}", "wait=0.1"))
        assert (answer.status, answer.code) == (504, "timeout"), answer

    def test_after_a_job_that_failed_there_is_nothing_to_wait_for(self, worker, primary):
        job = accept(worker, 0, name="divided")
        answer = worker.query("effects", user="ann", headers=prefer(f"after-job={job}", "wait=5"))
        assert answer.data == [], answer

    def test_a_job_of_another_user_is_none(self, worker, primary):
        job = accept(worker, 7)
        for name, user in ((job, "bob"), ("X", "ann")):
            answer = worker.query("effects", user=user, headers=prefer(f"after-job={name}"))
            assert (answer.status, answer.code) == (404, "not-found"), answer
