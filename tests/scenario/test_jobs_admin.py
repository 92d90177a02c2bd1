"""Operators: jobs are listed, replayed, discarded, cancelled and paused, by cqrsd jobs and by the
admin listener."""

import json
import subprocess

import pytest
from harness.service import Service, run
from harness.until import until

from .conftest import options_for
from .job_fixtures import Jobs, catalog, effects, primary  # noqa: F401

CATALOG = """
-- command: noted :exec
-- @param number int
-- @param note text?
-- @async always
INSERT INTO notes (number, note) VALUES (:number, :note);

-- command: plain :exec
-- @param number int
INSERT INTO notes (number) VALUES (:number);
"""
SCHEMA = "CREATE TABLE notes (id serial PRIMARY KEY, number int, note text)"
UNDO = "DROP TABLE notes"
TABLES = ("cqrsd.job_audit", "notes")


@pytest.fixture
def jobs(primary, catalog):
    return Jobs(primary, catalog)


def bury(primary, count, command="noted", parameters='{"number": "7"}', sqlstate="40001",
         code="serialization-failure", age="1 hour", user="ann"):
    """Dead letters as jobs leave them."""
    primary.sql(
        "INSERT INTO cqrsd.job_dead (n, run_at, accepted_at, started_at, finished_at, mark, keep_s,"
        " keyed, attempts, attempts_max, command, version, parameters, \"user\", problem, log)"
        " SELECT nextval('cqrsd.job_n_seq'), now(), now(), now(), now() - interval"
        f" '{age}', 7, 3600, false, 5, 5, '{command}', 'v1', '{parameters}', '{user}',"
        f""" '{{"code": "{code}"}}', '[{{"n": 1, "sqlstate": "{sqlstate}"}}]'"""
        f" FROM generate_series(1, {count})")


def count(primary, table, where="true"):
    return int(primary.sql(f"SELECT count(*) FROM cqrsd.{table} WHERE {where}"))


class TestListing:
    def test_criteria_have_to_hold_together(self, jobs, primary):
        bury(primary, 2, sqlstate="40001")
        bury(primary, 3, sqlstate="53300", code="query-failed", age="3 days", user="bob")

        assert len(jobs.rows("list")) == 5
        assert len(jobs.rows("list", error="53300")) == 3
        assert len(jobs.rows("list", error="serialization-failure", user="ann")) == 2
        assert len(jobs.rows("list", error="53300", user="ann")) == 0
        assert len(jobs.rows("list", **{"older-than": "1d"})) == 3
        assert len(jobs.rows("list", **{"newer-than": "1d"}, state="dead,done")) == 2
        assert len(jobs.rows("list", state="queued")) == 0

    def test_pages_follow_each_other(self, jobs, primary):
        bury(primary, 5)
        first = jobs.rows("list", limit=2)
        second = jobs.rows("list", limit=2, after=first[-1]["id"])
        third = jobs.rows("list", limit=2, after=second[-1]["id"])
        pages = [[job["id"] for job in page] for page in (first, second, third)]
        assert [len(page) for page in pages] == [2, 2, 1]
        assert sum(pages, []) == [job["id"] for job in jobs.rows("list")]

    def test_one_is_shown_with_all_that_is_known(self, jobs, primary):
        bury(primary, 1, user="zoë")
        ident = jobs.rows("list")[0]["id"]
        [job] = jobs.rows("show", ident)
        assert (job["parameters"], job["user"], job["version"]) == ({"number": "7"}, "zoë", "v1")
        assert job["attempt_log"] == [{"n": 1, "sqlstate": "40001"}]
        assert "40001" in jobs.done("show", ident)

    @pytest.mark.parametrize("words, reason", [
        (["lits"], 'did you mean "list"?'),
        (["list", "--state=ded"], 'did you mean "dead"?'),
        (["cancel", "--state=running"], "cannot be cancelled"),
        (["list", "--older-than=5"], "no duration"),
        (["list", "--limit=0"], "from 1"),
        (["list", "--limit=1001"], "1000 jobs at most"),
        (["list", "--user=a", "--user=b"], "second one"),
        (["list", "--all"], "changes nothing"),
        (["show"], "the id of one job"),
        (["show", "0" * 26], "no id of a job"),
        (["replay"], "say which"),
        (["replay", "--limit=5"], "say which"),
        (["replay", "--state=done"], "cannot be replayed"),
        (["cancel", "--state=dead"], "cannot be cancelled"),
        (["pause"], "say which"),
        (["pause", "noted", "--user=ann"], "not some jobs"),
        (["discard", "--all", "--stat=dead"], "no such option"),
    ])
    def test_what_cannot_be_meant_is_explained(self, jobs, words, reason):
        done = jobs.run(*words)
        assert (done.returncode, done.stdout) == (2, ""), done
        assert reason in done.stderr

    def test_without_the_tables_the_way_out_is_told(self, primary):
        other = primary.conninfo.rpartition("/")[0] + "/template1"
        done = run("jobs", "pause", "--all", primary=other)
        assert done.returncode == 1 and "run cqrsd migrate" in done.stderr


