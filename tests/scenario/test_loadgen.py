"""The judge is judged: what the load generator says of servers whose manners are known."""

import json
import os
import pathlib
import socket
import subprocess
import threading

import pytest

from harness.until import rest_now

ROOT = pathlib.Path(__file__).resolve().parents[2]
LOADGEN = os.environ.get("LOADGEN", str(ROOT / "build" / "loadgen"))
STALL_S = 1.0


class FakeServer:
    """Answers each request as told, on threads; answer(number, head) hands back the bytes."""

    def __init__(self, answer):
        self.answer = answer
        self.number = 0
        self.lock = threading.Lock()
        self.socket = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.address = "127.0.0.1:%d" % self.socket.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                connection, _ = self.socket.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def serve(self, connection):
        pending = b""
        with connection:
            while True:
                while b"\r\n\r\n" not in pending:
                    more = connection.recv(65536)
                    if not more:
                        return
                    pending += more
                head, _, pending = pending.partition(b"\r\n\r\n")
                pending = self.without_body(head, pending, connection)
                with self.lock:
                    self.number += 1
                    number = self.number
                reply = self.answer(number, head.decode())
                if reply is None:
                    return
                connection.sendall(reply)

    @staticmethod
    def without_body(head, pending, connection):
        length = 0
        for line in head.lower().split(b"\r\n"):
            if line.startswith(b"content-length:"):
                length = int(line.split(b":")[1])
        while len(pending) < length:
            pending += connection.recv(65536)
        return pending[length:]

    def close(self):
        self.socket.close()


def ok(body=b'{"data":1}', status="200 OK", headers=""):
    return b"HTTP/1.1 %s\r\nContent-Length: %d\r\n%s\r\n%s" % (
        status.encode(), len(body), headers.encode(), body)


@pytest.fixture
def serve():
    servers = []

    def start(answer):
        servers.append(FakeServer(answer))
        return servers[-1].address
    yield start
    for server in servers:
        server.close()


def loadgen(address, *arguments, status=0):
    done = subprocess.run([LOADGEN, "--to", address, "--json", *arguments], text=True,
                          capture_output=True, timeout=60, check=False)
    assert done.returncode == status, done.stderr
    return json.loads(done.stdout) if status == 0 else done.stderr


def stalls_once(at_request):
    """Every answer is held back for a while, once: as a server does that swaps or checkpoints."""
    gate = threading.Event()
    gate.set()

    def answer(number, head):
        if number == at_request:
            gate.clear()
            rest_now(STALL_S)
            gate.set()
        gate.wait(STALL_S * 10)
        return ok()
    return answer


def test_a_stall_of_a_second_shows_in_p99_of_an_open_loop(serve):
    address = serve(stalls_once(100))

    run = loadgen(address, "--get", "/x", "--rate", "100", "--schedule", "constant",
                  "--seconds", "3", "--warmup", "0", "--connections", "4")

    # A third of what was planned was due during the stall: its wait is spread from 0 to 1 s.
    latency = run["classes"][0]["answered_us"]
    assert latency["p99"] > 0.9 * STALL_S * 1e6
    assert latency["p90"] > 0.5 * STALL_S * 1e6


def test_the_same_stall_is_hidden_from_who_only_asks_again_when_answered(serve):
    address = serve(stalls_once(100))

    run = loadgen(address, "--get", "/x", "--seconds", "3", "--warmup", "0",
                  "--connections", "4")

    # The control: at most four requests of thousands met the stall.
    latency = run["classes"][0]["answered_us"]
    assert latency["p99"] < 0.5 * STALL_S * 1e6
    assert latency["max"] > 0.9 * STALL_S * 1e6


def test_a_server_that_never_answers_costs_its_whole_time_out_in_every_quantile(serve):
    address = serve(lambda number, head: rest_now(30))

    run = loadgen(address, "--get", "/x", "--rate", "20", "--seconds", "1", "--warmup", "0",
                  "--connections", "2", "--timeout", "0.5", "--late", "0.5")

    result = run["classes"][0]
    assert result["ok"] == 0
    assert set(result["outcomes"]) == {"timeout", "late"}
    assert sum(result["outcomes"].values()) == result["planned"] > 0
    assert result["answered_us"]["p50"] >= 0.5e6


def test_refusals_are_counted_by_code_and_timed_apart(serve):
    problem = b'{"status":503,"code":"queue-full"}'

    def answer(number, head):
        return ok() if number % 2 else ok(problem, "503 Service Unavailable")
    address = serve(answer)

    run = loadgen(address, "--get", "/x", "--requests", "100", "--seconds", "20", "--warmup", "0",
                  "--connections", "2")

    result = run["classes"][0]
    assert result["outcomes"]["2xx"] + result["outcomes"]["queue-full"] == 100
    assert result["refused_us"]["count"] == result["outcomes"]["queue-full"]
    assert result["answered_us"]["count"] == result["outcomes"]["2xx"]
    assert 40 <= result["ok"] <= 60


