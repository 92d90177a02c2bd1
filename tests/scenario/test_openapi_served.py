# SPDX-License-Identifier: Apache-2.0
"""GET /openapi.json: what the caller may call, as the primary describes it, and when that changes;
GET /docs, which is made from it."""

import gzip
import re

import pytest
from harness.service import run
from harness.until import until

PATH = "/openapi.json"
SCHEMA = "CREATE TABLE os_thing (id int PRIMARY KEY, note text)"
CLEAN = "DROP TABLE os_thing"
MIXED = """
-- query: clerks.only :one
-- @roles clerk, boss
SELECT 1 AS n;

-- query: for_all :one
-- @public
SELECT 2 AS n;

-- query: peers.only :one
-- @internal
SELECT 3 AS n;

-- query: with_key :one
SELECT 4 AS n;
"""


def operations(answer):
    assert answer.status == 200, answer
    return sorted(path.rpartition("/")[2] for path in answer.json["paths"] if path != PATH)


def served(service, key=None, **headers):
    """Once the primary has said what it is made of."""
    def asked():
        answer = service.get(PATH, {**(key.headers if key else {}), **headers})
        return None if answer.status == 503 and answer.code == "starting" else answer
    return until(asked, "the statements to be known", 60)


def another(service, before):
    """The next document: it is made by a thread that hears of a reload as loops do."""
    answer = served(service)
    return None if answer.headers.get("etag") == before.headers["etag"] else answer


def printed(cluster, folder, **options):
    done = run("openapi", primary=cluster.primary.conninfo, catalog=folder, **options)
    assert done.returncode == 0, done.stderr
    return done.stdout


# --- the document --------------------------------------------------------------------------------

def test_who_may_call_all_gets_what_the_verb_prints(cluster, catalog, api):
    answer = served(api)

    assert answer.status == 200
    assert answer.headers["content-type"] == "application/json"
    assert answer.json["openapi"].startswith("3.1")
    assert answer.body.decode() == printed(cluster, catalog)


def test_two_instances_serve_the_same_bytes_and_tag(start_cqrsd, api):
    one, other = served(api), served(start_cqrsd(loops=1))

    assert one.body == other.body
    assert one.headers["etag"] == other.headers["etag"]


def test_what_a_client_has_is_not_sent_again(api):
    first = served(api)
    again = served(api, **{"If-None-Match": first.headers["etag"]})
    head = api.client.request("HEAD", PATH)

    assert re.fullmatch(r'"[0-9a-f]{32}"', first.headers["etag"])
    assert first.headers["cache-control"] == "private, no-cache"
    assert "Authorization" in first.headers["vary"]
    assert (again.status, again.body) == (304, b"")
    assert again.headers["etag"] == head.headers["etag"] == first.headers["etag"]
    assert (head.status, head.body) == (200, b"")
    assert int(head.headers["content-length"]) == len(first.body)


def test_it_leaves_as_gzip_for_who_asks(api):
    plain, packed = served(api), served(api, **{"Accept-Encoding": "gzip"})

    assert packed.headers["content-encoding"] == "gzip"
    assert gzip.decompress(packed.body) == plain.body
    assert packed.headers["etag"] == plain.headers["etag"][:-1] + '-gzip"'
    assert served(api, **{"Accept-Encoding": "gzip",
                          "If-None-Match": packed.headers["etag"]}).status == 304


@pytest.mark.parametrize("method,target,status,code", [
    ("POST", PATH, 405, "method-not-allowed"),
    ("GET", PATH + "?x=1", 400, "bad-request"),
    ("GET", PATH + "5", 404, "not-found"),
    ("DELETE", "/docs", 405, "method-not-allowed"),
    ("GET", "/docs/no.js", 404, "not-found"),
])
def test_what_is_asked_wrongly_is_a_problem(api, method, target, status, code):
    answer = api.client.request(method, target)

    assert (answer.status, answer.code) == (status, code)
    assert status != 405 or answer.headers["allow"] == "GET, HEAD"


# --- who asks ------------------------------------------------------------------------------------

def test_the_role_decides_what_is_in_it(keys, start_cqrsd, own_catalog):
    clerk, without = keys.create("clerk", roles="clerk"), keys.create("without-roles")
    service = start_cqrsd(catalog=own_catalog(MIXED))

    assert operations(served(service, clerk)) == ["clerks.only", "for_all", "with_key"]
    assert operations(served(service, without)) == ["for_all", "with_key"]
    assert operations(served(service)) == ["for_all"]
    assert len({served(service, key).headers["etag"] for key in (clerk, without, None)}) == 3
    assert "clerks" not in served(service, without).body.decode()


def test_roles_that_come_to_the_same_share_a_document(keys, start_cqrsd, own_catalog):
    clerk, boss = keys.create("a", roles="clerk,other"), keys.create("b", roles="boss")
    service = start_cqrsd(catalog=own_catalog(MIXED))

    assert served(service, clerk).headers["etag"] == served(service, boss).headers["etag"]


