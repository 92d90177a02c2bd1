"""Clients that are slow, or too many: the others are served, and the slow ones end."""

import contextlib
import resource

import pytest
from harness import service as harness_service
from harness.client import answers_in
from harness.until import always, until

HEAD = b"GET /v1/queries/ping HTTP/1.1\r\nHost: x\r\n"
BODY = (b"POST /v1/queries/undeclared HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        b"Content-Length: 1000\r\n\r\n")

TIMEOUT_S = 30


@contextlib.contextmanager
def many(cqrsd, count):
    with contextlib.ExitStack() as open_ones:
        yield [open_ones.enter_context(cqrsd.raw()) for _ in range(count)]


def ended(raw):
    """Has the other side closed it, or reset it? Nothing is waited for."""
    raw.socket.setblocking(False)
    try:
        while raw.socket.recv(65536):
            pass
        return True
    except BlockingIOError:
        return False
    except ConnectionResetError:
        return True
    finally:
        raw.socket.settimeout(TIMEOUT_S)


@pytest.mark.serve(request_timeout_ms=1500, queue_wait_ms=1500)
@pytest.mark.parametrize("start, piece", [(HEAD + b"X-A: ", b"a"), (BODY, b" ")],
                         ids=["headers", "body"])
def test_requests_that_drip_in_hold_up_nobody_and_end_all(cqrsd, start, piece):
    with many(cqrsd, 200) as dripping:
        for raw in dripping:
            raw.send(start)

        def drip():
            for raw in dripping:
                raw.send(piece)
            always(cqrsd.query("ping").status == 200)
            return all(ended(raw) for raw in dripping)
        until(drip, "all of them to be ended", 20)
        # What was sent into a closed connection may have reset it before it was looked at.
        until(lambda: cqrsd.metrics().sum("cqrsd_http_timed_out_total", state="arriving") == 200,
              "all of them to be counted")


@pytest.mark.serve(loops=1, connections_max=10, queue_wait_ms=5000)
def test_who_comes_when_it_is_full_is_told_to_come_back(cqrsd):
    with many(cqrsd, 10) as inside:
        for raw in inside:
            raw.send(HEAD + b"\r\n")
            assert raw.one_answer().data == {"pong": 1}
        with cqrsd.raw() as late:
            late.send(HEAD + b"\r\n")
            answer, = answers_in(late.until_closed())
        inside[0].send(HEAD + b"\r\n")
        assert inside[0].one_answer().data == {"pong": 1}

    assert answer.status == 503 and answer.problem["code"] == "shed"
    assert answer.headers["retry-after"] == "1"
    until(lambda: cqrsd.query("ping").status == 200, "room again")


@pytest.mark.serve(queue_wait_ms=5000)
def test_without_descriptors_it_goes_on_and_recovers(cqrsd):
    """The limit is taken away from a process that runs: the worst that can happen to it."""
    with cqrsd.raw() as inside, contextlib.ExitStack() as outside:
        inside.send(HEAD + b"\r\n")
        assert inside.one_answer().data == {"pong": 1}
        until(lambda: cqrsd.readyz().status == 200, "its connections to be there")
        before = cqrsd.limit_fds(3)
        crowd = [outside.enter_context(cqrsd.raw()) for _ in range(40)]

        # Who is not let in is told, and does not wait until somebody leaves.
        until(lambda: sum(ended(raw) for raw in crowd) >= 30, "most of them to be refused")
        inside.send(HEAD + b"\r\n")
        assert inside.one_answer().data == {"pong": 1}
        assert cqrsd.running

        resource.prlimit(cqrsd.pid, resource.RLIMIT_NOFILE, before)
    until(lambda: cqrsd.query("ping").status == 200, "it to accept again")
    assert cqrsd.metrics().sum("cqrsd_http_refused_total", reason="descriptors") >= 30


def stuck(letters):
    """A request that is answered late, and with it a chunk whose line never ends."""
    return (HEAD + b"\r\nPOST /nothing HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1;"
            + letters * b"a")


@pytest.mark.serve(loops=1, connections_max=100, http_connection_memory=4096,
                   request_timeout_ms=1500, queue_wait_ms=1500)
@pytest.mark.parametrize("letters", [4500, 9000])
def test_requests_that_can_never_arrive_keep_no_place(cqrsd, letters):
    with many(cqrsd, 100) as stuck_ones:
        for raw in stuck_ones:
            raw.send(stuck(letters))
        until(lambda: all(ended(raw) for raw in stuck_ones), "all of them to be ended", 20)

        # Their clients have not closed; a connection that the library kept would hold its place.
        until(lambda: cqrsd.query("ping").status == 200, "room for others")
        until(lambda: cqrsd.metrics().sum("cqrsd_http_connections") <= 1, "their places")
        # From 1.0 on it ends them itself.
        if "libmicrohttpd 0." in harness_service.run("version").stdout:
            assert cqrsd.metrics().sum("cqrsd_http_forced_total") == 100

    cqrsd.terminate()
    assert cqrsd.wait(20) == 0
