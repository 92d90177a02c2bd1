"""Schedules when catalogs change, when instances go, and when the primary's clock goes back."""

import datetime

from harness.until import until

from .schedule_fixtures import (  # noqa: F401
    BEGINS, DAY, TICK, clock, due_times, effects, have_read, known, minutes, primary, row, runs,
    serve, shop, unseen)


class TestOtherCatalogs:
    def test_a_spec_that_changes_counts_anew_and_instances_do_not_fight(
            self, serve, primary, clock):
        old, new = (TICK.replace('@cron "*/15 * * * *"', f"@every {every}")
                    for every in ("1h", "2h"))
        first = serve(old, workers=0)
        until(lambda: row(primary, "tick", "spec") == "@every 1h")
        clock.set(BEGINS + minutes(30))
        second = serve(new, workers=0)
        until(lambda: row(primary, "tick", "spec") == "@every 2h")
        clock.set(BEGINS + minutes(130))
        have_read(primary, first)
        have_read(primary, second)

        assert row(primary, "tick", "spec, runs") == "@every 2h|0"
        clock.go(BEGINS + minutes(151))
        have_read(primary, first)
        have_read(primary, second)
        assert row(primary, "tick", "spec, runs") == "@every 2h|1"

    def test_an_instance_that_is_there_says_so_of_its_schedules_alone(
            self, serve, primary, clock):
        day = serve(DAY, workers=0)
        known(primary, "report")
        tick = serve(TICK, workers=0)
        until(lambda: row(primary, "tick", "spec") == "@cron */15 * * * *")
        have_read(primary, day)
        before = row(primary, "tick", "next_due, set_at, runs")
        day.close()
        for command in ("tick", "report"):
            unseen(primary, command)

        until(lambda: row(primary, "tick", "clock_timestamp() - seen_at < '1 minute'") == "t")
        have_read(primary, tick)
        assert row(primary, "report", "clock_timestamp() - seen_at < '1 minute'") == "f"
        assert row(primary, "tick", "next_due, set_at, runs") == before
        before = row(primary, "tick", "seen_at")
        have_read(primary, tick)
        assert row(primary, "tick", "seen_at") == before

    def test_what_only_a_dead_instance_had_is_taken_over_long_before_it_is_due(
            self, serve, primary, clock):
        hours = TICK.replace('@cron "*/15 * * * *"', "@every 1h")
        alive = serve(hours, workers=0)
        until(lambda: row(primary, "tick", "spec") == "@every 1h")
        canary = serve(TICK.replace("*/15 * * * *", "0 0 1 1 *"), workers=0)
        until(lambda: row(primary, "tick", "spec") == "@cron 0 0 1 1 *")
        canary.kill9()
        have_read(primary, alive)
        assert row(primary, "tick", "spec") == "@cron 0 0 1 1 *"

        unseen(primary, "tick")

        until(lambda: row(primary, "tick", "spec") == "@every 1h")
        clock.go(BEGINS + minutes(62))
        assert runs(primary, "tick") == 1

    def test_a_time_that_only_a_dead_instance_would_run_is_run_by_who_takes_it_over(
            self, serve, primary, clock):
        alive = serve(TICK, workers=0)
        known(primary, "tick")
        other = serve(TICK.replace("*/15", "*/20"), workers=0)
        until(lambda: row(primary, "tick", "spec") == "@cron */20 * * * *")
        other.kill9()
        clock.set(BEGINS + minutes(21))
        have_read(primary, alive)
        assert runs(primary, "tick") == 0

        unseen(primary, "tick")

        until(lambda: runs(primary, "tick") == 1)
        assert due_times(primary, "tick") == [BEGINS.replace(minute=20, second=0)]

    def test_a_sight_that_lies_ahead_is_of_now(self, serve, primary, clock):
        """Else a row would seem alive until the clock is there again."""
        alive = serve(TICK, workers=0)
        known(primary, "tick")
        canary = serve(TICK.replace("*/15", "*/20"), workers=0)
        until(lambda: row(primary, "tick", "spec") == "@cron */20 * * * *")
        canary.kill9()

        unseen(primary, "tick", "-1 year")

        until(lambda: row(primary, "tick", "seen_at <= clock_timestamp()") == "t")
        have_read(primary, alive)
        assert row(primary, "tick", "spec") == "@cron */20 * * * *"
        unseen(primary, "tick")
        until(lambda: row(primary, "tick", "spec") == "@cron */15 * * * *")

    def test_a_catalog_that_is_new_takes_a_row_that_was_seen_ahead(self, serve, primary, clock):
        gone = serve(TICK, workers=0)
        known(primary, "tick")
        gone.close()
        unseen(primary, "tick", "-1 year")

        serve(TICK.replace("*/15", "*/20"), workers=0)

        until(lambda: row(primary, "tick", "spec, seen_at <= clock_timestamp()")
              == "@cron */20 * * * *|t")

    def test_a_row_that_another_has_set_meanwhile_is_not_set_by_how_it_was(
            self, serve, primary, clock):
        gone = serve(TICK.replace("*/15", "*/20"), workers=0)
        known(primary, "tick")
        gone.close()
        with primary.open_transaction("SELECT FROM cqrsd.job_schedule WHERE command = 'tick'"
                                      " FOR UPDATE") as run_other:
            service = serve(TICK, workers=0)
            until(lambda: primary.sql("SELECT count(*) FROM pg_locks WHERE NOT granted") != "0",
                  "who sets it by what it has read", 30)
            run_other("UPDATE cqrsd.job_schedule SET spec = '@cron */15 * * * *',"
                      " next_due = '2028-02-28 18:30Z', last_due = '2028-02-28 18:15Z', runs = 1,"
                      " seen_at = clock_timestamp() WHERE command = 'tick'; COMMIT")

        have_read(primary, service)
        assert row(primary, "tick", "next_due = '2028-02-28 18:30Z', runs") == "t|1"

    def test_a_time_that_has_come_is_run_although_the_spec_changes(self, serve, primary, clock):
        gone = serve(TICK)
        known(primary, "tick")
        gone.close()
        clock.set(BEGINS + minutes(15))

        serve(TICK.replace("*/15 * * * *", "0 0 1 1 *"))

        until(lambda: effects(primary, "tick") == 1)
        assert row(primary, "tick", "spec, next_due AT TIME ZONE 'UTC'") == \
            "@cron 0 0 1 1 *|2029-01-01 00:00:00"

    def test_a_command_that_is_taken_away_is_not_run_and_goes_on_when_it_comes_back(
            self, serve, primary, clock):
        gone = serve(DAY)
        known(primary, "tick")
        gone.close()
        without = serve(DAY.replace("tick", "tock"), workers=0)
        until(lambda: row(primary, "tock"))
        clock.set(BEGINS + minutes(100))
        until(lambda: runs(primary, "tock") == 1)
        have_read(primary, without)
        assert runs(primary, "tick") == 0
        without.close()

        serve(DAY)

        until(lambda: effects(primary, "tick") == 1)

    def test_what_no_catalog_had_for_a_week_goes(self, serve, primary, clock):
        gone = serve(DAY, workers=0)
        known(primary, "tick")
        gone.close()
        for command in ("tick", "beat"):
            unseen(primary, command, "8 days")
        unseen(primary, "report", "6 days")

        serve(TICK.replace("tick", "tock"))

        until(lambda: row(primary, "tock"))
        assert row(primary, "tick") == row(primary, "beat") == ""
        assert row(primary, "report")

    def test_what_no_catalog_had_for_a_week_stays_until_its_job_has_ended(
            self, serve, primary, clock):
        service = serve(DAY, workers=0)
        known(primary, "tick")
        clock.go(BEGINS + minutes(31))
        assert runs(primary, "tick") == 1
        service.close()
        clock.set(BEGINS + datetime.timedelta(days=9))
        for command in ("tick", "report"):
            unseen(primary, command, "8 days")

        gone = serve(TICK.replace("tick", "tock"), workers=0)
        until(lambda: row(primary, "tock"))
        gone.close()
        assert (runs(primary, "tick"), row(primary, "report")) == (1, "")
        serve(DAY)

        until(lambda: effects(primary, "tick") == 2)
        assert due_times(primary, "tick")[0] == BEGINS.replace(minute=30, second=0)

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

    def test_a_reload_that_comes_while_schedules_are_read_is_seen_at_once(self, serve, primary):
        gone = serve(TICK)
        known(primary, "tick")
        gone.close()
        with primary.open_transaction("LOCK TABLE cqrsd.job_schedule"):
            service = serve(TICK)
            until(lambda: primary.sql(
                "SELECT count(*) FROM pg_locks WHERE NOT granted"
                " AND relation = 'cqrsd.job_schedule'::regclass") == "1", "a read that waits")
            sql = service.options["catalog"] / "sql.sql"
            sql.write_text(TICK.replace("tick", "tock"), encoding="utf-8")
            service.hup()
            until(lambda: "catalog reloaded" in service.log_text(), "the reload")

        known(primary, "tock")


