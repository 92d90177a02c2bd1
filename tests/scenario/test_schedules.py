"""Commands that run by themselves, @every and @cron: each due time once, in the whole cluster."""

import contextlib
import datetime
import json
import random
import re

import pytest
from harness.promotion import fail_over
from harness.service import run
from harness.until import rest_now, until

from .schedule_fixtures import (  # noqa: F401
    BEGINS, DAY, SCHEMA, TICK, Clock, break_off, clock, due_times, effects, ended, have_read,
    known, make_due, minutes, primary, row, runs, serve, shop, unseen)

GATE = 4712


def half_hours(first, last):
    time = first.replace(minute=0, second=0)
    while time <= last:
        if time > first:
            yield time
        time += minutes(30)


def restart(dice, instances):
    """One of them, or both, at some moment of what they do; most are not asked."""
    rest_now(dice.uniform(0, 0.06))
    ends = dice.sample(instances, dice.choice([1, 1, 2]))
    for instance in ends:
        if dice.random() < 0.7:
            instance.kill9()
        else:
            instance.terminate()
            instance.wait()
    for instance in ends:
        instance.start()


@pytest.mark.parametrize("seed", range(2))
def test_each_due_time_of_a_day_comes_once_whatever_happens_to_two_instances(
        serve, primary, clock, seed):
    dice = random.Random(seed)
    instances = [serve(DAY), serve(DAY)]
    for command in ("tick", "report", "beat"):
        known(primary, command)
    first_beat = datetime.datetime.fromtimestamp(
        float(row(primary, "beat", "extract(epoch FROM next_due)")), datetime.timezone.utc)
    ends = BEGINS + datetime.timedelta(days=1)
    beats = [first_beat + minutes(80 * i) for i in range(18)]
    ticks = list(half_hours(BEGINS, ends))
    reports = [time for time in ticks if (time.hour, time.minute) in ((3, 30), (15, 30))]

    for time in sorted({*ticks, *(beat + datetime.timedelta(seconds=1) for beat in beats)}):
        clock.set(time)
        if dice.random() < 0.15:
            restart(dice, instances)
        clock.go(time)
        if dice.random() < 0.1:
            restart(dice, instances)
    ended(primary)

    assert due_times(primary, "tick") == ticks
    assert due_times(primary, "report") == reports
    assert [time.replace(microsecond=0) for time in beats] == due_times(primary, "beat")
    assert effects(primary, "tick") == len(ticks)
    assert effects(primary, "report") == len(reports)
    assert effects(primary, "beat") == len(beats)


@pytest.fixture
def gate(primary):
    """Shut, it holds whoever accepts a job, in the middle of the transaction."""
    primary.sql(f"""CREATE FUNCTION pass_gate() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        PERFORM pg_advisory_xact_lock_shared({GATE}); RETURN NEW; END $$;
        CREATE TRIGGER gate BEFORE INSERT ON cqrsd.job
        FOR EACH ROW WHEN (NEW.command = 'tick') EXECUTE FUNCTION pass_gate();""")
    with contextlib.ExitStack() as shut:
        shut.enter_context(primary.open_transaction(f"SELECT pg_advisory_xact_lock({GATE})"))
        yield shut
    primary.sql("DROP TRIGGER gate ON cqrsd.job; DROP FUNCTION pass_gate();")


def before_gate(primary):
    return int(primary.sql("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'"
                           f" AND objid = {GATE} AND NOT granted"))


def test_a_due_time_that_one_instance_takes_is_left_alone_by_the_other(
        serve, primary, clock, gate):
    instances = [serve(TICK, workers=0) for _ in range(2)]
    known(primary, "tick")
    clock.set(BEGINS + minutes(15))
    until(lambda: before_gate(primary) >= 1, "one that takes it")

    have_read(primary, *instances, have=any, unless=lambda: before_gate(primary) > 1)
    assert before_gate(primary) == 1
    gate.close()

    until(lambda: runs(primary, "tick") >= 1)
    have_read(primary, *instances)
    assert runs(primary, "tick") == 1
    assert primary.sql("SELECT count(*) FROM cqrsd.job") == "1"


def test_times_that_were_missed_are_run_once(serve, primary, clock):
    service = serve(TICK)
    known(primary, "tick")
    service.close()
    clock.set(BEGINS + minutes(500))

    serve(TICK)

    until(lambda: effects(primary, "tick") == 1)
    ended(primary)
    have_read(primary, serve(TICK, workers=0))
    assert runs(primary, "tick") == 1
    assert due_times(primary, "tick") == [BEGINS.replace(minute=15, second=0)]
    clock.go(BEGINS + minutes(510))
    until(lambda: effects(primary, "tick") == 2)


