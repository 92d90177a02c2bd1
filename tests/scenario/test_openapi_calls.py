# SPDX-License-Identifier: Apache-2.0
"""Calls made from the document that a service gives: no reply is one that it does not tell of."""

import copy
import pathlib
import re
import shutil

import pytest
from harness.until import until

calls = pytest.importorskip("harness.calls")

ROOT = pathlib.Path(__file__).resolve().parents[2]


@pytest.fixture
def folder(tmp_path):
    shutil.copytree(ROOT / "examples/shop/sql", tmp_path / "sql")
    shutil.copy(ROOT / "tests/calls/more.sql", tmp_path / "sql")
    return tmp_path / "sql"


def served(service):
    return until(lambda: (answer := service.get("/openapi.json")).status == 200 and answer.json,
                 "the document", 60)


def test_no_reply_is_outside_the_document(start_cqrsd, folder):
    service = start_cqrsd(catalog=folder)

    tally = calls.run(served(service), service.address, 1500)

    assert tally.made == 1500
    assert not tally.wrong, tally.report()
    assert {kind for kind, status in tally.by if status == 200} >= {"valid", "nearly"}


def test_a_document_that_says_less_is_noticed(start_cqrsd, folder):
    service = start_cqrsd(catalog=folder)
    narrow = copy.deepcopy(served(service))
    for name, schema in narrow["components"]["schemas"].items():
        if name.endswith(".row"):
            schema["required"].append("none")
    narrow["components"]["headers"]["X-Request-Id"]["schema"] = {"type": "integer"}

    tally = calls.run(narrow, service.address, 300)

    assert any("'none' is a required property" in line for line in tally.wrong)
    assert any("x-request-id is" in line for line in tally.wrong)


# --- beside the manual ---------------------------------------------------------------------------

# Of HTTP, browsers and proxies: the document has other places for them, or none.
NOT_PARAMETERS = {"Content-Type", "Host", "Origin", "Sec-Fetch-Site", "Accept-Encoding", "Expect",
                  "tracestate"}
NOT_HEADERS = {"Allow", "Content-Encoding", "Vary", "Access-Control-…", "Connection: close",
               "traceparent", "tracestate"}
NOT_METHODS = {"HEAD", "QUERY"}  # OpenAPI 3.1 has no place for QUERY; HEAD is as GET


def table(heading):
    """The rows of the first table behind a heading of docs/http.md, as cells."""
    text = (ROOT / "docs/http.md").read_text(encoding="utf-8")
    found = re.search(r"(?:^\|.*\n)+", text.partition(f"\n## {heading}\n")[2], re.M).group()
    return [[cell.strip() for cell in line.strip("|").split(" | ")]
            for line in found.splitlines()[2:]]


def names(cell):
    return set(re.findall(r"`([^`]+)`", cell))


def test_the_manual_and_the_document_name_the_same_paths(start_cqrsd, folder):
    whole = served(start_cqrsd(catalog=folder))
    told = {(path.replace("ID", "{id}"), method)
            for paths, methods, _ in table("Paths") for path in names(paths)
            for method in methods.split(", ") if not path.startswith("/docs")
            if method not in NOT_METHODS}
    described = {(re.sub(r"^(/v1/(?:queries|commands)/).*", r"\1NAME", path), method.upper())
                 for path, item in whole["paths"].items() for method in item
                 if method != "parameters"}

    assert described == told


def test_the_manual_and_the_document_name_the_same_headers(start_cqrsd, folder):
    parts = served(start_cqrsd(catalog=folder))["components"]
    asked = {name for row in table("Headers of requests") for name in
             names(row[0].partition(" (or")[0])}
    answered = {name for row in table("Headers of answers") for name in names(row[0])}

    assert {parameter["name"] for parameter in parts["parameters"].values()
            if parameter["in"] == "header"} == asked - NOT_PARAMETERS
    # Of a 401, beside the credentials (docs/callers.md).
    assert set(parts["headers"]) - {"WWW-Authenticate"} == answered - NOT_HEADERS


def codes(node):
    if isinstance(node, dict):
        if "code" in node.get("properties", {}):
            yield from node["properties"]["code"].get("enum", [])
        node = list(node.values())
    for child in node if isinstance(node, list) else []:
        yield from codes(child)


def test_every_code_of_a_problem_is_in_the_document(start_cqrsd, folder):
    whole = served(start_cqrsd(catalog=folder))
    told = set(re.findall(r'^OUTCOME\(\w+,\s*"([^"]+)"',
                          (ROOT / "base/outcome.def").read_text(encoding="utf-8"), re.M))

    assert set(codes(whole)) == told - {"ok", "method-not-allowed"}
