"""Browsers: a page that is not ours neither reads nor writes."""

import pytest

from harness.service import run

ORIGIN = "https://shop.example"


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8080", "localhost.evil.example"])
def test_a_page_that_rebinds_its_name_reads_nothing_of_either_listener(api, host):
    for client, target in ((api.client, "/v1/queries/ping"), (api.admin, "/readyz"),
                           (api.admin, "/metrics"), (api.admin, "/admin/api/hot")):
        answer = client.get(target, {"Host": host})

        assert (answer.status, answer.code) == (403, "forbidden-host"), (target, answer)


def test_ip_literals_and_localhost_are_always_served(api):
    for host in ("127.0.0.1", "10.0.0.9:31000", "[::1]:8080", "localhost:8080", "LOCALHOST."):
        assert api.get("/v1/queries/ping", {"Host": host}).status == 200, host
        assert api.admin.get("/livez", {"Host": host}).status == 200, host


@pytest.mark.parametrize("headers", [
    {"Origin": "http://evil.example"}, {"Origin": "null"}, {"Origin": "http://localhost:3000"},
    {"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"}])
@pytest.mark.parametrize("kind", ["application/json", "text/plain"])
def test_a_page_of_another_site_runs_no_command(api, user, headers, kind):
    answer = api.post("/v1/commands/put", {"number": 1},
                      {"X-User-Id": user, "Content-Type": kind, **headers})

    assert (answer.status, answer.code) == (403, "forbidden-origin")
    assert api.query("cell", owner=user, consistency="strong").data is None


def test_a_post_without_a_body_and_without_its_media_type_runs_no_command(api):
    answer = api.client.request("POST", "/v1/commands/put")

    assert (answer.status, answer.code) == (415, "unsupported-media-type")


@pytest.mark.serve(cors_origin=[ORIGIN], host=["cqrsd", "api.example.org"])
def test_a_listed_page_asks_first_then_writes_and_reads(cqrsd, user):
    asked = cqrsd.client.request("OPTIONS", "/v1/commands/put", headers={
        "Origin": ORIGIN, "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "content-type,x-user-id,consistency-token"})
    written = cqrsd.post("/v1/commands/put", {"number": 1}, {
        "X-User-Id": user, "Origin": ORIGIN, "Sec-Fetch-Site": "cross-site",
        "Host": "api.example.org"})
    read = cqrsd.query("cell", owner=user, token=written.token, headers={
        "Origin": ORIGIN, "Host": "cqrsd:8080"})

    assert (asked.status, asked.body) == (204, b"")
    assert asked.headers["access-control-allow-headers"] == \
        "content-type,x-user-id,consistency-token"
    assert "POST" in asked.headers["access-control-allow-methods"]
    for answer in (asked, written, read):
        assert answer.headers["access-control-allow-origin"] == ORIGIN
        assert answer.headers["vary"] == "Origin"
        assert "access-control-allow-credentials" not in answer.headers
    assert written.status == read.status == 200
    assert cqrsd.admin.get("/metrics", {"Origin": ORIGIN}).headers.get(
        "access-control-allow-origin") is None


@pytest.mark.serve(env={"CQRSD_HOST": "one two.example"}, host=None)
def test_names_come_from_the_environment_too(cqrsd):
    assert cqrsd.get("/v1/queries/ping", {"Host": "two.example:80"}).status == 200
    assert cqrsd.get("/v1/queries/ping", {"Host": "x"}).code == "forbidden-host"


@pytest.mark.parametrize("option, value", [
    ("host", "http://a"), ("host", "a:80"), ("host", "*.a"),
    ("cors_origin", "null"), ("cors_origin", "*"), ("cors_origin", f"{ORIGIN}/"),
    ("cors_origin", "shop.example")])
def test_what_no_browser_would_send_is_a_wrong_option(cluster, catalog, option, value):
    done = run("serve", primary=cluster.primary.conninfo, catalog=catalog, **{option: value})

    assert done.returncode == 2
    assert value in done.stderr and f"--{option.replace('_', '-')}" in done.stderr
