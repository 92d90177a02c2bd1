"""Jobs: commands that are accepted instead of done; who may ask for them, and cancel them."""

import concurrent.futures
import json

import pytest
from harness.service import Service, run
from harness.until import until

from .conftest import options_for
from .job_fixtures import catalog, effects, primary  # noqa: F401

CATALOG = """
-- command: later :one
-- @param number int
-- @param note text?
-- @async allowed
-- @retries 2
INSERT INTO effects (number, note) VALUES (:number, :note) RETURNING id, number;

-- command: always :exec
-- @param number int
-- @async always
INSERT INTO effects (number) VALUES (:number);

-- command: never :one
-- @param number int
INSERT INTO effects (number) VALUES (:number) RETURNING id, number;

-- command: keyed :one
-- @param number int
-- @async allowed
-- @idempotency required
INSERT INTO effects (number) VALUES (:number) RETURNING id, number;

-- command: for_clerks :one
-- @param number int
-- @async allowed
-- @roles clerk
INSERT INTO effects (number) VALUES (:number) RETURNING id, number;
"""
ASYNC = {"Prefer": "respond-async"}
NO_JOB = "0123456789ABCDEFGHJKMNPQRS"


@pytest.fixture(scope="module")
def shared(effects, shop_cluster, catalog):
    # Whatever a story of keys does, callers of this one need none.
    service = Service(**options_for(shop_cluster, catalog, {"auth": "none", "workers": 0}))
    service.start()
    yield service
    service.close()


@pytest.fixture
def cqrsd(shared, primary):
    """For stories that leave the service as it was."""
    return shared


def accept(cqrsd, name="later", user="ann", headers=None, **params):
    """The job of a command that was accepted."""
    answer = cqrsd.command(name, user=user, headers={**ASYNC, **(headers or {})}, **params)
    assert answer.status == 202, answer
    return answer.json["job"]


def ask(cqrsd, job, user="ann", method="GET", **headers):
    identity = {} if user is None else {"X-User-Id": user}
    return cqrsd.client.request(method, f"/v1/jobs/{job['id']}", headers={**identity, **headers})


def cancel(cqrsd, job, **asked):
    return ask(cqrsd, job, method="DELETE", **asked)


def count(primary, table="cqrsd.job"):
    return int(primary.sql(f"SELECT count(*) FROM {table}"))


# --- accepted ------------------------------------------------------------------------------------

def test_a_command_is_accepted_instead_of_done(cqrsd, primary):
    answer = cqrsd.command("later", user="ann", headers=ASYNC, number=7)

    job = answer.json["job"]
    assert answer.status == 202 and set(answer.json) == {"job"}
    assert set(job) == {"id", "command", "state", "attempts", "attempts_max", "created_at",
                        "run_at"}
    assert (job["command"], job["state"], job["attempts"], job["attempts_max"]) == (
        "later", "queued", 0, 3)
    assert answer.headers["location"] == f"/v1/jobs/{job['id']}"
    assert answer.headers["preference-applied"] == "respond-async"
    assert answer.headers["retry-after"] == "1"
    assert answer.token and answer.served_by.role == "primary"
    assert cqrsd.metrics().sum("cqrsd_jobs_accepted_total", command="later") >= 1
    assert count(primary) == 1 and count(primary, "effects") == 0
    assert json.loads(primary.sql("SELECT parameters FROM cqrsd.job")) == {
        "number": "7", "note": None}


def test_one_that_is_always_a_job_needs_no_preference(cqrsd):
    answer = cqrsd.command("always", user="ann", number=7)

    assert answer.status == 202 and answer.json["job"]["attempts_max"] == 5
    assert answer.headers["preference-applied"] == "respond-async"


def test_without_the_preference_or_the_option_a_command_is_done(cqrsd, primary):
    done = [cqrsd.command("later", user="ann", number=1),
            cqrsd.command("never", user="ann", headers=ASYNC, number=2)]

    assert [answer.data["number"] for answer in done] == [1, 2]
    assert not any("preference-applied" in answer.headers for answer in done)
    assert count(primary) == 0 and count(primary, "effects") == 2


