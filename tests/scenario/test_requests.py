"""HTTP: methods, media types, sizes, names, headers of every reply."""

import re

import pytest


@pytest.mark.parametrize("method, target", [
    ("GET", "/v1/commands/place_order"), ("PUT", "/v1/commands/place_order"),
    ("DELETE", "/v1/queries/ping"), ("PATCH", "/v1/queries/ping"), ("PUT", "/v1/queries/ping")])
def test_a_method_that_is_not_meant_is_405_and_the_right_ones_are_named(api, method, target):
    answer = api.client.request(method, target)

    assert (answer.status, answer.code) == (405, "method-not-allowed")
    assert "POST" in answer.headers["allow"]


def test_a_head_request_has_the_headers_of_get_and_no_body(api):
    answer = api.client.request("HEAD", "/v1/queries/ping")

    assert answer.status in (200, 405)
    assert answer.body == b""


@pytest.mark.parametrize("kind, name, near", [
    ("queries", "orders_by_custommer", "orders_by_customer"), ("queries", "pimg", "ping"),
    ("commands", "place_ordr", "place_order")])
def test_an_unknown_operation_is_404_with_the_nearest_name(api, kind, name, near):
    answer = api.post(f"/v1/{kind}/{name}", {})

    assert (answer.status, answer.code) == (404, "unknown-operation")
    assert "did you mean" in answer.problem["detail"].lower()
    assert near in answer.problem["detail"]


def test_an_unknown_operation_unlike_any_other_has_no_suggestion(api):
    answer = api.get("/v1/queries/zzzzzzzzzzzzzzzzzzzzzz")

    assert (answer.status, answer.code) == (404, "unknown-operation")
    assert "mean" not in answer.problem["detail"]


def test_a_command_is_no_query_and_a_query_is_no_command(api):
    command = api.get("/v1/queries/place_order")
    query = api.post("/v1/commands/ping", {})

    assert command.code == query.code == "unknown-operation"
    assert "it is a command: POST /v1/commands/place_order" in command.problem["detail"]
    assert "it is a query: GET /v1/queries/ping" in query.problem["detail"]


@pytest.mark.parametrize("name", ["OrdersByCustomer", "orders-by-customer", "orders/by/customer",
                                  "orders_by_customer/", "OrdersByCostumer"])
def test_a_name_in_another_habit_is_told_in_ours(api, name):
    answer = api.get(f"/v1/queries/{name}")

    assert (answer.status, answer.code) == (404, "unknown-operation")
    assert 'did you mean "orders_by_customer"?' in answer.problem["detail"]


def test_a_command_asked_for_as_a_query_by_another_habit_is_told_too(api):
    assert 'did you mean the command "place_order": POST /v1/commands/place_order?' in \
        api.get("/v1/queries/PlaceOrder").problem["detail"]


@pytest.mark.parametrize("target", ["/", "/v1", "/v1/", "/v2/queries/ping", "/v1/queries",
                                    "/v1/queries/", "/v1/queries/ping/", "/v1//queries/ping",
                                    "/v1/queries/ping/x", "/v1/queries/%70ing/..", "/metrics",
                                    "/readyz", "/v1/queries/../../etc/passwd"])
def test_a_path_that_is_not_there_is_404_with_a_problem(api, target):
    answer = api.get(target)

    assert answer.status == 404, answer
    assert answer.code in ("not-found", "unknown-operation")


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded",
                                  "multipart/form-data; boundary=x", "application/xml", "json",
                                  "application/json2"])
def test_a_body_that_is_not_called_json_is_415(api, kind):
    answer = api.post("/v1/commands/place_order", b"{}", {"Content-Type": kind})

    assert (answer.status, answer.code) == (415, "unsupported-media-type")


@pytest.mark.parametrize("kind", ["application/json", "application/json; charset=utf-8",
                                  "APPLICATION/JSON", "application/json;charset=UTF-8"])
def test_a_body_that_is_called_json_is_taken(api, kind):
    answer = api.post("/v1/queries/undeclared", b'{"first":1,"second":1}',
                      {"Content-Type": kind})

    assert answer.data == {"sum": 2}