def test_a_504_is_a_wait_in_vain_and_no_refusal(serve):
    problem = b'{"status":504,"code":"timeout"}'
    address = serve(lambda number, head: ok(problem, "504 Gateway Timeout"))

    run = loadgen(address, "--get", "/x", "--requests", "20", "--seconds", "20", "--warmup", "0",
                  "--connections", "2")

    result = run["classes"][0]
    assert result["answered_us"]["count"] == result["outcomes"]["timeout"] == 20
    assert result["refused_us"]["count"] == result["ok"] == result["good"] == 0


def test_good_are_the_answers_that_come_in_time(serve):
    def answer(number, head):
        if number % 4 == 0:
            rest_now(0.3)
        return ok(status="503 Service Unavailable") if number % 4 == 1 else ok()
    address = serve(answer)

    run = loadgen(address, "--get", "/x", "--requests", "20", "--seconds", "20", "--warmup", "0",
                  "--connections", "1", "--good", "0.2")

    assert run["classes"][0]["ok"] == 15
    assert run["classes"][0]["good"] == 10


def test_what_is_due_while_every_connection_is_busy_is_planned_and_counted(serve):
    """However few connections there are, the plan is that of an open loop."""
    address = serve(lambda number, head: (rest_now(0.4), ok())[1])

    run = loadgen(address, "--get", "/x", "--rate", "50", "--schedule", "constant", "--seconds",
                  "2", "--warmup", "0", "--connections", "1", "--late", "0.5")

    result = run["classes"][0]
    assert result["planned"] == 100
    assert sum(result["outcomes"].values()) == result["answered_us"]["count"] == 100
    assert result["outcomes"]["late"] > 80
    assert result["answered_us"]["p50"] >= 0.5e6


def test_a_read_that_lacks_the_write_before_it_is_a_counted_violation(serve):
    written = {}
    served = "Consistency: session;role=replica;reason=waited;waited=0.004\r\n"

    def answer(number, head):
        user = head.lower().split("x-user-id: ")[1].split("\r\n")[0]
        if head.startswith("POST"):
            return ok()
        written[user] = written.get(user, 0) + 1
        return ok(b'{"data":[{"n":1}]}', headers=served)
    address = serve(answer)

    run = loadgen(address, "--pair", '/add {"n":{unique}} /see', "--users", "3", "--requests", "30",
                  "--seconds", "20", "--warmup", "0", "--connections", "2")

    write, read = run["classes"]
    assert write["ok"] == read["ok"] == read["stale"] == 30
    assert read["served"] == {"replica/waited": 30}
    assert read["waited_us"]["p50"] == pytest.approx(4000, rel=0.04)
    assert sum(written.values()) == 30 and set(written) <= {"u1", "u2", "u3"}


def test_a_read_that_holds_the_write_is_none(serve):
    # One connection: what was written last is what the read is about.
    last = {}

    def answer(number, head):
        if head.startswith("POST"):
            last["target"] = head.split(" ")[1]
            return ok()
        return ok(head.split(" ")[1].encode())
    address = serve(answer)

    run = loadgen(address, "--pair", '/add {"n":{unique}} /see?n={unique}', "--requests", "10",
                  "--seconds", "20", "--warmup", "0", "--connections", "1")

    assert run["classes"][1]["ok"] == 10
    assert run["classes"][1]["stale"] == 0


def test_connections_that_a_server_ends_are_made_again(serve):
    address = serve(lambda number, head: None if number % 5 == 0 else ok())

    run = loadgen(address, "--get", "/x", "--requests", "50", "--seconds", "20", "--warmup", "0",
                  "--connections", "2")

    outcomes = run["classes"][0]["outcomes"]
    assert outcomes["lost"] == 10
    assert outcomes["2xx"] == 40


def test_where_nobody_listens_it_says_so():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = "127.0.0.1:%d" % listener.getsockname()[1]

    assert "Connection refused" in loadgen(address, "--get", "/x", status=1)


@pytest.mark.parametrize("arguments", [
    ["--get", "x"], ["--rate", "-1"], ["--connections", "0"], ["--seconds", "99999"],
    ["--connections", "20001"], ["--nonsense"], ["--get"], ["--schedule", "weekly"],
])
def test_wrong_usage_is_told_and_nothing_is_sent(arguments):
    done = subprocess.run([LOADGEN, "--to", "127.0.0.1:1", *arguments], text=True,
                          capture_output=True, timeout=10, check=False)
    assert done.returncode == 2
    assert done.stderr.startswith("loadgen: ") and done.stderr.count("\n") == 1
