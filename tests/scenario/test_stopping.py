"""Stopping: what was accepted is answered, the exit code is 0, and a second signal is at once."""

import json
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from harness.load import Load, Lost
from harness.until import slowly, until


class Askers:
    """Ask until the service is gone; tell answers from lost requests."""

    def __init__(self, name):
        self.name = name
        self.acknowledged = set()
        self.answers = 0
        self.lost_on_fresh_request = []
        self.codes = set()

    async def client(self, load, number, connection):
        user = f"{self.name}{number}"
        count = 0
        while not load.stopping:
            count += 1
            reused = connection.writer is not None
            try:
                answer = (await connection.command("append.slowly", user, number=count,
                                                   seconds=0.02)
                          if count % 2 else await connection.query(f"cell?owner={user}", user))
            except Lost as lost:
                # A connection at rest may be closed under a request that was never accepted;
                # then nothing of the request was done. One that refuses is the end.
                if not reused:
                    return
                self.lost_on_fresh_request.append((user, count, str(lost)))
                connection.close()
                continue
            self.answers += 1
            if answer.status == 200 and count % 2:
                self.acknowledged.add((user, count))
            elif answer.status != 200:
                self.codes.add(answer.code)


def stored(cluster, name):
    rows = cluster.primary.sql(f"SELECT writer, number FROM ledger WHERE writer LIKE '{name}%'")
    return {(row.split("|")[0], int(row.split("|")[1])) for row in rows.splitlines()}


@pytest.mark.serve(queue_wait_ms=20000, request_timeout_ms=30000)
def test_sigterm_under_load_answers_every_accepted_request_and_exits_0(cqrsd, cluster):
    askers = Askers("drained-")
    with Load(cqrsd.address, askers.client, 32) as load:
        until(lambda: askers.answers > 200, "some load")
        began = time.monotonic()
        cqrsd.terminate()
        status = cqrsd.wait(25)
        took_s = time.monotonic() - began
        load.stopping = True
        load.finish(30)

    assert status == 0
    assert took_s < slowly(25)
    assert askers.codes <= {"draining"}
    assert askers.acknowledged == stored(cluster, "drained-"), \
        "a command was done without an answer, or answered without being done"


def test_a_request_in_flight_is_answered_after_sigterm(cqrsd):
    with ThreadPoolExecutor(2) as pool:
        slow = pool.submit(cqrsd.query, "sleep", seconds=2)
        write = pool.submit(cqrsd.command, "append.slowly", user="late", number=1, seconds=2)
        until(lambda: cqrsd.metrics().sum("cqrsd_http_requests_in_flight") >= 2, "both to run")
        cqrsd.terminate()

        assert slow.result(20).data == {"slept": True}
        assert write.result(20).status == 200
    assert cqrsd.wait() == 0


def test_while_draining_readyz_says_so_and_new_connections_are_refused(cqrsd):
    with ThreadPoolExecutor(1) as pool:
        slow = pool.submit(cqrsd.query, "sleep", seconds=4)
        until(lambda: cqrsd.metrics().sum("cqrsd_http_requests_in_flight") >= 1, "it to run")
        cqrsd.terminate()

        until(lambda: cqrsd.readyz().status == 503, "/readyz to say 503")
        assert cqrsd.readyz().json["status"] == "draining"
        assert cqrsd.admin.get("/livez").status == 200

        def refused():
            try:
                return cqrsd.query("ping").code == "draining"
            except OSError:
                return True
        until(refused, "new requests to be refused", 3)
        assert slow.result(20).status == 200
    assert cqrsd.wait() == 0


def test_sigint_stops_in_order_too(cqrsd):
    cqrsd.query("ping")
    cqrsd.interrupt()

    assert cqrsd.wait(10) == 0


def test_an_idle_keep_alive_connection_does_not_hold_up_the_end(cqrsd):
    with cqrsd.raw() as raw:
        raw.send(b"GET /v1/queries/ping HTTP/1.1\r\nHost: x\r\n\r\n")
        assert raw.one_answer().status == 200
        cqrsd.terminate()

        assert cqrsd.wait(5) == 0


def test_half_a_request_does_not_hold_up_the_end_beyond_the_limit(start_cqrsd):
    cqrsd = start_cqrsd(drain_ms=1500)
    with cqrsd.raw() as raw:
        raw.send(b"POST /v1/commands/put HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n"
                 b"Content-Type: application/json\r\n\r\n{")
        cqrsd.terminate()

        assert cqrsd.wait(10) == 0


def test_a_second_signal_ends_it_at_once(start_cqrsd, cluster):
    cqrsd = start_cqrsd()
    with ThreadPoolExecutor(1) as pool:
        slow = pool.submit(cqrsd.query, "sleep", seconds=4)
        until(lambda: cqrsd.metrics().sum("cqrsd_http_requests_in_flight") >= 1, "it to run")
        cqrsd.terminate()
        until(lambda: cqrsd.readyz().status == 503, "the drain to begin")
        began = time.monotonic()
        cqrsd.terminate()
        cqrsd.process.wait(slowly(10))
        took_s = time.monotonic() - began
        dropped = slow.exception(10) or slow.result().status
    cqrsd.discard()

    assert took_s < slowly(2)
    assert dropped != 200


@pytest.mark.serve(drain_ms=500, request_timeout_ms=60000)
def test_a_drain_takes_no_longer_than_its_limit(cqrsd):
    with ThreadPoolExecutor(1) as pool:
        slow = pool.submit(cqrsd.query, "sleep", seconds=30)
        until(lambda: cqrsd.metrics().sum("cqrsd_http_requests_in_flight") >= 1, "it to run")
        cqrsd.terminate()
        began = time.monotonic()
        cqrsd.process.wait(slowly(10))
        assert time.monotonic() - began < slowly(3)
        try:
            assert slow.result(10).status in (503, 504)
        except OSError:
            pass
    cqrsd.discard()


def test_the_log_is_one_json_object_per_line_from_start_to_end(start_cqrsd):
    cqrsd = start_cqrsd()
    cqrsd.query("ping")
    cqrsd.query("nothing")
    cqrsd.terminate()
    assert cqrsd.wait() == 0

    for line in cqrsd.log_text().splitlines():
        assert isinstance(json.loads(line), dict)
    assert cqrsd.log_text().strip()