class TestReplay:
    def test_a_dead_letter_goes_back_to_the_queue_once(self, jobs, primary):
        bury(primary, 2)
        ident = jobs.rows("list")[0]["id"]

        assert jobs.done("replay", ident) == "replayed 1 of 1"
        [job] = jobs.rows("show", ident)
        assert (job["state"], job["attempts"], job["parameters"]) == ("queued", 0, {"number": "7"})
        assert job["attempt_log"] == [{"n": 1, "sqlstate": "40001"}]
        again = jobs.run("replay", ident)
        assert (again.returncode, again.stdout) == (1, "replayed 0 of 0\n")
        assert "1 of 1 ids: there is no such dead letter" in again.stderr
        assert (count(primary, "job"), count(primary, "job_dead")) == (1, 1)

    @pytest.mark.parametrize("command, parameters, reason", [
        ("gone", '{"number": "7"}', "no @async command gone, nor one with @every or @cron"),
        ("plain", '{"number": "7"}', "no @async command plain, nor one with @every or @cron"),
        ("noted", '{"number": "7", "colour": "red"}', "noted has no parameter colour any more"),
        ("noted", '{"note": "7"}', "noted needs a parameter number"),
    ])
    def test_what_the_catalog_does_not_take_stays_dead(self, jobs, primary, command, parameters,
                                                       reason):
        bury(primary, 1)
        bury(primary, 2, command=command, parameters=parameters)

        dry = jobs.done("replay", "--all", "--dry-run")
        assert dry.startswith("would replay 1 of 3\n2 refused: ") and reason in dry
        done = jobs.run("replay", "--all")
        assert (done.returncode, done.stdout) == (1, "replayed 1 of 3\n")
        assert reason in done.stderr
        assert (count(primary, "job"), count(primary, "job_dead")) == (1, 2)

    def test_ten_thousand_are_replayed_once_each_though_the_first_run_is_killed(self, jobs,
                                                                                primary):
        bury(primary, 9871)
        bury(primary, 133, command="gone")
        bury(primary, 20, sqlstate="23505")
        dry = jobs.done("replay", "--dry-run", error="40001")
        assert dry.splitlines()[0] == "would replay 9,871 of 10,004"
        assert count(primary, "job") == 0

        # An open transaction has the number of one of them: the batch that comes to it waits.
        with primary.open_transaction(HOLD):
            first = subprocess.Popen(jobs.command("replay", "--error=40001"))
            until(lambda: waiting(primary), deadline_s=60)
            first.kill()
            first.wait()
        until(lambda: not running(primary))
        before = count(primary, "job")
        assert 4000 <= before <= 4500
        again = jobs.run("replay", error="40001")

        assert again.stdout.splitlines()[0] == f"replayed {9871 - before:,} of {10004 - before:,}"
        assert count(primary, "job", "attempts = 0") == 9871
        assert count(primary, "job_dead") == 133 + 20
        assert primary.sql("SELECT sum(changed) FROM cqrsd.job_audit") == "9871"
        assert jobs.run("replay", error="40001").stdout.splitlines()[0] == "replayed 0 of 133"


# Of the dead letter in the middle of the ninth batch of 500.
HOLD = """INSERT INTO cqrsd.job (n, run_at, mark, keep_s, keyed, attempts_max, command, version,
 parameters) OVERRIDING SYSTEM VALUE SELECT n, now(), 7, 3600, false, 5, 'noted', 'v1', '{}'
 FROM (SELECT n FROM cqrsd.job_dead ORDER BY n OFFSET 4250 LIMIT 1) AS held"""