def test_what_is_refused_when_it_is_done_is_refused_when_it_is_accepted(cqrsd, primary):
    wrong = [("later", {}), ("later", {"number": "seven"}), ("later", {"number": 7, "nr": 1}),
             ("later", {"number": None}), ("keyed", {"number": 7}), ("latr", {"number": 7}),
             ("for_clerks", {"number": 7})]

    for name, params in wrong:
        waited = cqrsd.command(name, user="ann", **params)
        accepted = cqrsd.command(name, user="ann", headers=ASYNC, **params)
        assert accepted.status >= 400 and accepted.status == waited.status
        for member in ("code", "detail", "errors", "retryable"):
            assert accepted.problem.get(member) == waited.problem.get(member)
    assert count(primary) == 0


def test_a_thousand_are_accepted_together(cqrsd, primary):
    with concurrent.futures.ThreadPoolExecutor(16) as clients:
        jobs = list(clients.map(lambda number: accept(cqrsd, number=number), range(1000)))

    assert len({job["id"] for job in jobs}) == count(primary) == 1000
    numbers = primary.sql("SELECT count(DISTINCT parameters->>'number') FROM cqrsd.job")
    assert int(numbers) == 1000


def test_those_that_are_accepted_together_keep_what_is_their_own(cqrsd, primary):
    """Users, commands, times, NULLs and what an array would have to quote, in one INSERT."""
    notes = [None, "", "NULL", 'a "b" \\', "{a,b}", "a\nb", "ä 'ö'", "null"]
    later = {"Prefer": 'respond-async, not-before="2999-12-01T00:00:00Z"'}

    def ask_for(number):
        user = None if number % 5 == 0 else f"user {number} \\\" {{}},"
        if number % 3 == 0:
            return user, accept(cqrsd, "always", user=user, number=number)
        headers = later if number % 4 == 0 else None
        return user, accept(cqrsd, user=user, headers=headers, number=number,
                            note=notes[number % 8])

    with concurrent.futures.ThreadPoolExecutor(32) as clients:
        accepted = list(clients.map(ask_for, range(600)))

    assert cqrsd.metrics().sum("cqrsd_command_together_calls_count") > 0
    assert len({job["id"] for _, job in accepted}) == count(primary) == 600
    rows = {row["parameters"]["number"]: row for row in json.loads(primary.sql(
        'SELECT json_agg(json_build_object($$parameters$$, parameters, $$user$$, "user",'
        " $$command$$, command, $$max$$, attempts_max, $$run_at$$, run_at)) FROM cqrsd.job"))}
    for number, (user, job) in enumerate(accepted):
        row, mine = rows[str(number)], ask(cqrsd, job, user=user).json["job"]
        always, waits = number % 3 == 0, number % 3 != 0 and number % 4 == 0
        assert row["user"] == user and row["command"] == job["command"] == mine["command"]
        assert row["command"] == ("always" if always else "later")
        assert row["max"] == job["attempts_max"] == (5 if always else 3)
        assert job["state"] == mine["state"] == ("scheduled" if waits else "queued")
        assert (row["run_at"][:4] == "2999") == waits
        assert always or row["parameters"]["note"] == notes[number % 8]


def test_beyond_jobs_max_nothing_is_accepted_until_there_is_room(primary, catalog, start_cqrsd):
    cqrsd = start_cqrsd(workers=0, catalog=catalog, jobs_max=3)

    def full():
        answer = cqrsd.command("later", user="ann", headers=ASYNC, number=1)
        return answer.status == 503 and answer.code == "jobs-full"

    until(full, "503 jobs-full")
    assert cqrsd.command("later", user="ann", number=2).status == 200
    primary.sql("DELETE FROM cqrsd.job")

    until(lambda: cqrsd.command("later", user="ann", headers=ASYNC, number=3).status == 202)


# --- not before ----------------------------------------------------------------------------------

