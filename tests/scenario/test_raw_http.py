"""Requests that no proper client sends: smuggling shapes, broken heads, clients that go away."""

import re

import pytest
from harness.client import answers_in
from harness.until import slowly, until

PING = b"GET /v1/queries/ping HTTP/1.1\r\nHost: x\r\n"
POST = (b"POST /v1/queries/undeclared HTTP/1.1\r\nHost: x\r\n"
        b"Content-Type: application/json\r\n")
BODY = b'{"first":1,"second":2}'
NEXT = b"GET /v1/queries/whoami HTTP/1.1\r\nHost: x\r\n\r\n"

AMBIGUOUS = {
    "length and chunks": POST + b"Content-Length: 22\r\nTransfer-Encoding: chunked\r\n\r\n"
                         b"16\r\n" + BODY + b"\r\n0\r\n\r\n",
    "chunks and length": POST + b"Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n"
                         b"16\r\n" + BODY + b"\r\n0\r\n\r\n",
    "two lengths": POST + b"Content-Length: 22\r\nContent-Length: 5\r\n\r\n" + BODY,
    "two equal lengths": POST + b"Content-Length: 22\r\nContent-Length: 22\r\n\r\n" + BODY,
    "a list of lengths": POST + b"Content-Length: 22, 22\r\n\r\n" + BODY,
    "blank before the colon": POST + b"Content-Length : 22\r\n\r\n" + BODY,
    "length with a sign": POST + b"Content-Length: +22\r\n\r\n" + BODY,
    "negative length": POST + b"Content-Length: -1\r\n\r\n" + BODY,
    "hexadecimal length": POST + b"Content-Length: 0x16\r\n\r\n" + BODY,
    "length with words": POST + b"Content-Length: 22abc\r\n\r\n" + BODY,
    "huge length": POST + b"Content-Length: 99999999999999999999999\r\n\r\n" + BODY,
    "unknown coding": POST + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    "two codings": POST + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "chunked twice": POST + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n"
                     b"0\r\n\r\n",
    "chunked not last": POST + b"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
    "chunks in HTTP/1.0": POST.replace(b"1.1", b"1.0")
                          + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "two hosts": PING + b"Host: y\r\n\r\n",
    "no host": b"GET /v1/queries/ping HTTP/1.1\r\n\r\n",
    "HTTP/1.9": PING.replace(b"1.1", b"1.9") + b"\r\n",
    "HTTP/2.0": PING.replace(b"1.1", b"2.0") + b"\r\n",
    "no version": b"GET /v1/queries/ping\r\nHost: x\r\n\r\n",
    "NUL in a value": PING + b"X-User-Id: a\x00b\r\n\r\n",
    "control character in a value": PING + b"X-User-Id: a\x01b\r\n\r\n",
    "blank in a name": PING + b"X User: a\r\n\r\n",
    "a line without colon": PING + b"nonsense\r\n\r\n",
    "empty name": PING + b": a\r\n\r\n",
    "target without slash": PING.replace(b" /v1", b" v1") + b"\r\n",
    "absolute target elsewhere": PING.replace(b" /v1", b" http://evil/v1") + b"\r\n",
    "asterisk": PING.replace(b"/v1/queries/ping", b"*") + b"\r\n",
    "unknown method": PING.replace(b"GET", b"GETS") + b"\r\n",
    "method with odd letters": PING.replace(b"GET", b"G\x01T") + b"\r\n",
    "TRACE": PING.replace(b"GET", b"TRACE") + b"\r\n",
    "CONNECT": PING.replace(b"GET", b"CONNECT") + b"\r\n",
}


@pytest.mark.parametrize("shape", AMBIGUOUS)
def test_an_ambiguous_request_is_refused_and_what_follows_it_is_never_read(api, shape):
    with api.raw() as raw:
        raw.send(AMBIGUOUS[shape] + NEXT)
        received = raw.until_closed()

    assert b'"on_replica"' not in received, received
    assert not re.search(rb"HTTP/1\.. 200", received), received
    assert len(re.findall(rb"(?m)^HTTP/1\.", received)) <= 1, received
    if received:
        assert re.match(rb"HTTP/1\.[01] (400|405|501|505|413|414) ", received), received


@pytest.mark.parametrize("shape", ["length and chunks", "two lengths", "blank before the colon",
                                   "two hosts", "no host", "unknown coding"])
