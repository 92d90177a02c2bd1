"""JSON of PostgreSQL types, in and out."""

import pytest

from scenario.types_of_postgres import ECHOES, LITERALS, NOT_OF_THE_TYPE, echo_of


def expected(given, out):
    return given if out is ... else out


def name_of(row):
    return f"{row[0]}-{str(row[1])[:24]!a}"


@pytest.mark.parametrize("row", ECHOES, ids=name_of)
def test_a_value_of_every_type_comes_back_from_a_body(api, row):
    type_name, given, out = row

    answer = api.query(echo_of(type_name), method="POST", v=given)

    assert answer.data == {"v": expected(given, out)}


@pytest.mark.parametrize("row", [row for row in ECHOES
                                 if not isinstance(row[1], (list, dict))], ids=name_of)
def test_a_value_of_every_type_comes_back_from_a_query_string(api, row):
    type_name, given, out = row
    if type_name in ("json", "jsonb"):
        pytest.skip("in a query string JSON is text to be parsed; see its own test")

    answer = api.query(echo_of(type_name), v=given)

    assert answer.data == {"v": expected(given, out)}


def test_json_in_a_query_string_is_parsed(api):
    answer = api.get("/v1/queries/echo.jsonb?v=%7B%22a%22%3A%5B1%5D%7D")

    assert answer.data == {"v": {"a": [1]}}


def test_a_repeated_key_of_a_query_string_is_an_array(api):
    assert api.get("/v1/queries/echo.text_array?v=x&v=y,z&v=").data == {"v": ["x", "y,z", ""]}
    assert api.get("/v1/queries/echo.int4_array?v=1&v=2").data == {"v": [1, 2]}


def test_an_array_parameter_given_once_in_a_query_string_is_an_array_of_one(api):
    assert api.get("/v1/queries/echo.int4_array?v=5").data == {"v": [5]}


def test_a_key_repeated_for_a_scalar_is_refused(api):
    answer = api.get("/v1/queries/echo.int4?v=1&v=2")

    assert answer.status == 400
    assert answer.code == "invalid-parameter"


@pytest.mark.parametrize("type_name", sorted({row[0] for row in ECHOES}))
def test_null_and_absent_bind_null_for_an_optional_parameter(api, type_name):
    assert api.query(echo_of(type_name), method="POST", v=None).data == {"v": None}
    assert api.query(echo_of(type_name)).data == {"v": None}


@pytest.mark.parametrize("row", NOT_OF_THE_TYPE, ids=name_of)
def test_a_value_of_the_wrong_type_names_its_parameter(api, row):
    type_name, given = row

    answer = api.query(echo_of(type_name), method="POST", v=given)

    assert answer.status == 400, answer
    assert answer.code == "invalid-parameter"
    assert [error["param"] for error in answer.problem["errors"]] == ["v"]


def test_a_nul_character_is_refused(api):
    answer = api.query("echo.text", method="POST", v="nul \u0000 inside")

    assert answer.status == 400
    assert answer.code in ("invalid-json", "invalid-parameter")


@pytest.mark.parametrize("number", range(len(LITERALS)), ids=lambda n: LITERALS[n][0][:30])
def test_a_literal_comes_out_to_the_byte(api, number):
    answer = api.query(f"literal.n{number}")

    assert answer.body.decode() == f'{{"data":{{"v":{LITERALS[number][1]}}}}}'


def test_column_names_are_escaped(api):
    assert api.query("columns").data == {'a "quoted" name': 1, "back\\slash": 2, "täg": 3,
                                         "new\nline": 4}


def test_text_that_only_looks_like_a_parameter_is_left_alone(api):
    assert api.query("not_parameters", real=9).data == {
        "a": ":a", "b": "':b", "c": ":c", "d": " :d ", ":e": 1, "i": [2, 3], "real": 9}


def test_a_large_result_comes_whole(api):
    answer = api.query("wide", rows=20000, width=100)

    assert len(answer.data) == 20000
    assert {row["filling"] for row in answer.data} == {"x" * 100}


def test_a_large_value_goes_in_and_comes_out(api):
    value = "ä\\\"\n" * 50000

    assert api.query("echo.text", method="POST", v=value).data == {"v": value}


# Python's own numbers would lose digits on the way: these bodies are written by hand.
@pytest.mark.parametrize("type_name, written, out", [
    ("json", '{ "total" : 1234567890123456.78, "a":[1.00,1e400, -0] }', ...),
    ("jsonb", '{"total": 1234567890123456.78}', ...),
    ("jsonb", '123456789012345678901234567890.10', ...),
    ("jsonb[]", '[{"n": 0.10000000000000000001},1.50]', ...),
    ("numeric", "1234567890123456.7800", '"1234567890123456.7800"'),
    ("numeric", "1e40", '"1' + "0" * 40 + '"'),
    ("numeric[]", "[0.10, 12345678901234567890.5]", '["0.10","12345678901234567890.5"]'),
    ("int8", "9007199254740993.0", "9007199254740993"),
], ids=lambda value: str(value)[:24])
def test_no_digit_is_lost_between_a_body_and_postgres(api, type_name, written, out):
    answer = api.post(f"/v1/queries/{echo_of(type_name)}", body=f'{{"v":{written}}}')

    assert answer.body.decode() == f'{{"data":{{"v":{written if out is ... else out}}}}}'
