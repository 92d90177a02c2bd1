"""Parameters: unknown, missing, absent, defaulted, reserved; and bodies that are no JSON object."""

import pytest


def test_an_unknown_key_is_refused_and_named(api):
    answer = api.query("orders_by_customer", customer_id=7, costumer=7)

    assert (answer.status, answer.code) == (400, "unknown-parameter")
    assert [error["param"] for error in answer.problem["errors"]] == ["costumer"]


def test_an_unknown_key_of_a_command_is_refused_before_anything_is_written(api, customer):
    answer = api.command("place_order", customer_id=customer, sku="pen", quantety=2)

    assert (answer.status, answer.code) == (400, "unknown-parameter")
    assert api.query("orders_by_customer", customer_id=customer, consistency="strong").data == []


def test_a_missing_parameter_is_named(api):
    answer = api.command("place_order", customer_id=7)

    assert (answer.status, answer.code) == (400, "missing-parameter")
    assert [error["param"] for error in answer.problem["errors"]] == ["sku"]


def test_null_for_a_required_parameter_is_refused(api):
    answer = api.command("place_order", customer_id=7, sku=None)

    assert answer.status == 400
    assert answer.code in ("missing-parameter", "invalid-parameter")


def test_an_undeclared_parameter_takes_the_type_postgres_describes(api):
    assert api.query("undeclared", first=2, second="3").data == {"sum": 5}
    assert api.query("undeclared", first=2).code == "missing-parameter"


def test_absent_optional_parameters_are_null_and_defaults_are_used(api):
    assert api.query("optional", required=1).data == {
        "required": 1, "optional": None, "fallback": 42}
    assert api.query("optional", required=1, optional="x", fallback=7).data == {
        "required": 1, "optional": "x", "fallback": 7}


def test_an_empty_string_is_a_value_and_not_absent(api):
    assert api.query("optional", required=1, optional="").data["optional"] == ""


def test_percent_and_plus_of_a_query_string_are_decoded(api):
    answer = api.get("/v1/queries/echo.text?v=a%20b+c%2Bd%C3%A4%26")

    assert answer.data == {"v": "a b c+dä&"}


@pytest.mark.parametrize("target", ["echo.text?v=%", "echo.text?v=%zz", "echo.text?v=%ff",
                                    "echo.text?v=%00", "echo.text?%ff=1"])
def test_a_broken_query_string_is_refused(api, target):
    assert api.get(f"/v1/queries/{target}").problem["status"] == 400


def test_the_request_user_comes_from_the_header_only(api):
    assert api.query("whoami", user="ann").data["name"] == "ann"
    assert api.query("whoami").data["name"] is None

    for forged in (api.query("whoami", user="ann", request_user="root"),
                   api.query("whoami", user="ann", method="POST", request_user="root"),
                   api.command("put", user="ann", number=1, request_user="root")):
        assert (forged.status, forged.code) == (400, "unknown-parameter")


def test_two_user_headers_are_refused(api):
    with api.raw() as raw:
        raw.send(b"GET /v1/queries/whoami HTTP/1.1\r\nHost: x\r\nX-User-Id: ann\r\n"
                 b"X-User-Id: bob\r\n\r\n")
        assert raw.one_answer().status == 400


@pytest.mark.parametrize("body", [
    b" ", b"{", b"{]", b'{"a":}', b'{"a":1,}', b"{'a':1}", b'{"a":01}', b'{"a":1}x', b"nul",
    b'{"customer_id":NaN}', b'{"sku":"\xff"}', b'{"sku":"\\ud800"}', b'{"sku":"a\nb"}',
    b'\xef\xbb\xbf{"customer_id":7}', b'{"a":"\\x41"}', b"[" * 100000, b'{"a":' * 5000,
], ids=lambda body: repr(body[:20]))
def test_a_body_that_is_no_json_is_refused(api, body):
    answer = api.post("/v1/commands/place_order", body)

    assert answer.status == 400, answer
    assert answer.code == "invalid-json"


@pytest.mark.parametrize("body", [b"[]", b"1", b'"x"', b"null", b"true", b'[{"customer_id":7}]'])
def test_a_body_that_is_no_object_is_refused(api, body):
    answer = api.post("/v1/commands/place_order", body)

    assert answer.status == 400
    assert answer.code in ("invalid-json", "bad-request")


def test_a_key_given_twice_in_a_body_is_refused(api, customer):
    body = f'{{"customer_id":{customer},"sku":"pen","sku":"lamp"}}'

    answer = api.post("/v1/commands/place_order", body)

    assert (answer.status, answer.code) == (400, "invalid-json")
    assert api.query("orders_by_customer", customer_id=customer, consistency="strong").data == []


def test_a_query_takes_a_body_by_post_and_by_query(api):
    for method in ("POST", "QUERY"):
        answer = api.query("undeclared", method=method, first=1, second=2)
        assert answer.data == {"sum": 3}


def test_an_empty_body_is_an_object_without_keys(api):
    assert api.post("/v1/queries/ping", b"").data == {"pong": 1}
    assert api.post("/v1/commands/place_order", b"").code == "missing-parameter"


def test_a_query_without_parameters_needs_no_body(api):
    assert api.post("/v1/queries/ping", {}).data == {"pong": 1}
    assert api.get("/v1/queries/ping?").data == {"pong": 1}


def test_a_token_in_the_query_string_is_refused(api):
    answer = api.query("ping", headers=None, token=None)
    refused = api.get(f"/v1/queries/ping?token={answer.token}")

    assert refused.status == 400
    assert answer.token not in refused.body.decode()
