"""Replies as gzip: the same document for who asks for it, as it was for who does not."""

import gzip
import zlib

import pytest
from harness.reader import Reader

ASKED = {"Accept-Encoding": "gzip"}
GROWTH_BYTES_MAX = 8 << 20


def series(high):
    return f"/v1/queries/series?low=1&high={high}"


def test_the_document_is_the_same_and_shorter(api):
    plain = api.get(series(100))
    answer = api.get(series(100), ASKED)

    assert plain.headers["vary"] == answer.headers["vary"] == "Accept-Encoding"
    assert "content-encoding" not in plain.headers
    assert answer.headers["content-encoding"] == "gzip"
    assert int(answer.headers["content-length"]) == len(answer.body) < len(plain.body)
    assert gzip.decompress(answer.body) == plain.body
    assert answer.headers["consistency-token"]


def test_a_short_reply_and_a_weight_of_zero_are_left_alone(api):
    short = api.get(series(1), ASKED)
    refused = api.get(series(100), {"Accept-Encoding": "gzip;q=0, identity"})

    assert short.json and "vary" not in short.headers
    assert refused.json and "content-encoding" not in refused.headers


def test_a_head_says_what_its_get_would(api):
    got = api.get(series(100), ASKED)
    head = api.client.request("HEAD", series(100), headers=ASKED)

    assert (head.status, head.body) == (200, b"")
    assert head.headers["content-encoding"] == "gzip"
    assert head.headers["content-length"] == got.headers["content-length"]


def test_a_long_problem_is_compressed_and_its_client_can_read_it(api):
    target = "/v1/queries/series?" + "&".join(f"unknown_{n}=1" for n in range(16))
    answer = api.get(target, ASKED)

    assert (answer.status, answer.headers["content-encoding"]) == (400, "gzip")
    assert b'"code":"unknown-parameter"' in gzip.decompress(answer.body)


def test_a_stream_is_the_same_as_without(api):
    plain = api.get(series(20000))
    for _ in range(2):
        with Reader(api.address).ask(series(20000), ASKED) as reader:
            head = reader.begin()
            body, whole = reader.rest()

        assert head.headers["content-encoding"] == "gzip"
        assert head.headers["vary"] == "Accept-Encoding"
        assert "content-length" not in head.headers
        assert whole
        assert gzip.decompress(body) == plain.body
        assert len(body) < len(plain.body)


def test_the_metrics_page_is_compressed_for_who_asks(api):
    answer = api.admin.get("/metrics", ASKED)

    assert b"# TYPE cqrsd_" in zlib.decompress(answer.body, 31)


@pytest.mark.serve(queue_wait_ms=10000, request_timeout_ms=30000)
def test_memory_stays_as_it_is_while_a_long_stream_is_compressed(cqrsd):
    target = "/v1/queries/wide?rows=50000&width=1000"
    assert cqrsd.get("/v1/queries/wide?rows=200&width=1000", ASKED).status == 200
    before = cqrsd.rss()
    inflate, length = zlib.decompressobj(31), 0

    with Reader(cqrsd.address).ask(target, ASKED) as reader:
        assert reader.begin().headers["content-encoding"] == "gzip"
        body, whole = reader.rest()
        length = len(inflate.decompress(body))

    assert whole and inflate.eof
    assert length > 50_000_000
    assert cqrsd.rss() - before <= GROWTH_BYTES_MAX


@pytest.mark.serve(cors_origin=["https://shop.example"])
def test_pages_of_a_listed_origin_are_told_by_what_a_reply_varies(cqrsd):
    answer = cqrsd.get(series(100), {"Origin": "https://shop.example", **ASKED})

    assert answer.headers["vary"] == "Origin, Accept-Encoding"
    assert answer.headers["content-encoding"] == "gzip"
