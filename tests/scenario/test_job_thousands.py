"""A job that ends its server, or its instance, beside ten thousand others on two instances."""

import contextlib

import pytest
from harness.service import Service
from harness.until import slowly, until

from .conftest import options_for
from .job_fixtures import catalog, effects, primary  # noqa: F401
from .test_job_deaths import accept, show

GOODS, PER_SECOND = 10000, 500
# How long one of them is under way, from when it is due to its end: the server restarts and the
# instances come back meanwhile, and one that was lost with them waits for its next attempt.
OLDEST_S = 30
WORKERS = 2
CATALOG = """
-- command: good :exec
-- @param number int
-- @async always
-- @retries 4 backoff=100ms
INSERT INTO effects (number) VALUES (:number);

-- command: segfault :exec
-- @param number int
-- @async always
-- @retries 2 backoff=10ms
SELECT segfault(:number);

-- command: ending :exec
-- @param number int
-- @async always
-- @retries 1 backoff=10ms
-- @timeout 60s
INSERT INTO effects (number) SELECT :number FROM pg_sleep(60);
"""
# The shell's parent is the backend.
SCHEMA = """
CREATE TABLE effects (id bigserial PRIMARY KEY, number int);
CREATE FUNCTION segfault(n int) RETURNS void LANGUAGE plpgsql AS $$ BEGIN
  INSERT INTO effects (number) VALUES (n);
  COPY (SELECT 1) TO PROGRAM 'prlimit --core=0 --pid $PPID; kill -SEGV $PPID';
  PERFORM pg_sleep(5); END $$;
"""
UNDO = "DROP FUNCTION segfault(int); DROP TABLE effects"
ARRIVE = f"""
INSERT INTO cqrsd.job (run_at, accepted_at, mark, keep_s, keyed, attempts_max, command, version,
    parameters) SELECT at, at, 7, 3600, false, 5, 'good', 'v1', json_build_object('number', i::text)
FROM generate_series(1, {GOODS}) AS i, LATERAL (SELECT clock_timestamp() + i * interval '1 second'
    / {PER_SECOND} AS at) AS due
"""
LEFT = "SELECT count(*) FROM cqrsd.job WHERE command = 'good'"
LONGEST = ("SELECT extract(epoch FROM max(finished_at - accepted_at)) FROM cqrsd.job_finished"
           " WHERE command = 'good'")


@pytest.fixture
def start(shop_cluster, catalog, primary):
    with contextlib.ExitStack() as stack:
        def start_one(name="cqrsd", **options):
            service = Service(**options_for(shop_cluster, catalog, {
                "auth": "none", "workers": WORKERS,
                "primary": f"{primary.conninfo}?application_name={name}", **options}))
            stack.callback(service.close)
            return service.start("commands")
        yield start_one
    shop_cluster.wait_until_replayed()


def number_of(primary, query):
    return float(primary.sql(query))


def all_good_ones_are_done_once(primary, restarts):
    until(lambda: number_of(primary, LEFT) == 0, "the good ones to be done", 120, every_s=0.1)
    assert primary.sql("SELECT count(*), count(DISTINCT number), min(number), max(number)"
                       " FROM effects") == f"{GOODS}|{GOODS}|1|{GOODS}"
    assert number_of(primary, "SELECT count(*) FROM cqrsd.job_dead WHERE command = 'good'") == 0
    # Of those that a failure met while they ran alone: one for each worker and failure.
    charged = number_of(primary, "SELECT sum(attempts - 1) FROM cqrsd.job_finished")
    assert charged <= restarts * 2 * WORKERS, charged
    longest = number_of(primary, LONGEST)
    assert longest < slowly(OLDEST_S), longest


def tells_of_each_attempt(job, attempts):
    assert (job["state"], job["attempts"]) == ("dead", attempts), job
    assert [entry["n"] for entry in job["attempt_log"]] == list(range(1, attempts + 1)), job
    for entry in job["attempt_log"]:
        assert entry["instance"] and entry["started_at"], job
        assert "connection was lost" in entry["message"], job
    assert "connection was lost" in job["problem"]["detail"], job


def test_a_segfault_of_its_backend_is_three_attempts_and_stops_no_other(start, primary):
    """The whole server starts anew each time."""
    accepting = start(workers=0)
    primary.sql(ARRIVE)
    lethal = accept(accepting, "segfault", number=0)
    start("one"), start("other")

    job = until(lambda: dead_by_now(accepting, lethal), "it to be dead", 120, every_s=0.1)

    tells_of_each_attempt(job, 3)
    all_good_ones_are_done_once(primary, restarts=4)


def dead_by_now(cqrsd, job):
    """None as well while the server is away."""
    try:
        shown = show(cqrsd, job)
    except (AssertionError, OSError):
        return None
    return shown if shown["state"] == "dead" else None


RUNS_ENDING = ("SELECT application_name FROM pg_stat_activity WHERE state = 'active'"
               " AND pid <> pg_backend_pid() AND query LIKE '%pg_sleep(60)%'")


def test_one_that_ends_its_instance_has_its_attempts_and_stops_no_other(start, primary):
    accepting = start(workers=0)
    primary.sql(ARRIVE)
    ending = accept(accepting, "ending", number=0)
    instances = {name: start(name) for name in ("one", "other")}

    kills = 0
    while not dead_by_now(accepting, ending):
        runs_it = until(lambda: primary.sql(RUNS_ENDING) or dead_by_now(accepting, ending),
                        "it to run, or to be dead", 60)
        if runs_it not in ("one", "other"):
            continue
        instances[runs_it].kill9()
        kills += 1
        assert kills <= 3
        until(lambda name=runs_it: name not in primary.sql(RUNS_ENDING).split(),
              "the server to notice", 30)
        instances[runs_it] = start(runs_it)

    tells_of_each_attempt(show(accepting, ending), 2)
    # The first one ended it in a transaction that might have had others.
    assert kills == 3
    all_good_ones_are_done_once(primary, restarts=kills)