def test_without_a_credential_and_public_operations_there_is_none(keys, start_cqrsd, own_catalog):
    keys.create("any")
    service = start_cqrsd(catalog=own_catalog("-- query: a :one\nSELECT 1 AS n;\n"))

    answer = served(service)

    assert (answer.status, answer.code) == (401, "unauthenticated")
    assert answer.headers["www-authenticate"] == "Bearer"


def test_an_open_service_has_no_operations_of_roles_and_peers(start_cqrsd, own_catalog):
    service = start_cqrsd(catalog=own_catalog(MIXED))

    assert operations(served(service)) == ["for_all", "with_key"]


# --- when it changes -----------------------------------------------------------------------------

def test_a_reload_that_changes_an_operation_changes_it_and_no_other_does(start_cqrsd, own_catalog):
    folder = own_catalog("-- query: a :one\nSELECT 1 AS n;\n")
    service = start_cqrsd(catalog=folder)
    first = served(service)

    def reloaded(text):
        own_catalog(text)
        before = service.log_text().count("catalog reloaded")
        service.hup()
        until(lambda: service.log_text().count("catalog reloaded") > before, "the reload")
        return served(service)

    same = reloaded("-- query: a :one\nSELECT 1 AS n;\n")
    other = reloaded("-- query: a :one\n-- It has a text.\nSELECT 1 AS n, 'x' AS more;\n")

    assert same.headers["etag"] == first.headers["etag"]
    assert other.headers["etag"] != first.headers["etag"]
    assert list(other.json["components"]["schemas"]["a.row"]["properties"]) == ["n", "more"]
    assert other.json["paths"]["/v1/queries/a"]["get"]["description"] == "It has a text."


@pytest.mark.usefixtures("schema")
def test_a_change_of_the_schema_changes_it(start_cqrsd, own_catalog, cluster):
    service = start_cqrsd(catalog=own_catalog("-- query: a :many\nSELECT note FROM os_thing;\n"))

    def note():
        return served(service).json["components"]["schemas"]["a.row"]["properties"]["note"]

    assert note()["type"] == ["string", "null"]
    cluster.primary.sql("ALTER TABLE os_thing ALTER note SET NOT NULL")

    until(lambda: note()["type"] == "string", "the column not to be nullable")


def test_an_operation_that_the_primary_refuses_is_not_in_it(start_cqrsd, own_catalog):
    service = start_cqrsd(catalog=own_catalog(
        "-- query: a :one\nSELECT 1 AS n;\n\n-- query: b :one\nSELECT * FROM not_there;\n"))

    assert operations(served(service)) == ["a"]
    assert "not_there" in service.log_text()


# --- without a primary ---------------------------------------------------------------------------

def test_what_is_known_is_served_without_a_primary(start_cqrsd, own_catalog, cluster):
    folder = own_catalog("-- query: a :one\nSELECT 1 AS n;\n")
    service = start_cqrsd(catalog=folder)
    first = served(service)
    cluster.primary.stop("immediate")
    until(lambda: not service.readyz().json["commands"], "the primary to be missed")

    again = served(service)
    own_catalog("-- query: a :one\n-- Another text.\nSELECT 1 AS n;\n")
    service.hup()
    until(lambda: "catalog reloaded" in service.log_text(), "the reload")
    described = until(lambda: another(service, again), "the other document")
    own_catalog("-- query: a :one\nSELECT 2 AS n;\n")
    service.hup()
    until(lambda: service.log_text().count("catalog reloaded") == 2, "the reload")
    unknown = until(lambda: another(service, described), "the document to be unknown")

    assert again.headers["etag"] == first.headers["etag"]
    assert described.json["paths"]["/v1/queries/a"]["get"]["description"] == "Another text."
    assert (unknown.status, unknown.code) == (503, "no-primary")
    assert int(unknown.headers["retry-after"]) >= 1
    cluster.restore()
    until(lambda: served(service).status == 200, "the document", 30)


# --- the page ------------------------------------------------------------------------------------

def test_the_page_and_its_files_are_there_for_everybody(keys, start_cqrsd):
    keys.create("any")
    service = start_cqrsd()
    page = service.get("/docs")

    assert page.headers["content-type"].startswith("text/html")
    assert service.get("/docs/").code == "not-found"
    files = re.findall(r'(?:src|href)="(docs/[^"]+)"', page.body.decode())
    assert files
    for path in files:
        answer = service.get(f"/{path}")
        assert answer.status == 200
        assert answer.headers["content-type"].startswith(("text/css", "text/javascript"))
        again = service.get(f"/{path}", {"If-None-Match": answer.headers["etag"]})
        assert again.status == 304
    for answer in (page, service.get("/docs/docs.js")):
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy and "http" not in policy and "unsafe" not in policy
        assert answer.headers["x-content-type-options"] == "nosniff"