def test_a_job_may_wait_for_its_time(cqrsd):
    not_before = {"Prefer": 'respond-async, not-before="2999-12-01T01:00:00+01:00"'}
    answer = cqrsd.command("later", user="ann", headers=not_before, number=7)

    job = answer.json["job"]
    assert (answer.status, job["state"], job["run_at"]) == (
        202, "scheduled", "2999-12-01T00:00:00Z")
    assert int(answer.headers["retry-after"]) > 10**9
    assert ask(cqrsd, job).json["job"]["state"] == "scheduled"


def test_a_time_that_has_passed_gives_no_right_to_be_first(cqrsd):
    job = accept(cqrsd, headers={"Prefer": 'respond-async, not-before="1999-12-01T00:00:00Z"'},
                 number=7)

    assert job["state"] == "queued" and job["run_at"][:4] == job["created_at"][:4]


def test_a_time_that_cannot_be_read_is_refused(cqrsd, primary):
    answer = cqrsd.command("later", user="ann", number=7,
                           headers={"Prefer": "respond-async, not-before=tomorrow"})

    assert (answer.status, answer.code) == (400, "bad-request")
    assert count(primary) + count(primary, "effects") == 0


# --- keys ----------------------------------------------------------------------------------------

def test_the_same_key_is_the_same_job(cqrsd, primary):
    headers = {**ASYNC, "Idempotency-Key": "k-1"}
    first = cqrsd.command("later", user="ann", headers=headers, number=7)
    again = cqrsd.command("later", user="ann", headers=headers, number=7)
    other = cqrsd.command("later", user="ann", headers=headers, number=8)

    assert first.status == again.status == 202 and first.json == again.json
    assert "idempotent-replayed" not in first.headers
    assert again.headers["idempotent-replayed"] == "true"
    assert again.headers["location"] == first.headers["location"]
    assert (other.status, other.code) == (422, "idempotency-mismatch")
    assert count(primary) == 1


@pytest.mark.parametrize("first, then", [({}, ASYNC), (ASYNC, {})], ids=["done", "accepted"])
def test_a_key_replays_the_first_whatever_is_preferred_later(cqrsd, primary, first, then):
    one = cqrsd.command("keyed", user="ann", number=7,
                        headers={**first, "Idempotency-Key": f"k-{len(first)}"})
    other = cqrsd.command("keyed", user="ann", number=7,
                          headers={**then, "Idempotency-Key": f"k-{len(first)}"})

    assert one.status == other.status == (202 if first else 200)
    assert other.headers["idempotent-replayed"] == "true"
    assert other.headers.get("location") == one.headers.get("location")
    if not first:
        assert other.data == one.data
    else:
        assert other.json == one.json
    assert (count(primary), count(primary, "effects")) == ((1, 0) if first else (0, 1))


# --- asked for -----------------------------------------------------------------------------------

def test_a_job_is_shown_to_its_user_and_to_no_other(cqrsd):
    job, of_nobody = accept(cqrsd, number=7), accept(cqrsd, user=None, number=7)

    shown = ask(cqrsd, job)

    assert shown.status == 200
    assert {**shown.json["job"], **job} == shown.json["job"]
    assert shown.json["job"]["attempt_log"] == [] and shown.json["job"]["result"] is None
    assert shown.token is None
    assert ask(cqrsd, of_nobody, user=None).status == 200
    for answer in (ask(cqrsd, job, user="bob"), ask(cqrsd, job, user=None),
                   ask(cqrsd, of_nobody), ask(cqrsd, {"id": NO_JOB}), ask(cqrsd, {"id": "7"}),
                   ask(cqrsd, {"id": job["id"].lower()}), cancel(cqrsd, job, user="bob")):
        assert (answer.status, answer.code) == (404, "not-found")
        assert answer.problem["detail"] == "There is no such job"
    assert ask(cqrsd, job).json["job"]["state"] == "queued"