def test_a_body_beyond_the_limit_is_413(api):
    answer = api.post("/v1/commands/put", b'{"number":"' + b"9" * (1 << 20) + b'"}')

    assert (answer.status, answer.code) == (413, "body-too-large")


def test_a_chunked_body_beyond_the_limit_is_413(api):
    with api.raw() as raw:
        raw.send(b"POST /v1/commands/put HTTP/1.1\r\nHost: x\r\nContent-Type: application/json"
                 b"\r\nTransfer-Encoding: chunked\r\n\r\n")
        for _ in range(17):
            raw.send(b"10000\r\n" + b"9" * 65536 + b"\r\n")
        answer = raw.one_answer()

    assert answer is None or answer.status == 413


@pytest.mark.serve(body_bytes_max=2048)
def test_the_limit_of_a_body_is_an_option_and_exact(cqrsd):
    def body(size):
        return b'{"first":1,"second":1' + b" " * (size - 22) + b"}"

    assert cqrsd.post("/v1/queries/undeclared", body(2048)).data == {"sum": 2}
    assert cqrsd.post("/v1/queries/undeclared", body(2049)).status == 413


def test_a_chunked_body_is_taken(api):
    with api.raw() as raw:
        raw.send(b"POST /v1/queries/undeclared HTTP/1.1\r\nHost: x\r\n"
                 b"Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
                 b"a\r\n{\"first\":1\r\nc\r\n,\"second\":2}\r\n0\r\n\r\n")
        assert raw.one_answer().data == {"sum": 3}


def test_expect_continue_is_answered(api):
    with api.raw() as raw:
        raw.send(b"POST /v1/queries/undeclared HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\n"
                 b"Content-Type: application/json\r\nContent-Length: 22\r\n\r\n")
        assert raw.socket.recv(1024).startswith(b"HTTP/1.1 100")
        raw.send(b'{"first":1,"second":2}')
        assert raw.one_answer().data == {"sum": 3}


def test_every_reply_says_what_it_is(api):
    answer = api.query("ping")

    assert answer.headers["content-type"].split(";")[0] == "application/json"
    assert answer.headers["x-request-id"]
    assert re.search(r"queue;dur=[\d.]+.*db;dur=[\d.]+", answer.headers["server-timing"])
    assert answer.token and answer.served_by.reason


def test_a_sane_request_id_is_taken_and_another_is_made(api):
    assert api.get("/v1/queries/ping",
                   {"X-Request-Id": "order-17.a_B"}).headers["x-request-id"] == "order-17.a_B"
    problem = api.get("/v1/queries/nothing", {"X-Request-Id": "order-18"}).problem
    assert problem["request_id"] == "order-18"
    for insane in ("a b", "x" * 1000, '"', "<script>"):
        made = api.get("/v1/queries/ping", {"X-Request-Id": insane}).headers["x-request-id"]
        assert made and made != insane


def test_two_replies_never_share_a_made_request_id(api):
    ids = [api.query("ping").headers["x-request-id"] for _ in range(50)]

    assert len(set(ids)) == 50


def test_a_problem_names_its_instance_and_never_the_sql(api):
    problem = api.query("divide", by=0).problem

    assert problem["instance"]
    assert "SELECT" not in str(problem)


def test_a_connection_serves_many_requests_one_after_the_other(api):
    client = api.client.__class__(api.address, keep_alive=True)
    for _ in range(20):
        assert client.query("ping").data == {"pong": 1}
    assert client.get("/v1/queries/nothing").status == 404
    assert client.query("ping").data == {"pong": 1}


def test_pipelined_requests_are_answered_in_order(api):
    with api.raw() as raw:
        raw.send(b"".join(b"GET /v1/queries/echo.int4?v=%d HTTP/1.1\r\nHost: x\r\n%s\r\n"
                          % (n, b"Connection: close\r\n" if n == 9 else b"") for n in range(10)))
        received = raw.until_closed()

    assert re.findall(rb'\{"v":(\d+)\}', received) == [b"%d" % n for n in range(10)]