def test_an_interval_begins_when_it_was_first_seen_and_keeps_its_beat(serve, primary):
    before = primary.sql("SELECT clock_timestamp()")
    serve(TICK.replace('@cron "*/15 * * * *"', "@every 1s"))
    until(lambda: effects(primary, "tick") >= 3, deadline_s=30)

    assert primary.sql(f"SELECT min(due) >= '{before}'::timestamptz + interval '1 second',"
                       " count(*) = count(DISTINCT due),"
                       " count(DISTINCT extract(milliseconds FROM due) % 1000) FROM due") == "t|t|1"


def test_a_time_waits_while_the_last_job_has_not_ended(serve, primary, clock):
    idle = serve(TICK, workers=0)
    known(primary, "tick")
    clock.set(BEGINS + minutes(15))
    until(lambda: runs(primary, "tick") == 1)

    clock.set(BEGINS + minutes(100))
    have_read(primary, idle)
    assert runs(primary, "tick") == 1
    until(lambda: idle.metrics().sum("cqrsd_schedule_late_seconds") > 60)
    serve(TICK)

    until(lambda: effects(primary, "tick") == 2)
    assert due_times(primary, "tick") == [BEGINS.replace(minute=15, second=0),
                                          BEGINS.replace(minute=30, second=0)]


class TestOperators:
    def test_a_pause_holds_the_schedule_and_what_was_missed_is_run_once(
            self, serve, primary, clock):
        service = serve(TICK, workers=0)
        known(primary, "tick")
        jobs = {"primary": primary.conninfo, "catalog": str(service.options["catalog"])}
        assert run("jobs", "pause", "tick", **jobs).returncode == 0
        clock.set(BEGINS + minutes(100))
        have_read(primary, service)

        assert runs(primary, "tick") == 0
        assert service.metrics().sum("cqrsd_schedule_late_seconds") < 60
        listed = run("jobs", "schedules", **jobs)
        assert "2028-02-28T18:15:00,paused" in listed.stdout
        assert run("jobs", "resume", "tick", **jobs).returncode == 0

        until(lambda: runs(primary, "tick") == 1)
        # The instance hears of the commit a moment after others can see it.
        until(lambda: service.metrics().sum("cqrsd_schedule_runs_total", command="tick") == 1)

    def test_a_pause_of_an_operator_holds_where_a_breaker_has_paused(self, serve, primary, clock):
        service = serve(TICK, workers=0)
        known(primary, "tick")
        break_off(primary, "tick")
        jobs = {"primary": primary.conninfo, "catalog": str(service.options["catalog"])}
        assert run("jobs", "pause", "tick", **jobs).returncode == 0
        assert ",paused" in run("jobs", "schedules", "tick", **jobs).stdout

        clock.set(BEGINS + minutes(15))
        have_read(primary, service)

        assert runs(primary, "tick") == 0

    def test_a_pause_of_all_commands_holds_beside_that_of_a_breaker(self, serve, primary, clock):
        service = serve(TICK, workers=0)
        known(primary, "tick")
        break_off(primary, "tick")
        assert run("jobs", "pause", "--all", primary=primary.conninfo).returncode == 0
        assert ",paused" in run("jobs", "schedules", "tick", primary=primary.conninfo).stdout

        clock.set(BEGINS + minutes(15))
        make_due(primary, service)
        for _ in range(5):  # a reading that runs nothing sees what was long not seen
            unseen(primary, service.probe, "30 seconds")
            until(lambda: row(primary, service.probe,
                              "clock_timestamp() - seen_at < '20 seconds'") == "t")

        assert runs(primary, "tick") == runs(primary, service.probe) == 0
        assert run("jobs", "resume", "--all", primary=primary.conninfo).returncode == 0
        until(lambda: runs(primary, "tick") == 1)

    def test_a_command_that_its_schedule_alone_runs_is_tried_by_that(self, serve, primary, clock):
        idle = serve(TICK, workers=0)
        known(primary, "tick")
        break_off(primary, "tick")
        shown = run("jobs", "schedules", "tick", primary=primary.conninfo)
        assert "2028-02-28T18:15:00,breaker" in shown.stdout
        page = idle.admin.request("GET", "/admin/api/jobs/schedules?command=tick").json["schedules"]
        assert (page[0]["paused"], page[0]["breaker_open"]) == (False, True)
        clock.set(BEGINS + minutes(15))
        until(lambda: runs(primary, "tick") == 1)
        clock.set(BEGINS + minutes(100))
        until(lambda: idle.metrics().sum("cqrsd_schedule_late_seconds") > 60)

        serve(TICK)

        until(lambda: effects(primary, "tick") == 2)
        assert primary.sql("SELECT count(*) FROM cqrsd.job_pause") == "0"

    def test_a_schedule_is_listed_with_its_next_time_and_its_last_job(self, serve, primary, clock):
        service = serve(DAY)
        known(primary, "beat")
        jobs = {"primary": primary.conninfo}
        clock.go(BEGINS + minutes(31))
        ended(primary)

        listed = run("jobs", "schedules", "tick", "--json", **jobs)
        shown = json.loads(listed.stdout)
        assert (shown["schedule"], shown["runs"]) == ("@cron */30 * * * *", 1)
        assert shown["next_due"] == "2028-02-28T19:00:00Z"
        assert shown["last_due"] == "2028-02-28T18:30:00Z"
        assert (shown["last_state"], shown["paused"]) == ("done", False)
        job = json.loads(run("jobs", "show", shown["last_job"], "--json", **jobs).stdout)
        assert (job["command"], job["caller"], job["user"]) == ("tick", "schedule", None)
        page = service.admin.request(
            "GET", "/admin/api/jobs/schedules?command=tick,report").json["schedules"]
        assert [line["command"] for line in page] == ["report", "tick"]
        assert page[0]["last_job"] is None and page[1]["last_job"] == shown["last_job"]
        text = run("jobs", "schedules", **jobs).stdout.splitlines()
        assert len(text) == 4 and text[0].startswith("COMMAND") and shown["last_job"] in text[3]

    def test_no_client_sees_the_job_of_a_schedule(self, serve, primary, clock):
        service = serve(TICK, workers=0)
        known(primary, "tick")
        clock.go(BEGINS + minutes(15))
        shown = json.loads(run("jobs", "schedules", "tick", "--json",
                               primary=primary.conninfo).stdout)
        job = shown["last_job"]

        answer = service.client.request("GET", f"/v1/jobs/{job}")

        assert answer.status == 404
        seen = json.loads(run("jobs", "show", job, "--json", primary=primary.conninfo).stdout)
        assert (seen["state"], seen["caller"], seen["user"]) == ("queued", "schedule", None)
        assert re.fullmatch("00-[0-9a-f]{32}-[0-9a-f]{16}-00", seen["trace"])


