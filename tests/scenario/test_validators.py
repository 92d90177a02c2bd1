"""Validators: a client gets 304 for the content that it has, and never for an older one."""

import gzip

import pytest
from harness.reader import Reader

GZIP = {"Accept-Encoding": "gzip"}
LONG = "/v1/queries/series.short?rows=900"


def series(high):
    return f"/v1/queries/series?low=1&high={high}"


def having(answer, **more):
    return {"If-None-Match": answer.headers["etag"], **more}


def test_a_content_that_the_client_has_is_not_sent_again(api):
    first = api.get(series(3))

    again = api.get(series(3), having(first))

    assert (again.status, again.body) == (304, b"")
    assert again.headers["etag"] == first.headers["etag"]
    assert again.headers["cache-control"] == first.headers["cache-control"]
    assert again.served_by.reason and again.token and again.headers["date"]
    assert "content-type" not in again.headers
    assert api.get(series(4), having(first)).data[3]["n"] == 4


def test_a_connection_goes_on_behind_a_304(api):
    client = api.client.__class__(api.address, keep_alive=True)
    tag = client.request("GET", series(3)).headers["etag"]

    for _ in range(3):
        for method in ("GET", "HEAD"):
            assert client.request(method, series(3), headers={"If-None-Match": tag}).status == 304
        assert len(client.request("GET", series(3)).data) == 3


def test_a_head_has_the_tag_of_its_get(api):
    for headers in ({}, GZIP):
        got = api.get(series(100), headers)
        head = api.client.request("HEAD", series(100), headers=headers)
        held = api.client.request("HEAD", series(100), headers=having(got, **headers))

        assert head.headers["etag"] == got.headers["etag"]
        assert (head.status, held.status) == (200, 304)


def test_each_coding_has_a_tag_of_its_own(api):
    plain = api.get(series(100))
    packed = api.get(series(100), GZIP)

    held = api.get(series(100), having(packed, **GZIP))

    assert plain.headers["etag"] != packed.headers["etag"]
    assert plain.headers["vary"] == packed.headers["vary"] == held.headers["vary"]
    assert held.status == 304 and "content-encoding" not in held.headers
    assert held.headers["content-length"] == packed.headers["content-length"]
    assert api.get(series(100), having(packed)).body == plain.body
    assert gzip.decompress(api.get(series(100), having(plain, **GZIP)).body) == plain.body


def test_a_long_result_that_is_no_stream_is_spared_too(api):
    for headers in ({}, GZIP):
        first = api.get(LONG, headers)
        again = api.get(LONG, having(first, **headers))

        assert (again.status, again.body) == (304, b"")
        assert again.headers["etag"] == first.headers["etag"]
        assert first.headers["etag"].startswith("W/") == bool(headers)


def test_every_instance_has_the_same_tags_and_a_restart_keeps_them(start_cqrsd):
    one, other = start_cqrsd(), start_cqrsd(replicas=1)
    first = one.get(series(3))

    one.terminate()
    one.wait()

    assert other.get(series(3), having(first)).status == 304
    assert start_cqrsd().get(series(3), having(first)).status == 304


@pytest.mark.serve(max_lag_ms=60000)
def test_a_user_who_just_wrote_is_never_told_that_the_old_content_holds(cqrsd, cluster):
    target = "/v1/queries/cell?owner=ann"
    ann = {"X-User-Id": "ann"}
    cqrsd.command("put", user="ann", number=1)
    old = cqrsd.get(target, ann)
    cluster.wait_until_replayed()
    cluster.replica(1).pause_replay()
    cluster.replica(2).pause_replay()
    assert cqrsd.get(target, having(old, **ann)).status == 304
    cqrsd.command("put", user="ann", number=2)

    anns = cqrsd.get(target, having(old, **ann))
    bobs = cqrsd.get(target, having(old, Consistency="eventual"))

    assert anns.data["number"] == 2 and anns.served_by.role == "primary"
    assert (bobs.status, bobs.served_by.role) == (304, "replica")


def test_the_token_of_a_304_is_as_good_as_any(start_cqrsd, cluster):
    one, other = start_cqrsd(), start_cqrsd()
    target = "/v1/queries/cell?owner=ann"
    one.command("put", user="ann", number=1)
    first = one.get(target, {"X-User-Id": "ann"})
    cluster.wait_until_replayed()
    cluster.replica(1).pause_replay()
    cluster.replica(2).pause_replay()
    one.command("touch", user="ann", owner="eve")
    one.command("append", user="ann", number=1)

    held = one.get(target, having(first, **{"X-User-Id": "ann"}))
    later = other.get(target, {"Consistency-Token": held.token})

    assert (held.status, held.served_by.role) == (304, "primary")
    assert later.served_by.role == "primary"


def test_the_content_of_one_user_is_not_that_of_another(api):
    for user, number in (("ann", 1), ("bob", 2)):
        api.command("put", user=user, number=number)
    target = "/v1/queries/cell.mine"
    anns = api.get(target, {"X-User-Id": "ann"})

    bobs = api.get(target, having(anns, **{"X-User-Id": "bob"}))

    assert bobs.data["number"] == 2
    assert api.get(target, having(anns, **{"X-User-Id": "ann"})).status == 304


def test_neither_posts_nor_errors_nor_streams_have_a_tag(api):
    tag = api.get(series(3)).headers["etag"]
    body, headers = {"low": 1, "high": 3}, {"If-None-Match": f"*, {tag}"}
    for asterisk in (headers, {"If-None-Match": "*"}):
        typed = {"Content-Type": "application/json", **asterisk}
        asked = [api.client.request(method, "/v1/queries/series", body, typed)
                 for method in ("POST", "QUERY")]
        asked.append(api.post("/v1/commands/put", {"number": 1}, {"X-User-Id": "x", **typed}))

        assert [answer.status for answer in asked] == [200] * 3
        assert not any("etag" in answer.headers for answer in asked)
        wrong = api.get("/v1/queries/series?low=1", asterisk)
        assert (wrong.code, "etag" in wrong.headers) == ("missing-parameter", False)
    api.get(series(20000))
    with Reader(api.address).ask(series(20000), {"If-None-Match": "*"}) as reader:
        head = reader.begin()
        _, whole = reader.rest()
    assert (head.status, whole, "etag" in head.headers) == (200, True, False)


def test_headers_that_are_no_tags_are_ignored(api):
    tag = api.get(series(3)).headers["etag"]
    for wrong in (tag.strip('"'), f"'{tag}'", f"{tag}x", tag[:-1], f"w/{tag}", f"W/ {tag}", ","):
        assert api.get(series(3), {"If-None-Match": wrong}).status == 200, wrong
    for right in (f"W/{tag}", f'"a,b", {tag}', f"junk, {tag}", "*", f",{tag},"):
        assert api.get(series(3), {"If-None-Match": right}).status == 304, right
