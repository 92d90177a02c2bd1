"""@deprecated: answers say from when on an operation may be gone, and what to call instead."""

import pytest

CATALOG = """-- query: old :many
-- Lists them.
-- @deprecated 2027-03-31 use=new
SELECT 1 AS n;
-- query: new :many
SELECT 1 AS n;
-- command: old_command :exec
-- @deprecated 2027-03-31
-- @async allowed
SELECT 1;
"""
DAY = {"deprecation": "@1806451200", "sunset": "Wed, 31 Mar 2027 00:00:00 GMT"}
LINK = '</v1/queries/new>; rel="successor-version"'


@pytest.fixture
def cqrsd(start_cqrsd, own_catalog):
    return start_cqrsd(catalog=own_catalog(CATALOG))


def said(answer):
    """What the answer says of the day."""
    return {name: answer.headers[name] for name in DAY if name in answer.headers}


def test_every_answer_of_a_query_says_it(cqrsd):
    first = cqrsd.get("/v1/queries/old")
    assert said(first) == DAY
    assert first.headers["link"] == LINK
    again = cqrsd.get("/v1/queries/old", {"If-None-Match": first.headers["etag"]})
    assert again.status == 304
    assert said(again) == DAY
    assert said(cqrsd.post("/v1/queries/old", {})) == DAY


def test_commands_and_jobs_say_it(cqrsd):
    done = cqrsd.post("/v1/commands/old_command", {})
    assert done.status == 200
    assert said(done) == DAY
    assert "link" not in done.headers
    accepted = cqrsd.post("/v1/commands/old_command", {}, {"Prefer": "respond-async"})
    assert accepted.status == 202
    assert said(accepted) == DAY


def test_others_and_problems_do_not(cqrsd):
    assert said(cqrsd.get("/v1/queries/new")) == {}
    wrong = cqrsd.get("/v1/queries/old?other=1")
    assert wrong.status == 400
    assert said(wrong) == {}


def test_the_document_says_it(cqrsd):
    paths = cqrsd.get("/openapi.json").json["paths"]
    old = paths["/v1/queries/old"]

    for call in old.values():
        assert call["deprecated"] is True
        assert call["description"] == ("Lists them.\n\nDeprecated from 2027-03-31 on:"
                                       " call `new` instead.")
        assert {"Deprecation", "Sunset", "Link"} <= set(call["responses"]["200"]["headers"])
    assert "Sunset" in old["get"]["responses"]["304"]["headers"]
    command = paths["/v1/commands/old_command"]["post"]
    assert command["description"] == "Deprecated from 2027-03-31 on."
    assert {"Deprecation", "Sunset"} <= set(command["responses"]["202"]["headers"])
    assert "deprecated" not in paths["/v1/queries/new"]["get"]