def running(primary):
    return primary.sql("SELECT pid FROM pg_stat_activity WHERE state = 'active'"
                       " AND query LIKE '%OVERRIDING SYSTEM VALUE%' AND pid <> pg_backend_pid()")


def waiting(primary):
    return primary.sql("SELECT pid FROM pg_stat_activity WHERE wait_event = 'transactionid'")


# Every column of a dead letter has a value, which is its own; whatever columns there are.
FILLED = """DO $$ DECLARE names text; filled text; BEGIN
    SELECT string_agg(quote_ident(attname), ', '), string_agg(CASE
        WHEN attname = 'command' THEN '''noted'''
        WHEN attname = 'parameters' THEN '''{"number": "7"}'''
        WHEN attname = 'log' THEN '''[{"n": 1}]'''
        WHEN atttypid = 'timestamptz'::regtype THEN format('''2026-01-%s 00:00+00''', attnum)
        WHEN atttypid = 'json'::regtype THEN format('''["%s"]''', attname)
        WHEN atttypid = 'bool'::regtype THEN 'true'
        WHEN atttypid = 'text'::regtype THEN quote_literal('a ' || attname)
        ELSE attnum::text END, ', ')
    INTO names, filled FROM pg_attribute
    WHERE attrelid = 'cqrsd.job_dead'::regclass AND attnum > 0 AND NOT attisdropped;
    EXECUTE format('INSERT INTO cqrsd.job_dead (%s) VALUES (%s)', names, filled);
END $$"""
# Of an attempt, and not of the job.
NEW = ("run_at", "attempts")


class TestOtherChanges:
    def test_a_replay_keeps_whatever_the_job_was_accepted_with(self, jobs, primary):
        primary.sql(FILLED)
        dead = json.loads(primary.sql("SELECT to_json(d) FROM cqrsd.job_dead AS d"))
        jobs.done("replay", "--all")
        again = json.loads(primary.sql("SELECT to_json(j) FROM cqrsd.job AS j"))
        kept = [name for name in again if name in dead and name not in NEW]
        assert {"order_key", "session", "claims", "trace", "keyed"} < set(kept)
        assert {name: again[name] for name in kept} == {name: dead[name] for name in kept}
        assert again["attempts"] == 0

    def test_what_is_discarded_is_kept_for_its_time_as_discarded(self, jobs, primary):
        bury(primary, 3)
        assert jobs.done("discard", command="noted", limit=2) == "discarded 2 of 3"
        assert [job["state"] for job in jobs.rows("list")] == ["discarded", "discarded", "dead"]

    def test_what_runs_is_not_cancelled_and_what_waits_is(self, jobs, primary):
        bury(primary, 3)
        jobs.done("replay", "--all")
        with primary.open_transaction("SELECT FROM cqrsd.job ORDER BY n LIMIT 1 FOR UPDATE"):
            assert [job["state"] for job in jobs.rows("list")] == ["running"] + 2 * ["queued"]
            dry = jobs.done("cancel", "--dry-run", state="queued")
            done = jobs.run("cancel", state="queued")
        assert dry == "would cancel 2 of 3\n1 refused: it runs"
        assert (done.returncode, done.stdout) == (1, "cancelled 2 of 3\n"), done
        assert [job["state"] for job in jobs.rows("list")] == ["queued"] + 2 * ["cancelled"]

    def test_a_paused_command_is_shown_as_such_until_it_is_resumed(self, jobs, primary):
        bury(primary, 1)
        jobs.done("replay", "--all")
        assert jobs.done("pause", "noted") == "paused noted"
        assert jobs.done("pause", "noted") == "noted was paused already"
        assert [job["paused"] for job in jobs.rows("list")] == [True]
        assert jobs.done("pause", "--all", "--dry-run") == "would pause all commands"
        assert jobs.done("resume", "--all") == "resumed noted"
        assert [job["paused"] for job in jobs.rows("list")] == [False]

    def test_a_command_that_there_is_not_is_not_paused(self, jobs, primary):
        done = jobs.run("pause", "notde")
        assert done.returncode == 1 and "no @async command notde, nor" in done.stderr
        assert count(primary, "job_pause") == 0


