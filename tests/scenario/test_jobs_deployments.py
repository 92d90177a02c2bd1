"""Jobs that a deployment has broken for a while lose no attempt, and go on by themselves."""

import pytest
from harness.service import Service
from harness.until import until

from .conftest import options_for
from .job_fixtures import catalog, effects, primary  # noqa: F401

# One attempt: a job that counts it is dead.
CATALOG = """
-- command: ailing :exec
-- @param number int
-- @async always
-- @retries 0
SELECT do_unless_ailing(:number);

-- command: moved :exec
-- @param number int
-- @async always
-- @retries 0
INSERT INTO moving (number) VALUES (:number);

-- command: sound :exec
-- @param number int
-- @async always
INSERT INTO effects (number) VALUES (:number);
"""
SCHEMA = """
CREATE TABLE effects (number int);
CREATE TABLE moving (number int);
CREATE TABLE ailment (code text);
CREATE SEQUENCE tried;
CREATE FUNCTION do_unless_ailing(n int) RETURNS void LANGUAGE plpgsql AS $$
DECLARE ailing text := (SELECT code FROM ailment); BEGIN
  PERFORM nextval('tried');
  IF ailing IS NOT NULL THEN RAISE EXCEPTION 'it ails' USING ERRCODE = ailing; END IF;
  INSERT INTO effects (number) VALUES (n); END $$;
"""
UNDO = ("DROP FUNCTION do_unless_ailing(int); DROP SEQUENCE tried;"
        "DROP TABLE effects, moving, ailment")
TABLES = ("effects", "moving", "ailment")
SEQUENCE = "tried"


@pytest.fixture
def cqrsd(primary, shop_cluster, catalog):
    service = Service(**options_for(shop_cluster, catalog, {"auth": "none", "queue_wait_ms": 5000}))
    service.start()
    yield service
    service.close()


def accept(cqrsd, name, number):
    answer = cqrsd.command(name, user="ann", number=number)
    assert answer.status == 202, answer
    return answer.json["job"]["id"]


def show(cqrsd, job):
    answer = cqrsd.client.request("GET", f"/v1/jobs/{job}", headers={"X-User-Id": "ann"})
    assert answer.status == 200, answer
    return answer.json["job"]


def done(cqrsd, job):
    """It has ended well, by the one attempt that counts."""
    until(lambda: show(cqrsd, job)["state"] in ("done", "dead"), deadline_s=60)
    shown = show(cqrsd, job)
    assert (shown["state"], shown["attempts"]) == ("done", 1), shown


def tries(primary):
    return int(primary.sql("SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM tried"))


def left(cqrsd, command):
    return cqrsd.metrics().sum("cqrsd_job_attempts_total", command=command, outcome="left")


@pytest.mark.parametrize("code", ["42501", "42883", "0A000", "26000", "XX000", "25006", "3D000"])
def test_a_command_that_cannot_run_now_is_left_and_its_jobs_lose_no_attempt(cqrsd, primary, code):
    primary.sql(f"INSERT INTO ailment VALUES ('{code}')")
    jobs = [accept(cqrsd, "ailing", number) for number in range(3)]
    until(lambda: tries(primary) >= 2, deadline_s=60)
    sound = accept(cqrsd, "sound", 7)

    done(cqrsd, sound)
    # They may be tried once more in this moment.
    assert {(job["state"] in ("queued", "running"), job["attempts"])
            for job in (show(cqrsd, job) for job in jobs)} == {(True, 0)}
    until(lambda: left(cqrsd, "ailing") >= 2, deadline_s=60)
    assert f"ailing is paused: it ails ({code})" in cqrsd.log_text()
    primary.sql("DELETE FROM ailment")

    for job in jobs:
        done(cqrsd, job)
    assert primary.sql("SELECT number FROM effects ORDER BY number").split() == list("0127")


def test_a_table_that_is_away_for_a_while_costs_no_attempt(cqrsd, primary):
    done(cqrsd, accept(cqrsd, "moved", 1))
    primary.sql("ALTER TABLE moving RENAME TO gone")
    job = accept(cqrsd, "moved", 2)
    until(lambda: left(cqrsd, "moved") >= 1, deadline_s=60)

    assert show(cqrsd, job)["attempts"] == 0
    primary.sql("ALTER TABLE gone RENAME TO moving; ALTER TABLE moving ADD note text")

    done(cqrsd, job)
    assert primary.sql("SELECT count(*) FROM moving WHERE number = 2") == "1"
