"""Commands that run by themselves, @every and @cron: each due time once, in the whole cluster."""

import contextlib
import datetime
import json
import random
import re

import pytest
from harness.promotion import fail_over
from harness.service import Service, run
from harness.until import until

from .conftest import empty_jobs, options_for

GATE = 4712
TICK = """
-- command: tick :exec
-- @cron "*/15 * * * *"
INSERT INTO effects (note) VALUES ('tick');
"""
DAY = TICK.replace("*/15", "*/30") + """
-- command: report :exec
-- @cron "30 3,15 * * *"
INSERT INTO effects (note) VALUES ('report');

-- command: beat :exec
-- @every 80m
-- @retries 10 backoff=10ms
INSERT INTO effects (note) SELECT 'beat' FROM nextval('beats') AS n WHERE refuse(n % 5 = 0);
"""
SCHEMA = """
CREATE TABLE effects (id serial PRIMARY KEY, note text);
CREATE TABLE due (command text, due timestamptz, n bigint);
CREATE SEQUENCE beats;
CREATE FUNCTION refuse(now boolean) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN
  IF now THEN RAISE EXCEPTION 'not now' USING ERRCODE = '40001'; END IF; RETURN true; END $$;
CREATE FUNCTION note_due() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  IF NEW.runs > OLD.runs THEN
    INSERT INTO due VALUES (NEW.command, NEW.last_due, NEW.last_n);
  END IF; RETURN NULL; END $$;
CREATE TRIGGER note_due AFTER UPDATE ON cqrsd.job_schedule
  FOR EACH ROW EXECUTE FUNCTION note_due();
"""
CLEAN = """
DROP TRIGGER note_due ON cqrsd.job_schedule;
DROP FUNCTION note_due(); DROP FUNCTION refuse(boolean); DROP TABLE effects, due;
DROP SEQUENCE beats;
"""
# A leap day lies behind it.
BEGINS = datetime.datetime(2028, 2, 28, 18, 0, 20, tzinfo=datetime.timezone.utc)


def minutes(count):
    return datetime.timedelta(minutes=count)


class Clock:
    """What schedules see: a time of long ago or of later, that a story sets."""

    def __init__(self, primary):
        self.primary = primary

    def set(self, time):
        self.primary.sql(
            f"INSERT INTO cqrsd.job_clock (ahead) VALUES ('{time.isoformat()}' - clock_timestamp())"
            " ON CONFLICT (one) DO UPDATE SET ahead = excluded.ahead")

    def go(self, time):
        """On to that time, which everybody alive has seen: nothing is due any more."""
        self.set(time)
        until(lambda: self.primary.sql(
            "SELECT count(*) FROM cqrsd.job_schedule"
            f" WHERE next_due <= '{time.isoformat()}'") == "0", f"what is due at {time}")

    def clear(self):
        self.primary.sql("DELETE FROM cqrsd.job_clock")


@pytest.fixture(scope="module")
def shop(shop_cluster):
    shop_cluster.primary.sql(SCHEMA)
    shop_cluster.wait_until_replayed()
    yield shop_cluster
    shop_cluster.primary.sql(CLEAN)


@pytest.fixture
def primary(shop):
    yield shop.primary
    empty_jobs(shop.primary, "cqrsd.job_schedule", "cqrsd.job_clock", "effects", "due")
    shop.primary.sql("ALTER SEQUENCE beats RESTART")


@pytest.fixture
def clock(primary):
    clock = Clock(primary)
    clock.set(BEGINS)
    return clock


@pytest.fixture
def serve(shop, primary, tmp_path):
    """A function that serves a catalog of that text; whatever is done with keys elsewhere."""
    with contextlib.ExitStack() as stack:
        def start(text, on=shop, **options):
            folder = tmp_path / f"catalog-{abs(hash(text))}"
            folder.mkdir(exist_ok=True)
            (folder / "sql.sql").write_text(text, encoding="utf-8")
            service = Service(**options_for(on, folder, {"auth": "none", **options}))
            stack.callback(service.close)
            return service.start()
        yield start


def row(primary, command, columns="next_due"):
    return primary.sql(f"SELECT {columns} FROM cqrsd.job_schedule WHERE command = '{command}'")


def known(primary, command):
    """Some instance has seen it."""
    until(lambda: row(primary, command), f"the schedule of {command}")


def runs(primary, command):
    return int(row(primary, command, "runs"))


def effects(primary, note):
    return int(primary.sql(f"SELECT count(*) FROM effects WHERE note = '{note}'"))


def due_times(primary, command):
    lines = primary.sql("SELECT floor(extract(epoch FROM due)) FROM due"
                        f" WHERE command = '{command}' ORDER BY n").split()
    return [datetime.datetime.fromtimestamp(int(line), datetime.timezone.utc) for line in lines]


def trips(services):
    """Batches that they have sent: without workers hardly any but those that read schedules."""
    return sum(service.metrics().sum("cqrsd_batch_calls_count") for service in services)


def have_read(*services):
    """One of them, or more, has read the schedules again and again since."""
    before = trips(services)
    until(lambda: trips(services) >= before + 40, "schedules to be read", 30)


def ended(primary):
    until(lambda: primary.sql("SELECT count(*) FROM cqrsd.job") == "0", "all jobs to end")


