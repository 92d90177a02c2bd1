"""Rate limits: who asks too often is told until when; the load page shows who makes the load."""

import re

import pytest
from harness.service import run
from harness.until import until

CATALOG = """
-- query: one :one
SELECT 1 AS n;

-- query: two :one
SELECT 2 AS n;

-- query: dear :one
-- @cost 5
SELECT 5 AS n;

-- query: slow :one
SELECT pg_sleep(1)::text AS n;
"""


@pytest.fixture
def limited(start_cqrsd, own_catalog):
    """A service with these policies."""
    def start(*policies, **options):
        return start_cqrsd(catalog=own_catalog(CATALOG), rate_limit=list(policies),
                           queue_wait_ms=5000, **options)
    return start


def test_who_asks_too_often_gets_429_and_is_told_until_when(limited):
    cqrsd = limited("user 1/h burst 3")
    answers = [cqrsd.query("one", user="ann") for _ in range(5)]

    assert [answer.status for answer in answers] == [200, 200, 200, 429, 429]
    assert {answer.headers["ratelimit-policy"] for answer in answers} == {'"user";q=3;w=10800'}
    assert [answer.headers["ratelimit"].split(";")[1] for answer in answers] == [
        "r=2", "r=1", "r=0", "r=0", "r=0"]
    refused = answers[-1]
    assert refused.code == "rate-limited"
    assert refused.problem["retryable"] is True
    assert '"user"' in refused.problem["detail"]
    assert 3500 < int(refused.headers["retry-after"]) <= 3600
    seconds = int(refused.headers["ratelimit"].split(";t=")[1])
    assert seconds <= int(refused.headers["retry-after"])
    assert cqrsd.metrics().sum("cqrsd_ratelimited_total", policy="user") == 2
    assert any(line.get("policy") == "user" for line in cqrsd.log_lines())
    assert not re.search(r"\bann\b", cqrsd.log_text() + cqrsd.metrics().text)


def test_users_do_not_pay_for_each_other(limited):
    cqrsd = limited("user 1/h burst 2")
    for user in ("ann", "bob", "cid"):
        assert [cqrsd.query("one", user=user).status for _ in range(3)] == [200, 200, 429]

    assert [cqrsd.query("one").status for _ in range(3)] == [200, 200, 429], "without a user"


def test_all_loops_of_a_process_count_together(limited):
    cqrsd = limited("user 1/h burst 20", loops=4, pool_conns=8)
    answers = [cqrsd.query("one", user="ann").status for _ in range(60)]

    assert answers == [200] * 20 + [429] * 40


def test_a_caller_is_limited_whoever_the_user_is(limited):
    cqrsd = limited("caller 1/h burst 2")

    assert [cqrsd.query("one", user=user).status for user in ("ann", "bob", "cid")] == [
        200, 200, 429]
    for page in ("/livez", "/readyz", "/metrics", "/admin/api/hot", "/admin/api/requests"):
        assert [cqrsd.admin.get(page).status for _ in range(5)] == [200] * 5


def test_an_operation_is_limited_and_the_others_are_not(limited):
    cqrsd = limited("operation one 1/h", "operation two user 1/h burst 2 name pairs")

    assert cqrsd.query("one", user="ann").status == 200
    assert cqrsd.query("one", user="bob").status == 429
    answers = [cqrsd.query("two", user="bob") for _ in range(3)]
    assert [answer.status for answer in answers] == [200, 200, 429]
    assert answers[0].headers["ratelimit-policy"] == '"pairs";q=2;w=7200'
    assert "ratelimit-policy" not in cqrsd.query("dear", user="bob").headers


def test_whoever_tries_names_is_limited_and_told_the_nearest_one_until_then(limited):
    cqrsd = limited("caller 1/h burst 3", "operation one 1/h")
    answers = [cqrsd.query("onee") for _ in range(4)]

    assert [answer.code for answer in answers] == ["unknown-operation"] * 3 + ["rate-limited"]
    for answer in answers[:3]:
        assert 'did you mean "one"?' in answer.problem["detail"]
        assert answer.headers["ratelimit-policy"] == '"caller";q=3;w=10800'
    assert cqrsd.command("onee").code == "rate-limited"
    assert any(line.get("policy") == "caller" for line in cqrsd.log_lines())


def test_a_cost_above_the_burst_is_400_and_was_said_at_the_start(limited):
    cqrsd = limited("user 100/s burst 4")
    refused = cqrsd.query("dear", user="ann")

    assert (refused.status, refused.code) == (400, "bad-request")
    assert "can never pass" in refused.problem["detail"]
    assert "dear costs 5, more than the burst of 4" in cqrsd.log_text()
    assert cqrsd.query("one", user="ann").status == 200


