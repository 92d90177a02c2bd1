"""Starting and stopping under load: behind HAProxy, and for the very first clients."""

import signal
import socket
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from harness import processes
from harness.client import Client
from harness.haproxy import HAProxy
from harness.rolling import Callers, restart
from harness.until import until


@pytest.fixture
def again(cqrsd):
    """The service, ended in order, to be launched where it was."""
    cqrsd.terminate()
    assert cqrsd.wait() == 0
    return cqrsd


@pytest.fixture
def silent():
    """A port where whoever connects never hears a word."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", processes.free_port()))
        listening.listen(64)
        yield f"postgresql://postgres@127.0.0.1:{listening.getsockname()[1]}/shop"


@pytest.fixture
def manager(tmp_path):
    """The socket where systemd would listen."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(str(tmp_path / "notify"))
        listening.settimeout(30)
        yield listening


def first_answer(address, ask=lambda client: client.query("ping")):
    """What a client gets who connects as soon as that can be done."""
    def answer():
        try:
            return ask(Client(address))
        except ConnectionRefusedError:
            return None
    return until(answer, "the port to be open", every_s=0.001)


def test_restarts_behind_haproxy_fail_no_request(start_cqrsd):
    # A processor that others keep busy is another story than restarts.
    patient = {"queue_wait_ms": 20000, "request_timeout_ms": 30000}
    services = [start_cqrsd(**patient), start_cqrsd(**patient)]
    proxy = HAProxy(services)
    try:
        callers = Callers(proxy.address)
        with callers.load:
            until(lambda: callers.asked > 200, "some requests")
            for number, pause_s in enumerate((0, 0, 0.3, 0)):
                asked = callers.asked
                restart(services[number % 2], proxy, number % 2, pause_s)
                until(lambda seen=asked: callers.asked > seen + 200, "requests afterwards")
    finally:
        proxy.close()

    assert not callers.failures
    assert all(callers.answers[method, kind] for method in ("GET", "POST")
               for kind in ("kept", "new"))


def test_the_first_clients_of_each_loop_wait_for_its_connections(again):
    with ThreadPoolExecutor(32) as pool:
        reads = [pool.submit(first_answer, again.address) for _ in range(16)]
        writes = [pool.submit(first_answer, again.address, lambda client, number=number:
                              client.command("put", user=f"first-{number}", number=1))
                  for number in range(16)]
        again.launch()
        answers = [answer.result(30) for answer in reads + writes]

    assert [answer.status for answer in answers] == [200] * 32


def test_who_connected_before_a_stop_right_after_the_start_is_answered(again):
    def connected():
        try:
            return again.raw()
        except ConnectionRefusedError:
            return None

    again.launch()
    with until(connected, "the port to be open", every_s=0.001) as raw:
        again.terminate()
        raw.send(b"GET /v1/queries/ping HTTP/1.1\r\nHost: x\r\n\r\n")
        assert raw.one_answer().status == 200
    assert again.wait() == 0


def test_a_stop_before_anybody_came_waits_for_no_node(start_cqrsd, silent):
    cqrsd = start_cqrsd(wait="alive", primary=silent, replicas=0)
    assert cqrsd.readyz().json["status"] == "starting"
    cqrsd.terminate()

    assert cqrsd.wait() == 0
    assert "listening on" not in cqrsd.log_text()


def test_where_no_node_says_a_word_the_answer_is_starting(start_cqrsd, silent):
    cqrsd = start_cqrsd(wait="alive", primary=silent, replicas=0, auth="none")

    assert cqrsd.query("ping").code == "starting"
    assert cqrsd.command("put", user="ann", number=1).code == "starting"


def test_a_silent_replica_keeps_nobody_from_starting(start_cqrsd, cluster, silent):
    replicas = [cluster.replica(1).conninfo, silent]
    cqrsd = start_cqrsd(wait="alive", replica=replicas)

    assert cqrsd.query("ping").status == 200
    assert cqrsd.command("put", user="ann", number=1).status == 200
    silent_node = cqrsd.node(silent.split("@")[1].split("/")[0])
    assert not silent_node["up"]