class TestAudit:
    def test_each_change_leaves_who_did_what_to_how_many(self, jobs, primary, tmp_path):
        log = tmp_path / "audit"
        bury(primary, 3)
        jobs.done("replay", user="ann", limit=2, **{"audit-log": log})
        jobs.done("pause", "--all", **{"audit-log": log})
        jobs.done("discard", "--all", "--dry-run", **{"audit-log": log})

        lines = [json.loads(line) for line in log.read_text().splitlines()]
        assert [(line["event"], line["code"], line.get("changed")) for line in lines] == [
            ("jobs-replay", "ok", 2), ("jobs-pause", "ok", 1)]
        assert lines[0]["user"] == "ann" and lines[0]["caller"].startswith("uid:")
        rows = primary.sql("SELECT action, changed, filter, who FROM cqrsd.job_audit ORDER BY id")
        replay, pause = rows.splitlines()
        assert replay.startswith('replay|2|[["user","ann"],["limit","2"]]|uid:')
        assert pause.startswith("pause|1|[]|uid:")

    def test_what_cannot_be_noted_is_not_done(self, jobs, primary, tmp_path):
        bury(primary, 1)
        done = jobs.run("replay", "--all", **{"audit-log": tmp_path})
        assert done.returncode == 1 and "--audit-log" in done.stderr
        assert count(primary, "job_dead") == 1


@pytest.fixture(scope="module")
def service(effects, shop_cluster, catalog, tmp_path_factory):
    log = tmp_path_factory.mktemp("audit") / "audit"
    # It runs no jobs: what is replayed stays to be seen.
    service = Service(**options_for(shop_cluster, catalog,
                                    {"auth": "none", "workers": 0, "audit-log": log}))
    service.audit_log = log
    service.start()
    yield service
    service.close()


@pytest.fixture
def pages(service, primary):
    def ask(path="", body=None, **pairs):
        target = "/admin/api/jobs" + path + ("?" if pairs else "") + "&".join(
            f"{name.replace('_', '-')}={value}" for name, value in pairs.items())
        if body is None:
            return service.admin.request("GET", target)
        return service.admin.request("POST", target, body)
    return ask