def test_headers_can_be_switched_off(limited):
    cqrsd = limited("user 1/h", rate_limit_headers="off")
    answers = [cqrsd.query("one", user="ann") for _ in range(2)]

    assert [answer.status for answer in answers] == [200, 429]
    assert "retry-after" in answers[1].headers
    for answer in answers:
        assert not {"ratelimit", "ratelimit-policy"} & set(answer.headers)


def test_sighup_changes_a_policy_and_a_wrong_one_changes_nothing(limited, tmp_path):
    config = tmp_path / "cqrsd.conf"
    config.write_text("rate-limit = user 1/h\n")
    cqrsd = limited(config=config)
    assert [cqrsd.query("one", user="ann").status for _ in range(2)] == [200, 429]

    config.write_text("rate-limit = user 1/h burst 3\nrate-limit = caller 1/w\n")
    cqrsd.hup()
    until(lambda: "nothing is reloaded" in cqrsd.log_text(), "a complaint")
    assert "cqrsd.conf:2: rate-limit: " in cqrsd.log_text()
    assert cqrsd.query("one", user="ann").status == 429

    config.write_text("rate-limit = user 1/h burst 300\n")
    cqrsd.hup()
    until(lambda: cqrsd.query("one", user="ann").status == 200, "the new policy")
    config.write_text("")
    cqrsd.hup()
    until(lambda: "ratelimit" not in cqrsd.query("one", user="ann").headers, "no policy")


def test_a_wrong_policy_is_wrong_usage_and_its_place_is_named():
    done = run("serve", "--primary", "host=127.0.0.1", "--rate-limit", "usr 5/s")

    assert done.returncode == 2
    assert '--rate-limit: "usr" where a rate belongs' in done.stderr


def test_a_policy_for_no_operation_is_an_error_at_the_start_and_changes_nothing_at_a_reload(
        limited, own_catalog, tmp_path):
    says = 'the rate limit "tow/user" is for tow, which is no operation of the catalog; ' \
        'did you mean "two"?'
    config = tmp_path / "cqrsd.conf"
    config.write_text("rate-limit = user 1/h\n")
    cqrsd = limited(config=config)
    config.write_text("rate-limit = operation tow user 1/h\n")
    cqrsd.hup()
    until(lambda: "nothing is reloaded" in cqrsd.log_text(), "a complaint")

    assert any(line["msg"] == f"error: {says}" for line in cqrsd.log_lines())
    assert [cqrsd.query("two", user="ann").status for _ in range(2)] == [200, 429]
    done = run("serve", primary="host=127.0.0.1", catalog=own_catalog(CATALOG), config=config)
    assert (done.returncode, done.stderr) == (1, f"error: {says}\n")


def test_a_reload_that_takes_away_what_a_policy_is_for_changes_nothing(limited, own_catalog):
    cqrsd = limited("operation one 1/h burst 300")
    own_catalog(CATALOG.replace("query: one", "query: ones"))
    cqrsd.hup()
    until(lambda: "nothing is reloaded" in cqrsd.log_text(), "a complaint")

    assert any('did you mean "ones"?' in line["msg"] for line in cqrsd.log_lines())
    assert [cqrsd.query(name).status for name in ("one", "ones")] == [200, 404]


def test_the_load_page_shows_the_hot_user_and_the_hot_operation(limited):
    cqrsd = limited()
    hot = 'ann "\\\u00e9'.encode().decode("latin-1")
    for number in range(40):
        cqrsd.query("one" if number % 5 else "two", user=hot if number % 5 else f"user{number}")
    page = until(lambda: found(cqrsd, 'ann "\\\u00e9'), "the hot user")

    assert page["users"][0]["name"] == 'ann "\\\u00e9'
    assert 0.7 < page["users"][0]["share"] < 0.9
    assert page["operations"][0]["name"] == "one"
    assert page["callers"][0] == {**page["callers"][0], "name": "127.0.0.1", "share": 1.0}
    assert page["requests_per_second"] > 0


def found(cqrsd, user):
    """The page, once it knows of all requests that were made."""
    page = cqrsd.admin.get("/admin/api/hot").json
    names = {one["name"] for one in page["users"]}
    return page if user in names and {f"user{number}" for number in range(0, 40, 5)} <= names \
        else None


def test_the_load_page_counts_time_in_the_database(limited):
    cqrsd = limited()
    for number in range(10):
        cqrsd.query("one", user=f"user{number}")
    cqrsd.query("slow", user="sleeper")
    page = until(lambda: slept(cqrsd), "the slow query")

    assert page["users"][0]["name"] == "sleeper"
    assert page["users"][0]["db_share"] > 0.5
    assert page["operations"][0]["name"] == "slow"


def slept(cqrsd):
    page = cqrsd.admin.get("/admin/api/hot").json
    return page if any(one["name"] == "slow" for one in page["operations"]) else None