def test_without_a_primary_queries_are_served_from_the_first_one_on(again, cluster):
    cluster.primary.stop()
    again.launch()

    answer = first_answer(again.address,
                          lambda client: client.query("ping", consistency="eventual"))
    assert answer.status == 200
    assert again.command("put", user="ann", number=1).code == "no-primary"


def test_where_no_node_lets_it_in_the_answer_is_starting_until_one_does(start_cqrsd, cluster):
    wrong = cluster.primary.conninfo.replace("postgres@", "latecomer@")
    cqrsd = start_cqrsd(wait="alive", primary=wrong, replicas=0, auth="none")
    assert cqrsd.command("put", user="ann", number=1).code == "starting"
    until(lambda: cqrsd.readyz().json["status"] == "not-ready", "all loops to give up")
    assert "latecomer" in cqrsd.log_text()

    cluster.primary.sql("CREATE ROLE latecomer LOGIN SUPERUSER")
    try:
        until(lambda: cqrsd.command("put", user="ann", number=1).status == 200, "commands")
    finally:
        cqrsd.close()
        cluster.primary.sql("DROP ROLE latecomer")


def test_ready_is_announced_once_clients_are_let_in(start_cqrsd, manager):
    cqrsd = start_cqrsd(wait="alive", env={"NOTIFY_SOCKET": manager.getsockname()})
    ready = manager.recv(4096)
    assert cqrsd.readyz().status == 200
    assert cqrsd.query("ping").status == 200
    cqrsd.terminate()

    assert (ready, manager.recv(4096)) == (b"READY=1", b"STOPPING=1")
    assert cqrsd.wait() == 0


def test_a_reload_during_the_start_announces_nothing(start_cqrsd, silent, manager):
    cqrsd = start_cqrsd(wait="alive", primary=silent, replicas=0,
                        env={"NOTIFY_SOCKET": manager.getsockname()})
    cqrsd.hup()
    until(lambda: "catalog reloaded" in cqrsd.log_text(), "the reload")
    cqrsd.terminate()

    assert manager.recv(4096) == b"STOPPING=1"
    assert cqrsd.wait() == 0


@pytest.mark.serve(drain_delay_ms=4000)
def test_in_the_drain_delay_readyz_says_503_and_requests_are_taken(cqrsd):
    cqrsd.terminate()
    until(lambda: cqrsd.readyz().status == 503, "/readyz to say 503")

    assert cqrsd.readyz().json["status"] == "draining"
    assert cqrsd.query("ping").status == 200
    assert cqrsd.command("put", user="late", number=1).status == 200
    assert "connection" not in cqrsd.query("ping").headers
    assert cqrsd.wait() == 0


@pytest.mark.serve(drain_delay_ms=600000)
def test_a_second_signal_in_the_drain_delay_ends_it_at_once(start_cqrsd):
    cqrsd = start_cqrsd(drain_delay_ms=600000)
    cqrsd.terminate()
    until(lambda: cqrsd.readyz().status == 503, "/readyz to say 503")
    cqrsd.terminate()

    assert cqrsd.wait(10) == 1
    cqrsd.discard()


class Hurried:
    """New connections, one after the other, until one is refused; tells what else went wrong."""

    def __init__(self, address):
        self.address = address
        self.wrong = []
        self.answers = 0

    def run(self):
        while True:
            try:
                answer = Client(self.address).query("ping")
            except ConnectionRefusedError:
                return
            except OSError as failure:
                self.wrong.append(repr(failure))
                return
            if answer.status == 200:
                self.answers += 1
            else:
                self.wrong.append(answer.code)


def test_who_gets_a_connection_at_the_end_gets_an_answer(cqrsd):
    hurried = [Hurried(cqrsd.address) for _ in range(8)]
    threads = [threading.Thread(target=one.run, daemon=True) for one in hurried]
    for thread in threads:
        thread.start()
    until(lambda: all(one.answers > 5 for one in hurried), "some answers")
    processes.send(cqrsd.pid, signal.SIGTERM)
    for thread in threads:
        thread.join(30)

    assert [one.wrong for one in hurried] == [[]] * 8
    assert cqrsd.wait() == 0
