"""What a row tells of the transaction that locked it, and what a job that waits again keeps."""

import contextlib
import json

import pytest
from harness.service import Service
from harness.until import until

from .conftest import options_for
from .job_fixtures import effects, primary  # noqa: F401
from .test_job_deaths import accept, ended

# Seen by claims first, where the other one is of the same claim.
INNOCENT = """
-- command: innocent :exec
-- @param number int
-- @async always
-- @retries 0
-- @priority 0
INSERT INTO effects (number) VALUES (:number);
"""
DEADLY = """
-- command: deadly :exec
-- @param number int
-- @async always
-- @retries 0
SELECT end_backend(:number);
"""
FAILING = """
-- command: failing :exec
-- @param number int
-- @async always
-- @retries 4 backoff=1h
SELECT fail_for_now(:number);
"""
MARK = 4713
# Claims read cqrsd.job_pause: there a claim is held up whose snapshot is taken. One of the instance
# "late" that sees company waits until the innocent job was begun; one of "early" until such a one
# waits, and once it was begun until the story is over.
SCHEMA = f"""
CREATE TABLE effects (id bigserial PRIMARY KEY, number int);
CREATE TABLE story_is_over (it boolean);
CREATE FUNCTION end_backend(number int) RETURNS void LANGUAGE plpgsql AS $$ BEGIN
  PERFORM pg_terminate_backend(pg_backend_pid()); PERFORM pg_sleep(5); END $$;
CREATE FUNCTION fail_for_now(number int) RETURNS void LANGUAGE plpgsql AS $$ BEGIN
  RAISE EXCEPTION 'not now' USING ERRCODE = '53400'; END $$;
CREATE FUNCTION hold_up() RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  instance text := current_setting('application_name');
  company boolean := current_query() LIKE '%o.begun <= o.attempts%';
  waits boolean;
BEGIN
  IF current_query() NOT LIKE '%SKIP LOCKED%' OR instance NOT IN ('late', 'early')
     OR instance = 'late' AND NOT company THEN
    RETURN;
  END IF;
  IF instance = 'late' THEN
    PERFORM pg_advisory_xact_lock_shared({MARK});
  END IF;
  LOOP
    EXIT WHEN EXISTS (SELECT FROM story_is_over);
    waits := EXISTS (SELECT FROM cqrsd.job WHERE command = 'innocent' AND begun <= attempts);
    EXIT WHEN instance = 'late' AND NOT waits;
    EXIT WHEN instance = 'early' AND waits
      AND EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND objid = {MARK});
    PERFORM pg_sleep(0.01);
  END LOOP;
END $$;
"""
UNDO = """
DROP FUNCTION end_backend, fail_for_now, hold_up; DROP TABLE effects, story_is_over;
"""
TABLES = ("effects", "story_is_over")
HELD_UP = """
ALTER TABLE cqrsd.job_pause RENAME TO job_pause_kept;
CREATE FUNCTION pauses() RETURNS SETOF cqrsd.job_pause_kept LANGUAGE plpgsql AS $$ BEGIN
  PERFORM hold_up(); RETURN QUERY SELECT * FROM cqrsd.job_pause_kept; END $$;
CREATE VIEW cqrsd.job_pause AS SELECT * FROM pauses();
"""
LET_GO = """
DROP VIEW cqrsd.job_pause; DROP FUNCTION pauses();
ALTER TABLE cqrsd.job_pause_kept RENAME TO job_pause;
"""


@pytest.fixture
def held_up(primary):
    primary.sql(HELD_UP)
    yield primary
    primary.sql(LET_GO)


@pytest.fixture
def start(shop_cluster, primary, tmp_path):
    with contextlib.ExitStack() as stack:
        def start_one(catalog, name="cqrsd", **options):
            folder = tmp_path / f"{name}-{options.get('workers')}"
            folder.mkdir()
            (folder / "jobs.sql").write_text(catalog, encoding="utf-8")
            service = Service(**options_for(shop_cluster, folder, {
                "auth": "none", "primary": f"{primary.conninfo}?application_name={name}",
                **options}))
            stack.callback(service.close)
            return service.start()
        yield start_one


def lock_in_vain(primary, number):
    """As a transaction of it that was lost."""
    primary.sql(f"BEGIN; SELECT FROM cqrsd.job WHERE (parameters ->> 'number')::int = {number}"
                " FOR UPDATE; ROLLBACK")


def test_a_claim_that_passes_over_a_job_takes_no_attempt_from_it(held_up, start):
    """It is begun by one instance while another one's claim is under way, which then is lost."""
    accepting = start(INNOCENT + DEADLY, workers=0)
    innocent = accept(accepting, "innocent", number=1)
    deadly = accept(accepting, "deadly", number=2)
    lock_in_vain(held_up, 1)

    start(INNOCENT + DEADLY, name="late", workers=1)
    start(INNOCENT, name="early", workers=1)

    assert ended(accepting, deadly)["state"] == "dead"
    held_up.sql("INSERT INTO story_is_over VALUES (true)")
    job = ended(accepting, innocent)
    assert (job["state"], job["attempts"]) == ("done", 1), job
    assert not job.get("attempt_log"), job
    assert held_up.sql("SELECT number FROM effects") == "1"


# What an attempt changes; all else is as it was accepted.
CHANGED = ("run_at", "attempts", "begun", "begun_at", "begun_by", "log")
FULL = """
INSERT INTO cqrsd.job (run_at, accepted_at, mark, keep_s, keyed, attempts_max, command, version,
    parameters, claims, caller, "user", tenant, session, trace)
SELECT now(), now() - interval '1 minute', 77, 4242, true, 5, 'failing', 'v7',
    json_build_object('number', n::text), '["{}", "a", "b"]', 'key:x', 'ann',
    cqrsd.job_tenant('key:x', 'ann'), 'bea',
    '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01' FROM generate_series(1, 2) AS n;
UPDATE cqrsd.job SET order_key = 'k' WHERE (parameters ->> 'number')::int = 2
"""


@pytest.mark.parametrize("lost", [False, True])
def test_one_that_waits_again_keeps_all_that_it_had(primary, start, lost):
    primary.sql(FULL)

    def kept():
        rows = [json.loads(line) for line in
                primary.sql("SELECT to_jsonb(j) FROM cqrsd.job AS j ORDER BY n").splitlines()]
        return [{key: row[key] for key in row if key not in CHANGED} for row in rows]

    before = kept()
    assert [key for key in before[1] if before[1][key] is None] == [], "the story has all of them"
    if lost:
        lock_in_vain(primary, 1)
        lock_in_vain(primary, 2)
    start(FAILING, workers=2)
    until(lambda: primary.sql("SELECT count(*) FROM cqrsd.job WHERE attempts = 1") == "2")
    assert kept() == before