def test_a_job_is_shown_to_its_caller_and_to_no_other(primary, catalog, start_cqrsd, keys):
    cqrsd = start_cqrsd(workers=0, catalog=catalog)
    web, other = (keys.create(name, acts_for="any") for name in ("web", "other"))
    until(lambda: cqrsd.command("never", number=1).status == 401)
    job = accept(cqrsd, headers=web.headers, number=7)

    assert ask(cqrsd, job, **web.headers).status == 200
    until(lambda: ask(cqrsd, job, **other.headers).code == "not-found")
    assert ask(cqrsd, job).code == "unauthenticated"
    successor = keys.rotate(web, overlap="1h")
    until(lambda: ask(cqrsd, job, **successor.headers).status == 200)


def test_a_job_of_a_caller_without_a_credential_is_shown_to_those(primary, own_catalog,
                                                                  start_cqrsd, keys):
    folder = own_catalog("-- command: open :exec\n-- @public\n-- @async always\nSELECT 1;\n")
    web = keys.create("web")
    cqrsd = start_cqrsd(catalog=folder)
    until(lambda: cqrsd.command("closed").status == 401)

    job = cqrsd.command("open").json["job"]

    assert ask(cqrsd, job, user=None).status == 200
    assert ask(cqrsd, job, user=None, **web.headers).code == "not-found"


def test_a_job_outlives_the_service_and_is_known_to_all_of_them(cqrsd, catalog, start_cqrsd):
    killed = start_cqrsd(workers=0, catalog=catalog)
    job = accept(killed, number=7)
    killed.kill9()

    for service in (cqrsd, start_cqrsd(workers=0, catalog=catalog)):
        assert ask(service, job).json["job"] == {**ask(cqrsd, job).json["job"], **job}


def test_a_job_that_is_done_tells_what_the_command_would_have(cqrsd, primary):
    job = accept(cqrsd, number=7)
    primary.sql("""WITH gone AS (DELETE FROM cqrsd.job RETURNING *) INSERT INTO cqrsd.job_finished
        (n, mark, state, command, attempts, attempts_max, run_at, accepted_at, started_at, caller,
        "user", drop_at, result) SELECT n, mark, 'd', command, 1, attempts_max, run_at,
        accepted_at, run_at, caller, "user", run_at + interval '1 day', '{"data":{"id":1}}'
        FROM gone""")

    answer = ask(cqrsd, job)

    done = answer.json["job"]
    assert (done["state"], done["attempts"], done["result"]) == ("done", 1, {"data": {"id": 1}})
    assert done["finished_at"] and done["token"] == answer.token
    assert cancel(cqrsd, job).code == "job-finished"


def test_what_is_no_question_about_a_job_is_refused(cqrsd):
    job = accept(cqrsd, number=7)
    path = f"/v1/jobs/{job['id']}"
    answers = [(cqrsd.post(path, {}), 405, "method-not-allowed"),
               (cqrsd.get(path + "?token=x"), 400, "bad-request"),
               (cqrsd.get(path + "/events"), 404, "not-found"),
               (cqrsd.get("/v1/jobs/"), 404, "not-found")]

    for answer, status, code in answers:
        assert (answer.status, answer.code) == (status, code)
    assert answers[0][0].headers["allow"] == "GET, HEAD, DELETE"


# --- cancelled -----------------------------------------------------------------------------------

def test_a_job_is_cancelled_once_and_stays_so(cqrsd, primary):
    job = accept(cqrsd, number=7)

    first, again = cancel(cqrsd, job), cancel(cqrsd, job)

    for answer in (first, again, ask(cqrsd, job)):
        assert answer.status == 200, answer
        assert answer.json["job"]["state"] == "cancelled"
        assert answer.json["job"]["token"] == answer.token
        assert answer.json["job"]["finished_at"]
    assert count(primary) == 0 and count(primary, "cqrsd.job_finished") == 1


def test_a_job_that_a_worker_holds_is_not_cancelled(cqrsd, primary):
    job = accept(cqrsd, number=7)
    with primary.open_transaction("SELECT n FROM cqrsd.job FOR UPDATE"):
        answer = cancel(cqrsd, job)

    assert (answer.status, answer.code) == (409, "job-running")
    assert until(lambda: cancel(cqrsd, job).status == 200)