def half_hours(first, last):
    time = first.replace(minute=0, second=0)
    while time <= last:
        if time > first:
            yield time
        time += minutes(30)


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
        clock.go(time)
        if dice.random() < 0.2:
            instance = dice.choice(instances)
            if dice.random() < 0.7:
                instance.kill9()
            else:
                instance.terminate()
                instance.wait()
            instance.start()
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
        FOR EACH ROW EXECUTE FUNCTION pass_gate();""")
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

    have_read(*instances)
    assert before_gate(primary) == 1
    gate.close()

    until(lambda: runs(primary, "tick") >= 1)
    have_read(*instances)
    assert runs(primary, "tick") == 1
    assert primary.sql("SELECT count(*) FROM cqrsd.job") == "1"


def test_times_that_were_missed_are_run_once(serve, primary, clock):
    service = serve(TICK)
    known(primary, "tick")
    service.close()
    clock.set(BEGINS + minutes(500))

    service = serve(TICK)

    until(lambda: effects(primary, "tick") == 1)
    have_read(service)
    assert effects(primary, "tick") == 1
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
    have_read(idle)
    assert runs(primary, "tick") == 1
    until(lambda: idle.metrics().sum("cqrsd_schedule_late_seconds") > 60)
    serve(TICK)

    until(lambda: effects(primary, "tick") == 2)
    assert due_times(primary, "tick") == [BEGINS.replace(minute=15, second=0),
                                          BEGINS.replace(minute=30, second=0)]


class TestOtherCatalogs:
    def test_a_spec_that_changes_counts_anew_and_instances_do_not_fight(
            self, serve, primary, clock):
        old, new = (TICK.replace('@cron "*/15 * * * *"', f"@every {every}")
                    for every in ("1h", "2h"))
        first = serve(old)
        until(lambda: row(primary, "tick", "spec") == "@every 1h")
        clock.set(BEGINS + minutes(30))
        second = serve(new)
        until(lambda: row(primary, "tick", "spec") == "@every 2h")
        clock.set(BEGINS + minutes(130))
        have_read(first)
        have_read(second)

        assert row(primary, "tick", "spec, runs") == "@every 2h|0"
        clock.go(BEGINS + minutes(151))
        until(lambda: effects(primary, "tick") == 1)
        second.close()
        clock.set(BEGINS + minutes(300))  # none is left who has the new one

        until(lambda: effects(primary, "tick") == 2)
        assert row(primary, "tick", "spec, runs") == "@every 1h|2"

    def test_a_time_that_has_come_is_run_although_the_spec_changes(self, serve, primary, clock):
        serve(TICK).close()
        known(primary, "tick")
        clock.set(BEGINS + minutes(15))

        serve(TICK.replace("*/15 * * * *", "0 0 1 1 *"))

        until(lambda: effects(primary, "tick") == 1)
        assert row(primary, "tick", "spec, next_due AT TIME ZONE 'UTC'") == \
            "@cron 0 0 1 1 *|2029-01-01 00:00:00"

    def test_a_command_that_is_taken_away_is_not_run_and_goes_on_when_it_comes_back(
            self, serve, primary, clock):
        serve(DAY).close()
        known(primary, "tick")
        without = serve(DAY.replace("tick", "tock"))
        until(lambda: row(primary, "tock"))
        clock.set(BEGINS + minutes(100))
        until(lambda: runs(primary, "tock") == 1)
        have_read(without)
        assert runs(primary, "tick") == 0
        without.close()

        serve(DAY)

        until(lambda: effects(primary, "tick") == 1)

    def test_what_no_catalog_had_for_a_week_goes(self, serve, primary, clock):
        serve(DAY).close()
        known(primary, "tick")
        clock.set(BEGINS + datetime.timedelta(days=9))

        serve(TICK.replace("tick", "tock"))

        until(lambda: row(primary, "tock"))
        assert row(primary, "tick") == row(primary, "beat") == ""

    def test_a_reload_brings_schedules_and_takes_them(self, serve, primary, clock):
        service = serve(TICK)
        known(primary, "tick")
        sql = service.options["catalog"] / "sql.sql"
        sql.write_text(TICK.replace("tick", "tock"), encoding="utf-8")

        service.hup()

        until(lambda: row(primary, "tock"))
        clock.set(BEGINS + minutes(15))
        until(lambda: effects(primary, "tock") == 1)
        assert effects(primary, "tick") == 0


class TestOperators:
    def test_a_pause_holds_the_schedule_and_what_was_missed_is_run_once(
            self, serve, primary, clock):
        service = serve(TICK)
        known(primary, "tick")
        jobs = {"primary": primary.conninfo, "catalog": str(service.options["catalog"])}
        assert run("jobs", "pause", "tick", **jobs).returncode == 0
        clock.set(BEGINS + minutes(100))
        have_read(service)

        assert runs(primary, "tick") == 0
        assert service.metrics().sum("cqrsd_schedule_late_seconds") == 0
        listed = run("jobs", "schedules", **jobs)
        assert "2028-02-28T18:15:00,paused" in listed.stdout
        assert run("jobs", "resume", "tick", **jobs).returncode == 0

        until(lambda: effects(primary, "tick") == 1)
        assert service.metrics().sum("cqrsd_schedule_runs_total", command="tick") == 1

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
        shown = json.loads(run("jobs", "schedules", "--json", primary=primary.conninfo).stdout)
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
    have_read(cqrsd)

    assert effects(new, "tick") == 2
    assert due_times(new, "tick") == [BEGINS.replace(minute=15, second=0),
                                      BEGINS.replace(minute=30, second=0)]
