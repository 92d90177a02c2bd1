"""What PostgreSQL refuses, and what a client is told."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from harness.until import slowly


def test_no_row_for_one_is_not_found(api):
    answer = api.query("order_by_id", id=-1)

    assert (answer.status, answer.code) == (404, "not-found")


def test_no_row_for_one_of_a_command_is_not_found(api):
    answer = api.command("adjust_stock", sku="no-such-product", change=1)

    assert (answer.status, answer.code) == (404, "not-found")


def test_no_row_for_maybe_is_null(api):
    assert api.query("customer_by_id", id=-1).data is None
    assert api.query("numbers.maybe", count=1).data == {"n": 1}


def test_no_row_for_many_is_an_empty_list(api):
    assert api.query("numbers", count=0).data == []


@pytest.mark.parametrize("name", ["numbers.one", "numbers.maybe"])
def test_more_than_one_row_where_one_was_promised_is_an_error(api, name):
    answer = api.query(name, count=2)

    assert (answer.status, answer.code) == (500, "unexpected-cardinality")


def test_a_command_that_returned_more_than_one_row_says_that_it_took_effect(
        own_catalog, start_cqrsd, cluster):
    folder = own_catalog("-- command: bad :one\n"
                         "INSERT INTO ledger SELECT 'too many', n FROM generate_series(1, 3) n\n"
                         "RETURNING number;\n\n"
                         "-- query: written :one\n"
                         "SELECT count(*) AS lines FROM ledger WHERE writer = 'too many';\n")
    cqrsd = start_cqrsd(catalog=folder)
    cluster.replica(1).pause_replay()
    cluster.replica(2).pause_replay()

    answer = cqrsd.command("bad", user="ann")

    assert (answer.status, answer.code) == (500, "unexpected-cardinality")
    assert "took effect, but returned more than one row" in answer.problem["detail"]
    assert answer.problem["retryable"] is False
    assert cqrsd.query("written", user="ann").data == {"lines": 3}
    assert cqrsd.query("written", token=answer.token).data == {"lines": 3}


def test_exec_tells_the_number_of_rows(api):
    api.command("put", user="exec", number=1)

    answer = api.command("touch", owner="exec")

    assert answer.json["data"] is None
    assert answer.rows_affected == 1
    assert api.command("touch", owner="nobody").rows_affected == 0


def test_more_rows_than_declared_is_an_error_and_never_a_part(api):
    assert len(api.query("numbers.few", count=5).data) == 5
    answer = api.query("numbers.few", count=6)

    assert (answer.status, answer.code) == (500, "result-too-large")


@pytest.mark.serve(result_bytes_max=100000, stream_conns=0)
def test_a_result_beyond_the_limit_of_bytes_is_an_error(cqrsd):
    assert len(cqrsd.query("wide", rows=50, width=1000).data) == 50
    answer = cqrsd.query("wide", rows=500, width=1000)

    assert (answer.status, answer.code) == (500, "result-too-large")
    assert cqrsd.query("ping").data == {"pong": 1}


def test_a_unique_violation_is_a_conflict_that_names_its_constraint(api):
    email = "twice@example.com"
    params = {"email": email, "country": "de", "body": None}
    body = {"name": "Twin", "email": email, "country": "de"}
    assert api.post("/v1/commands/add_customer", body).status == 200, params

    answer = api.post("/v1/commands/add_customer", body)

    assert (answer.status, answer.code) == (409, "conflict")
    assert answer.problem["sqlstate"] == "23505"
    assert answer.problem["constraint"] == "customers_email_key"
    assert email not in answer.body.decode()


def test_a_missing_foreign_key_is_a_conflict(api):
    answer = api.command("place_order", customer_id=-5, sku="pen")

    assert (answer.status, answer.code) == (409, "conflict")
    assert (answer.problem["sqlstate"], answer.problem["constraint"]) == (
        "23503", "orders_customer_id_fkey")


def test_an_exclusion_is_a_conflict(api):
    api.command("book", from_hour=1, to_hour=3)

    answer = api.command("book", from_hour=2, to_hour=4)

    assert (answer.status, answer.problem["sqlstate"]) == (409, "23P01")


def test_a_constraint_checked_at_commit_is_a_conflict_and_never_acknowledged(api, shop_cluster):
    answer = api.command("adopt", id=1, parent=999)

    assert (answer.status, answer.code) == (409, "conflict")
    assert answer.problem["sqlstate"] == "23503"
    assert shop_cluster.primary.sql("SELECT count(*) FROM families") == "0"


def test_null_where_none_may_be_names_the_column(api):
    answer = api.command("product_without_name", sku="nameless")

    assert (answer.status, answer.code) == (422, "constraint-violation")
    assert (answer.problem["sqlstate"], answer.problem["column"]) == ("23502", "name")


def test_a_check_is_a_constraint_violation(api):
    answer = api.command("adjust_stock", sku="desk", change=-1_000_000)

    assert (answer.status, answer.code) == (422, "constraint-violation")
    assert answer.problem["sqlstate"] == "23514"
    assert answer.problem["constraint"] == "products_stock_check"


def test_division_by_zero_is_an_invalid_value(api):
    answer = api.query("divide", by=0)

    assert (answer.status, answer.code) == (422, "invalid-value")
    assert answer.problem["sqlstate"] == "22012"


def test_a_cast_inside_the_statement_is_an_invalid_value(api):
    answer = api.query("to_date", text="the day after")

    assert (answer.status, answer.code) == (422, "invalid-value")
    assert answer.problem["sqlstate"] == "22007"


@pytest.mark.parametrize("kind", ["query", "command"])
def test_raise_is_rejected_with_its_message(api, kind):
    answer = (api.query("raise", state="P0001", message="we are closed") if kind == "query"
              else api.command("raise.command", state="P0001", message="we are closed"))

    assert (answer.status, answer.code) == (422, "rejected")
    assert answer.problem["sqlstate"] == "P0001"
    assert "we are closed" in answer.problem["detail"]


@pytest.mark.parametrize("status", [400, 402, 403, 404, 409, 418, 422, 451, 503])
def test_a_raise_with_ptnnn_answers_that_status(api, status):
    answer = api.command("raise.command", state=f"PT{status}", message="as you like")

    assert answer.status == status
    assert "as you like" in answer.problem["detail"]


@pytest.mark.parametrize("state", ["PT999", "PT000", "PT200", "PT304", "PTABC", "PT100", "XX000",
                                   "42P01", "P0003"])
def test_a_raise_with_a_state_that_means_nothing_is_a_server_error_without_details(api, state):
    answer = api.command("raise.command", state=state, message="secret words")

    assert answer.status == 500
    assert "secret words" not in answer.body.decode()


@pytest.mark.parametrize("kind", ["query", "command"])
@pytest.mark.parametrize("state", ["AB123", "ZZZZZ", "90001", "CQ001"])
def test_a_raise_with_a_state_of_the_applications_own_is_rejected(api, kind, state):
    answer = (api.query("raise", state=state, message="we are closed") if kind == "query"
              else api.command("raise.command", state=state, message="we are closed"))

    assert (answer.status, answer.code) == (422, "rejected")
    assert answer.problem["detail"] == "we are closed"


def test_what_a_raise_does_not_find_is_404_and_rejected(api):
    answer = api.command("raise.command", state="P0002", message="no such account")

    assert (answer.status, answer.code) == (404, "rejected")
    assert (answer.problem["detail"], answer.problem["sqlstate"]) == ("no such account", "P0002")


def test_cancelling_follows_the_rules_of_the_shop(api, customer):
    order = api.command("place_order", user="ann", customer_id=customer, sku="lamp").data["id"]

    assert api.command("cancel_order", user="ann", id=-1).status == 404
    assert api.command("cancel_order", user="bob", id=order).status == 403
    assert api.command("cancel_order", user="ann", id=order).data["status"] == "cancelled"
    again = api.command("cancel_order", user="ann", id=order)
    assert (again.status, again.code) == (422, "rejected")


def test_a_query_that_writes_is_refused_on_replica_and_primary(api, shop_cluster):
    for level in ("eventual", "strong"):
        answer = api.query("writes", consistency=level, who="sneaky")
        assert (answer.status, answer.code) == (500, "query-writes")
    assert shop_cluster.primary.sql("SELECT count(*) FROM cells WHERE owner = 'sneaky'") == "0"


def test_a_slow_query_ends_at_its_own_timeout(api):
    answer = api.query("sleep.short", seconds=20)

    assert (answer.status, answer.code) == (504, "timeout")
    assert 0.25 < answer.took_s < slowly(3)


def test_a_slow_command_ends_at_its_own_timeout(api):
    answer = api.command("sleep.command", seconds=20)

    assert answer.status in (503, 504)
    assert answer.took_s < slowly(3)


@pytest.mark.serve(request_timeout_ms=400)
def test_a_slow_query_ends_at_the_timeout_of_requests(cqrsd):
    answer = cqrsd.query("sleep", seconds=20)

    assert (answer.status, answer.code) == (504, "timeout")
    assert 0.3 < answer.took_s < slowly(3)


def test_a_failing_query_disturbs_nobody_who_travels_with_it(api):
    def ask(number):
        if number % 3 == 0:
            return number, api.query("divide", by=0).status
        return number, api.query("divide", by=1).status
    with ThreadPoolExecutor(16) as pool:
        for number, status in pool.map(ask, range(300)):
            assert status == (422 if number % 3 == 0 else 200)


def test_a_slow_query_holds_up_nobody(api):
    with ThreadPoolExecutor(6) as pool:
        slow = [pool.submit(api.query, "sleep", seconds=1.5) for _ in range(3)]
        quick = [api.query("ping").took_s for _ in range(50)]
        assert all(answer.result().status == 200 for answer in slow)
    assert sorted(quick)[-5] < slowly(0.5)


def test_commands_that_fail_to_serialize_are_run_again(api, shop_cluster):
    before = int(shop_cluster.primary.sql("SELECT value FROM counters WHERE name = 'shared'"))
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: api.command("count_up"), range(80)))
    counted = int(shop_cluster.primary.sql("SELECT value FROM counters WHERE name = 'shared'"))

    done = [answer for answer in answers if answer.status == 200]
    assert counted - before == len(done)
    assert {answer.code for answer in answers if answer.status != 200} <= {
        "serialization-failure"}
    assert len(done) > len(answers) / 2


def test_commands_that_deadlock_are_run_again(api):
    ends = [("left", "right"), ("right", "left")]
    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(
            lambda n: api.command("add_to_both", one=ends[n % 2][0], other=ends[n % 2][1]),
            range(4)))

    assert {answer.status for answer in answers} == {200}