class TestAdminListener:
    def test_jobs_are_listed_by_criteria_and_shown(self, pages, primary):
        bury(primary, 2)
        bury(primary, 1, sqlstate="53300", user="bob")
        assert [len(pages(**pairs).json["jobs"]) for pairs in (
            {}, {"error": "53300"}, {"state": "queued"}, {"user": "ann", "limit": 1},
            {"older_than": "1d"})] == [3, 1, 0, 1, 0]
        listed = pages(user="bob").json["jobs"][0]
        shown = pages(f"/{listed['id']}").json["job"]
        assert (shown["id"], shown["parameters"]) == (listed["id"], {"number": "7"})
        assert len(pages(after=pages(limit=2).json["jobs"][-1]["id"]).json["jobs"]) == 1

    def test_dead_letters_are_replayed_as_by_the_verb(self, pages, jobs, primary):
        bury(primary, 1200)
        bury(primary, 5, command="gone")
        wanted = {"action": "replay", "matching": 1205, "eligible": 1200, "complete": True,
                  "refused": [{"why": "the catalog has no @async command gone, nor one with @every "
                                     "or @cron", "jobs": 5}]}
        dry = pages("/replay", {"error": "40001", "dry_run": True})
        assert dry.json == {**wanted, "dry_run": True, "changed": 0}
        done = pages("/replay", {"error": "40001"})
        assert done.json == {**wanted, "dry_run": False, "changed": 1200}
        assert pages("/discard", {"all": True}).json["changed"] == 5
        assert pages("/cancel", {"command": ["noted"], "limit": 7}).json["changed"] == 7
        assert len(jobs.rows("list", state="cancelled")) == 7
        who = primary.sql("SELECT DISTINCT who FROM cqrsd.job_audit")
        assert who == "admin:127.0.0.1"

    def test_commands_are_paused_and_resumed(self, pages, jobs, primary):
        assert pages("/pause", {"command": "noted"}).json["commands"] == [
            {"command": "noted", "changed": True, "paused": True}]
        assert pages("/resume", {"all": True}).json["commands"] == [
            {"command": "noted", "changed": True, "paused": False}]
        assert count(primary, "job_pause") == 0

    @pytest.mark.parametrize("path, body, pairs, status, code", [
        ("/replay", {}, {}, 400, "missing-parameter"),
        ("/replay", {"limit": 5}, {}, 400, "missing-parameter"),
        ("/replay", {"all": "yes"}, {}, 400, "invalid-parameter"),
        ("/replay", {"stat": "dead"}, {}, 400, "unknown-parameter"),
        ("/replay", {"state": "done"}, {}, 400, "invalid-parameter"),
        ("/pause", {"user": "ann"}, {}, 400, "invalid-parameter"),
        ("", None, {"limit": "5000"}, 400, "invalid-parameter"),
        ("", None, {"id": "x"}, 400, "invalid-parameter"),
        ("", {}, {}, 405, "method-not-allowed"),
        ("/replay", None, {}, 405, "method-not-allowed"),
        ("/" + "0" * 26, None, {}, 404, "not-found"),
    ])
    def test_what_cannot_be_meant_is_refused(self, pages, primary, path, body, pairs, status, code):
        bury(primary, 1)
        answer = pages(path, body, **pairs)
        assert (answer.status, answer.problem["code"]) == (status, code), answer
        assert count(primary, "job_dead") == 1

    def test_a_page_of_another_site_changes_nothing(self, service, primary):
        bury(primary, 1)
        for headers in ({"Origin": "https://elsewhere.example"},
                        {"Content-Type": "text/plain"}):
            answer = service.admin.request("POST", "/admin/api/jobs/replay", b'{"all":true}',
                                           headers=headers)
            assert answer.status in (403, 415), answer
        assert count(primary, "job_dead") == 1

    def test_each_change_is_in_the_audit_log(self, service, pages, primary):
        bury(primary, 1)
        pages("/replay", {"all": True})

        def noted():
            lines = [json.loads(line) for line in service.audit_log.read_text().splitlines()]
            return [line for line in lines if line["event"] == "jobs-replay"
                    and line["code"] == "ok"]
        assert until(noted)[-1]["operation"] == "/admin/api/jobs/replay"


class TestGauges:
    def test_what_waits_and_what_is_dead_is_shown_for_the_whole_cluster(self, primary, shop_cluster,
                                                                       catalog):
        bury(primary, 3)
        bury(primary, 2, command="gone")
        primary.sql(
            "INSERT INTO cqrsd.job (run_at, mark, keep_s, keyed, attempts, attempts_max, command,"
            " version, parameters) SELECT now() + due::interval, 7, 60, false, tries, 5, 'noted',"
            " 'v1', '{}' FROM (VALUES ('-10 min', 0), ('-1 min', 0), ('1 day', 0), ('1 min', 2))"
            " AS jobs(due, tries)")
        service = Service(**options_for(shop_cluster, catalog, {"auth": "none", "workers": 0}))
        service.start()
        try:
            until(lambda: service.metrics().values("cqrsd_jobs", state="queued"))
            metrics = service.metrics()
            assert [metrics.sum("cqrsd_jobs", state=state)
                    for state in ("queued", "scheduled", "retrying")] == [2, 1, 1]
            assert [metrics.sum("cqrsd_dead_letters", command=command)
                    for command in ("noted", "gone")] == [3, 2]
            assert 600 <= metrics.sum("cqrsd_job_oldest_queued_seconds") < 900
        finally:
            service.close()


class TestCheck:
    def test_a_replica_whose_replay_waits_for_queries_is_warned_about(self, shop_cluster, catalog,
                                                                      effects):
        place = {"primary": effects.conninfo, "catalog": str(catalog)}
        replica = shop_cluster.replica(1)
        warned = run("check", **place, replica=replica.conninfo)
        replica.set(hot_standby_feedback="on")
        try:
            silent = run("check", **place, replica=replica.conninfo)
        finally:
            replica.set(hot_standby_feedback="off")
        assert (warned.returncode, silent.returncode) == (0, 0), (warned, silent)
        assert "warning: noted is @async, and hot_standby_feedback is off" in warned.stderr
        assert "hot_standby_feedback" not in silent.stderr
