"""Memory and places that many could take: bounded, and who comes next is served."""

import contextlib

import pytest
from harness.client import Raw
from harness.until import until

PING = b"GET /v1/queries/ping HTTP/1.1\r\nHost: x\r\n"
MIB = 1 << 20
POST = (b"POST /v1/queries/undeclared HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        b"Content-Length: %d\r\n\r\n" % MIB)
GREEDY = "127.0.0.2"  # everybody else comes from 127.0.0.1
BODIES = 100
BODIES_BYTES_MAX = 32 * MIB
PROCESS_GROWTH_BYTES_MAX = 64 * MIB  # what the sockets bring in meanwhile, too


def head_of(size):
    filler = b"X-Filler: "
    return PING + filler + b"a" * (size - len(PING) - len(filler) - 4) + b"\r\n\r\n"


def answered(cqrsd, head):
    with cqrsd.raw() as raw:
        raw.send(head)
        return raw.one_answer()


def test_heads_of_3400_to_3900_bytes_get_their_reply(cqrsd):
    for size in range(3400, 3901, 20):
        answer = answered(cqrsd, head_of(size))
        assert answer and answer.data == {"pong": 1}, f"{size} bytes"


def test_36_to_43_small_headers_get_their_reply(cqrsd):
    for count in range(36, 44):
        lines = b"".join(b"X-%d: 1\r\n" % number for number in range(count))
        answer = answered(cqrsd, PING + lines + b"\r\n")
        assert answer and answer.data == {"pong": 1}, f"{count} headers"


def test_a_head_beyond_what_is_held_is_answered_431_and_counted(cqrsd):
    for size in range(5000, 12001, 500):
        with cqrsd.raw() as raw:
            raw.send(head_of(size))
            answer = raw.one_answer()
        assert answer and answer.status in (200, 431), f"{size} bytes"
    assert answer.status == 431
    if b"<html>" in answer.body:  # libmicrohttpd 1.0 refuses by itself, and nothing counts it
        return
    assert answer.problem["code"] == "bad-request"
    counted = cqrsd.metrics().sum("cqrsd_http_request_duration_seconds_count", code="431")
    assert counted >= 1


@pytest.mark.serve(loops=1)
def test_bodies_that_never_end_hold_a_bounded_memory(cqrsd):
    before = cqrsd.rss()

    with contextlib.ExitStack() as open_ones:
        for _ in range(BODIES):
            raw = open_ones.enter_context(cqrsd.raw())
            with contextlib.suppress(ConnectionError):
                raw.send(POST + b" " * (MIB - 1))
        until(lambda: cqrsd.metrics().sum("cqrsd_http_yielded_total", state="arriving") >=
              BODIES - BODIES_BYTES_MAX // MIB - 1, "the first of them to give up")
        assert cqrsd.rss() - before <= PROCESS_GROWTH_BYTES_MAX
        assert cqrsd.query("ping").data == {"pong": 1}


def test_200_idle_connections_to_the_admin_listener_hide_no_probe(cqrsd):
    with contextlib.ExitStack() as open_ones:
        for _ in range(200):
            open_ones.enter_context(Raw(cqrsd.admin_address))
        assert cqrsd.admin.get("/livez").status == 200


@pytest.mark.serve(loops=1, connections_max=10, queue_wait_ms=5000)
def test_connections_that_rest_long_make_room_for_who_comes(cqrsd):
    with contextlib.ExitStack() as open_ones:
        for _ in range(10):
            raw = open_ones.enter_context(cqrsd.raw())
            raw.send(PING + b"\r\n")
            assert raw.one_answer().data == {"pong": 1}
        until(lambda: cqrsd.query("ping").status == 200, "one of them to make room")


def yielded(cqrsd, **labels):
    return cqrsd.metrics().sum("cqrsd_http_yielded_total", **labels)


@pytest.mark.serve(loops=1, connections_max=10, queue_wait_ms=5000)
def test_an_address_that_takes_all_places_again_and_again_keeps_nobody_out(cqrsd):
    """Half of them say a part of a head, half say nothing; who is ended comes back at once."""
    with contextlib.ExitStack() as open_ones:
        for number in range(20):
            for part in range(12):
                raw = open_ones.enter_context(cqrsd.raw(source=GREEDY))
                raw.send(PING + b"X-Slow: " if part % 2 else b"")
            answer = cqrsd.query("ping")
            assert answer.status == 200, f"request {number}: {answer!r}"
        # A query that is quicker than the crowd finds a free place.
        assert yielded(cqrsd, reason="share") > 0
        assert yielded(cqrsd, reason="rest") == 0


@pytest.mark.serve(loops=1, request_timeout_ms=60000)
def test_a_flood_of_bodies_from_one_address_ends_no_upload_of_another(cqrsd):
    with contextlib.ExitStack() as open_ones:
        upload = open_ones.enter_context(cqrsd.raw())
        upload.send(POST + b" " * (MIB // 2))
        for _ in range(BODIES):
            raw = open_ones.enter_context(cqrsd.raw(source=GREEDY))
            with contextlib.suppress(ConnectionError):
                raw.send(POST + b" " * (MIB - 1))
        until(lambda: yielded(cqrsd, reason="body") >= BODIES - BODIES_BYTES_MAX // MIB - 1,
              "the flood to give up")
        end = b'{"first": 2, "second": "3"}'
        upload.send(b" " * (MIB // 2 - len(end)) + end)
        assert upload.one_answer().data == {"sum": 5}