def test_a_dead_letter_is_beyond_cancelling(cqrsd, primary):
    job = accept(cqrsd, number=7)
    primary.sql("""WITH gone AS (DELETE FROM cqrsd.job RETURNING *) INSERT INTO cqrsd.job_dead
        (n, mark, command, version, parameters, attempts, attempts_max, run_at, accepted_at,
        keep_s, keyed, caller, "user", problem, log) SELECT n, mark, command, version, parameters,
        3, attempts_max, run_at, accepted_at, keep_s, keyed, caller, "user",
        '{"code":"conflict"}', '[{"n":1}]' FROM gone""")

    dead = ask(cqrsd, job).json["job"]

    assert (dead["state"], dead["problem"], dead["attempt_log"]) == (
        "dead", {"code": "conflict"}, [{"n": 1}])
    assert cancel(cqrsd, job).code == "job-finished"


# --- what it stands on ---------------------------------------------------------------------------

def test_without_the_tables_it_says_so_and_other_commands_go_on(cqrsd, primary):
    primary.sql("ALTER TABLE cqrsd.job RENAME TO job_away")
    try:
        for answer in (cqrsd.command("later", user="ann", headers=ASYNC, number=7),
                       ask(cqrsd, {"id": NO_JOB})):
            assert answer.status in (404, 500)
        answer = cqrsd.command("later", user="ann", headers=ASYNC, number=7)
        assert (answer.status, answer.code) == (500, "query-failed")
        assert "run cqrsd migrate" in answer.problem["detail"]
        assert cqrsd.command("later", user="ann", number=7).status == 200
    finally:
        primary.sql("ALTER TABLE cqrsd.job_away RENAME TO job")
    until(lambda: cqrsd.command("later", user="ann", headers=ASYNC, number=7).status == 202)


def test_an_acceptance_and_a_cancel_have_a_line_in_the_audit_log(primary, catalog, start_cqrsd,
                                                                 tmp_path):
    cqrsd = start_cqrsd(workers=0, catalog=catalog, audit_log=tmp_path / "audit")
    job = accept(cqrsd, number=7)
    ask(cqrsd, job)
    cancel(cqrsd, job)

    def lines():
        text = (tmp_path / "audit").read_text(encoding="utf-8")
        return [json.loads(line) for line in text.splitlines()]

    until(lambda: len(lines()) == 2, "two lines")
    found = sorted(lines(), key=lambda line: line["time"])
    assert [(line["event"], line["status"], line["job"]) for line in found] == [
        ("command", 202, job["id"]), ("job-cancel", 200, job["id"])]


def test_check_says_what_jobs_lack(cluster, primary, catalog):
    def check():
        return run("check", catalog=catalog, primary=cluster.primary.conninfo).stderr

    assert "jobs" not in check()
    primary.sql("ALTER TABLE cqrsd.job RENAME TO job_away")
    try:
        assert "keeps no jobs: run cqrsd migrate" in check()
    finally:
        primary.sql("ALTER TABLE cqrsd.job_away RENAME TO job")


def test_days_of_finished_jobs_are_made_ahead_and_dropped(primary):
    def days():
        return primary.sql("SELECT string_agg(inhrelid::regclass::text, ' ') FROM pg_inherits"
                           " WHERE inhparent = 'cqrsd.job_finished'::regclass")

    before = days()
    primary.sql("CREATE TABLE cqrsd.job_finished_20200101 PARTITION OF cqrsd.job_finished"
                " FOR VALUES FROM ('2020-01-01 00:00:00+00') TO ('2020-01-02 00:00:00+00')")
    assert "job_finished_20200101" in days()

    ahead = len(before.split()) - 2  # without today, and what has no day of its own
    assert int(primary.sql(f"SELECT cqrsd.job_partitions({ahead + 2})")) == 3
    assert "job_finished_20200101" not in days()
    assert len(days().split()) == len(before.split()) + 2
    assert int(primary.sql(f"SELECT cqrsd.job_partitions({ahead + 2})")) == 0