class TestAClockThatGoesBack:
    def test_nothing_stands_still_until_it_is_there_again(self, serve, primary, clock):
        serve(DAY, workers=0)
        for command in ("tick", "beat"):
            known(primary, command)
        clock.go(BEGINS + datetime.timedelta(days=400, minutes=37))
        assert (runs(primary, "beat"), runs(primary, "tick")) == (1, 1)
        primary.sql("DELETE FROM cqrsd.job")

        clock.set(BEGINS)

        for command, time in (("beat", BEGINS + minutes(81)),
                              ("tick", BEGINS.replace(hour=19, minute=0, second=0))):
            until(lambda: row(primary, command, f"next_due <= '{time.isoformat()}'") == "t")
        clock.go(BEGINS + minutes(82))
        assert (runs(primary, "beat"), runs(primary, "tick")) == (2, 2)
        assert due_times(primary, "tick") == [BEGINS.replace(minute=30, second=0),
                                              BEGINS.replace(hour=19, minute=0, second=0)]

    def test_times_that_have_come_come_no_second_time(self, serve, primary, clock):
        service = serve(TICK, workers=0)
        known(primary, "tick")
        for time in (15, 30, 45):
            clock.go(BEGINS + minutes(time))
            primary.sql("DELETE FROM cqrsd.job")

        for time in (5, 16, 31, 46, 61):
            clock.set(BEGINS + minutes(time))
            have_read(primary, service)

        hour = BEGINS.replace(minute=0, second=0)
        assert due_times(primary, "tick") == [hour + minutes(15 * i) for i in (1, 2, 3, 4)]
