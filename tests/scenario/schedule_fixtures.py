"""What stories of schedules stand on: a clock that they set, services, and what has come."""

import contextlib
import datetime
import itertools

import pytest
from harness.service import Service
from harness.until import until

from .conftest import empty_jobs, options_for

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
PROBE = """
-- command: {} :exec
-- @cron "0 0 1 1 *"
SELECT 1;
"""
NOW = "(clock_timestamp() + coalesce((SELECT ahead FROM cqrsd.job_clock), '0'))"
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
        def nothing_is_due():
            due = self.primary.sql("SELECT * FROM cqrsd.job_schedule"
                                   f" WHERE next_due <= '{time.isoformat()}'")
            assert due == "", due
            return True
        self.set(time)
        until(nothing_is_due, f"what is due at {time}", 60)

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
    """A function that serves a catalog of that text; whatever is done with keys elsewhere.

    Without workers it has a schedule of its own, for have_read.
    """
    probes = (f"probe_{number}" for number in itertools.count())
    with contextlib.ExitStack() as stack:
        def start(text, on=shop, wait="rotation", **options):
            probe = next(probes) if options.get("workers") == 0 else None
            text += PROBE.format(probe) if probe else ""
            folder = tmp_path / f"catalog-{abs(hash(text))}"
            folder.mkdir(exist_ok=True)
            (folder / "sql.sql").write_text(text, encoding="utf-8")
            service = Service(**options_for(on, folder, {"auth": "none", **options}))
            service.probe = probe
            stack.callback(service.close)
            return service.start(wait)
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


def make_due(primary, service):
    """The schedule of its own."""
    known(primary, service.probe)
    primary.sql(f"DELETE FROM cqrsd.job WHERE command = '{service.probe}'")
    primary.sql(f"UPDATE cqrsd.job_schedule SET next_due = {NOW}, runs = 0"
                f" WHERE command = '{service.probe}'")


def have_read(primary, *services, have=all, unless=lambda: False):
    """Each (or any) has read the schedules since, and has done what it does of what it saw.

    It runs all that is due by one statement, so when the schedule of its own has come.
    """
    for service in services:
        make_due(primary, service)
    until(lambda: unless() or have(runs(primary, service.probe) for service in services),
          "schedules to be read", 30)
    primary.sql("DELETE FROM cqrsd.job WHERE command LIKE 'probe%'")


def unseen(primary, command, since="2 minutes"):
    """No instance that is alive says that it has this schedule."""
    primary.sql("UPDATE cqrsd.job_schedule SET seen_at = clock_timestamp()"
                f" - interval '{since}' WHERE command = '{command}'")


def break_off(primary, command):
    """As by its breaker; its next job is the trial."""
    primary.sql("INSERT INTO cqrsd.job_pause (command, paused_by, retry_at)"
                f" VALUES ('{command}', 'breaker', clock_timestamp())")


def ended(primary):
    until(lambda: primary.sql("SELECT count(*) FROM cqrsd.job") == "0", "all jobs to end")