def test_a_smuggling_shape_gets_a_problem_and_a_closed_connection(api, shape):
    with api.raw() as raw:
        raw.send(AMBIGUOUS[shape] + NEXT)
        answers = answers_in(raw.until_closed())

    assert [answer.status for answer in answers] == [400]


def test_the_service_is_well_after_every_ambiguous_shape(api):
    for data in AMBIGUOUS.values():
        with api.raw() as raw:
            raw.send(data)
    assert api.query("ping").data == {"pong": 1}


@pytest.mark.parametrize("head", [
    b"GET /" + b"a" * 100000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
    PING + b"X-Long: " + b"a" * 100000 + b"\r\n\r\n",
    PING + b"".join(b"X-H%d: v\r\n" % n for n in range(5000)) + b"\r\n",
], ids=["target", "header", "number of headers"])
def test_a_head_that_does_not_fit_is_refused(api, head):
    with api.raw() as raw:
        raw.send(head)
        received = raw.until_closed()

    assert not received or re.match(rb"HTTP/1\.1 4(00|14|13|31) ", received), received[:200]


def test_a_head_that_fits_is_served_when_memory_is_given(start_cqrsd):
    cqrsd = start_cqrsd(http_connection_memory=65536)

    assert cqrsd.get("/v1/queries/ping", {"X-Long": "a" * 20000}).data == {"pong": 1}


def test_a_client_that_goes_away_mid_query_leaks_nothing(cqrsd, cluster):
    cqrsd.query("ping")
    fds = cqrsd.fds()
    for _ in range(40):
        with cqrsd.raw() as raw:
            raw.send(b"GET /v1/queries/sleep?seconds=0.3 HTTP/1.1\r\nHost: x\r\n\r\n")

    until(lambda: cqrsd.metrics().sum("cqrsd_http_requests_in_flight") == 0,
          "nothing to be in flight", 20)
    until(lambda: cqrsd.fds() <= fds + 4, "descriptors to be closed")
    # What nobody waits for any more still sleeps on the server for a moment.
    until(lambda: cqrsd.query("ping").data == {"pong": 1}, "a query to be answered")


def test_a_client_that_goes_away_mid_command_leaves_a_whole_command_or_none(cqrsd, cluster):
    for number in range(20):
        with cqrsd.raw() as raw:
            body = b'{"number":%d,"seconds":0.05}' % number
            raw.send(b"POST /v1/commands/append.slowly HTTP/1.1\r\nHost: x\r\nX-User-Id: gone\r\n"
                     b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n"
                     % len(body) + body)

    until(lambda: cqrsd.metrics().sum("cqrsd_http_requests_in_flight") == 0,
          "nothing to be in flight", 20)
    rows = cluster.primary.sql("SELECT number FROM ledger WHERE writer = 'gone'").splitlines()
    assert len(rows) == len(set(rows)) <= 20


def test_a_client_that_goes_away_mid_body_leaks_nothing(cqrsd):
    cqrsd.query("ping")
    fds = cqrsd.fds()
    for _ in range(100):
        with cqrsd.raw() as raw:
            raw.send(POST + b"Content-Length: 1000\r\n\r\n" + BODY)

    until(lambda: cqrsd.fds() <= fds + 4, "descriptors to be closed")


def test_a_client_that_does_not_read_its_answer_holds_up_nobody(cqrsd):
    with cqrsd.raw() as raw:
        raw.send(b"GET /v1/queries/wide?rows=20000&width=500 HTTP/1.1\r\nHost: x\r\n\r\n")
        for _ in range(20):
            assert cqrsd.query("ping").took_s < slowly(1)


def test_a_request_that_arrives_byte_by_byte_is_served(api):
    with api.raw() as raw:
        for byte in PING + b"\r\n":
            raw.send(bytes([byte]))
        assert raw.one_answer().data == {"pong": 1}


@pytest.mark.serve(request_timeout_ms=700)
def test_a_request_that_never_ends_is_ended(cqrsd):
    with cqrsd.raw(timeout_s=15) as raw:
        raw.send(POST + b"Content-Length: 1000\r\n\r\n{")
        received = raw.until_closed()

    assert not received or re.match(rb"HTTP/1\.1 (408|400|504) ", received), received


def test_many_idle_connections_leave_room_for_others(cqrsd):
    connections = [cqrsd.raw() for _ in range(300)]
    try:
        assert cqrsd.query("ping").data == {"pong": 1}
    finally:
        for raw in connections:
            raw.socket.close()
