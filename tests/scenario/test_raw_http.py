"""Requests that no proper client sends: smuggling shapes, broken heads, clients that go away."""

import json
import re

import pytest
from harness import smuggling
from harness.client import answers_in
from harness.service import run
from harness.until import slowly, until

PING = b"GET /v1/queries/ping HTTP/1.1\r\nHost: x\r\n"
POST = (b"POST /v1/queries/undeclared HTTP/1.1\r\nHost: x\r\n"
        b"Content-Type: application/json\r\n")
BODY = b'{"first":1,"second":2}'
# Ends the connection of those that may stay open.
LAST_OF_ALL = PING + b"Connection: close\r\n\r\n"

HIDDEN, BEHIND = 1, 2

# libmicrohttpd 1.0 checks lengths and chunk lines itself and refuses what is malformed
# (docs/dependencies.md): behind these a connection lives on, and behind empty lines it ends.
LEGAL_SINCE_1_0 = {"length with blanks behind it", "chunks", "a size with zeros before it",
                   "a trailer that is a length", "a trailer that is a coding",
                   "a trailer that is a host", "a GET with chunks"}
SILENT_SINCE_1_0 = {"empty lines before"}
IS_1_0 = not json.loads(run("version", "--json").stdout)["libmicrohttpd"].startswith("0.")
MOVED = LEGAL_SINCE_1_0 if IS_1_0 else set()
SILENT = SILENT_SINCE_1_0 if IS_1_0 else set()

REFUSED = [shape for shape in smuggling.REFUSED if shape not in MOVED]
CLOSED = [shape for shape in smuggling.CLOSED if shape not in MOVED]
LEGAL = [shape for shape in smuggling.LEGAL if shape not in SILENT] + sorted(MOVED)


class Played:
    """What came back for each shape, and which of its markers left a row."""

    def __init__(self, api, cluster):
        self.received = {}
        for writer, data in self.shapes():
            with api.raw() as raw:
                raw.send(data.replace(b"{marker}", smuggling.marker(writer, HIDDEN))
                         + smuggling.marker(writer, BEHIND) + LAST_OF_ALL)
                self.received[writer] = raw.until_closed()
        rows = cluster.primary.sql("SELECT writer, number FROM ledger WHERE writer LIKE 'shape %'")
        self.rows = set(rows.splitlines())

    @staticmethod
    def shapes():
        for shapes in (smuggling.REFUSED, smuggling.CLOSED, smuggling.LEGAL):
            for name, data in shapes.items():
                yield f"shape {name}", data

    def of(self, shape):
        writer = f"shape {shape}"
        ran = {row.rpartition("|")[2] for row in self.rows if row.rpartition("|")[0] == writer}
        return self.received[writer], ran


@pytest.fixture(scope="module")
def played(api, shop_cluster):
    return Played(api, shop_cluster)


def statuses(received):
    return [int(status) for status in re.findall(rb"HTTP/1\.[01] (\d{3}) ", received)]


@pytest.mark.parametrize("shape", REFUSED)
def test_an_ambiguous_request_is_refused_and_what_follows_it_is_never_read(played, shape):
    received, ran = played.of(shape)

    assert not ran, received
    assert len(statuses(received)) <= 1, received
    assert all(status in (400, 413, 414, 501, 505) for status in statuses(received)), received


@pytest.mark.parametrize("shape", CLOSED)
def test_what_could_be_ambiguous_is_answered_and_what_follows_it_is_never_read(played, shape):
    received, ran = played.of(shape)

    assert not ran, received
    assert len(statuses(received)) == 1, received


@pytest.mark.parametrize("shape", LEGAL)
def test_what_follows_an_unambiguous_request_is_served(played, shape):
    received, ran = played.of(shape)

    assert ran == {str(BEHIND)}, received
    assert statuses(received)[-2:] == [200, 200], received
    assert len(statuses(received)) == 3 + received.count(b"100 Continue"), received


@pytest.mark.parametrize("shape", ["length and chunks", "two lengths", "blank before the colon",
                                   "two hosts", "no host", "unknown coding"])
def test_a_smuggling_shape_gets_a_problem(played, shape):
    received, _ = played.of(shape)

    if IS_1_0 and b"<html>" in received:  # its own refusal
        assert statuses(received) == [400]
        return
    assert [answer.problem["code"] for answer in answers_in(received)] == ["bad-request"]


@pytest.mark.parametrize("shape", sorted(SILENT))
def test_what_the_library_will_not_read_ends_the_connection_without_an_answer(played, shape):
    assert played.of(shape) == (b"", set())


def test_the_service_is_well_after_every_shape(played, api):
    for _, data in played.shapes():
        with api.raw() as raw:
            raw.send(data)
            assert api.query("ping").data == {"pong": 1}


@pytest.mark.parametrize("at", range(1, 9))
def test_chunk_lines_that_end_with_lf_in_pieces_hide_nothing(api, cluster, at):
    """However the bytes are cut, the connection ends behind a chunked body."""
    writer = f"pieces {at}"
    body = b"16\n" + smuggling.BODY + b"\n0\n\n"
    head = smuggling.post(b"Transfer-Encoding: chunked", body=b"")
    with api.raw() as raw:
        raw.send(head)
        for start in range(0, len(body), at):
            raw.send(body[start:start + at])
        raw.send(smuggling.marker(writer, BEHIND))
        received = raw.until_closed()

    assert len(statuses(received)) == 1, received
    assert cluster.primary.sql(f"SELECT 1 FROM ledger WHERE writer = '{writer}'") == ""


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
            assert cqrsd.query("ping").took_s < slowly(3)


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