def test_values_are_the_defaults_and_nobody_asks(serve, primary, clock):
    serve("""
-- command: tick :exec
-- @param note text = defaulted
-- @param more text?
-- @claims
-- @order-by note
-- @internal
-- @idempotency required
-- @every 1h
INSERT INTO effects (note) SELECT concat_ws('|', :note, :more, coalesce(:request_user, 'nobody'),
  current_setting('request.jwt.claims', true));
""")
    known(primary, "tick")
    clock.go(BEGINS + minutes(61))

    ended(primary)
    assert primary.sql("SELECT note FROM effects") == "defaulted|nobody|{}"


def test_check_says_when_what_comes_next(tmp_path):
    (tmp_path / "sql.sql").write_text(DAY, encoding="utf-8")

    done = run("check", "--offline", catalog=str(tmp_path))

    assert done.returncode == 0
    assert "note: beat runs by itself, @every 80m: first one interval" in done.stderr
    line = next(line for line in done.stderr.splitlines() if "report" in line)
    assert line.count("T03:30:00Z") + line.count("T15:30:00Z") == 3


def test_a_time_that_was_taken_on_a_lost_timeline_is_run_once_on_the_kept_one(
        serve, fresh_cluster):
    old, new, other = fresh_cluster.nodes
    old.sql(SCHEMA)
    clock = Clock(old)
    clock.set(BEGINS)
    cqrsd = serve(TICK, on=fresh_cluster)
    known(old, "tick")
    clock.go(BEGINS + minutes(15))
    until(lambda: effects(old, "tick") == 1)
    ended(old)
    fresh_cluster.wait_until_replayed()

    def lose():
        clock.go(BEGINS + minutes(30))
        until(lambda: effects(old, "tick") == 2)

    fail_over(old, new, [other], lose=lose)
    until(lambda: cqrsd.node(new.address)["role"] == "primary", "the new primary", 20)
    assert effects(new, "tick") == 1
    clock = Clock(new)
    clock.go(BEGINS + minutes(31))
    until(lambda: effects(new, "tick") == 2)
    have_read(new, serve(TICK, on=fresh_cluster, wait="commands", workers=0))
    ended(new)

    assert effects(new, "tick") == 2
    assert due_times(new, "tick") == [BEGINS.replace(minute=15, second=0),
                                      BEGINS.replace(minute=30, second=0)]
