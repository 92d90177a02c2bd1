"""The proxy is what it says: each fault shows, and is gone when it is healed."""

import pathlib
import socket
import struct
import sys
import threading
import time

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from guarantees.proxy import Network  # noqa: E402
from harness.until import until  # noqa: E402

SOON_S = 0.3


class Echo:
    """Sends back what it gets, on one host; a thread for each connection."""

    def __init__(self, host):
        self.listener = socket.create_server((host.address, 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                one, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.echo, args=(one,), daemon=True).start()

    @staticmethod
    def echo(one):
        try:
            while piece := one.recv(65536):
                one.sendall(piece)
        except OSError:
            pass
        one.close()


@pytest.fixture
def pair():
    with Network() as network:
        client, server = network.host("c"), network.host("s")
        echo = Echo(server)
        client.dial = lambda: socket.create_connection(
            (network.reach("c", server, echo.port), echo.port), 10)
        network.reach("c", server, echo.port)
        yield client, server
        echo.listener.close()


def said(one, text=b"x"):
    """What comes back, or None when nothing does for a while."""
    one.settimeout(SOON_S)
    try:
        one.sendall(text)
        return one.recv(65536)
    except TimeoutError:
        return None


def come_back(one, bytes_min):
    got = b""
    one.settimeout(10)
    while len(got) < bytes_min:
        got += one.recv(65536)
    return got


def test_what_is_sent_arrives(pair):
    client, _ = pair
    with client.dial() as one:
        assert said(one, b"hello") == b"hello"


@pytest.mark.parametrize("ways", [(True, False), (False, True), (True, True)])
def test_a_black_hole_holds_what_is_sent_until_it_is_healed(pair, ways):
    client, server = pair
    with client.dial() as one:
        assert said(one) == b"x"
        heals = [host.deaf_to(other) for host, other, on in
                 ((server, client, ways[0]), (client, server, ways[1])) if on]
        assert said(one, b"held") is None
        with client.dial() as late:
            assert said(late, b"late") is None
            for heal in heals:
                heal()
                heal()
            assert come_back(one, 4) == b"held"
            assert come_back(late, 4) == b"late"


def test_a_black_hole_hides_that_the_other_side_is_gone(pair):
    client, server = pair
    with client.dial() as one:
        assert said(one) == b"x"
        heal = client.deaf_to(server)
        one.shutdown(socket.SHUT_WR)
        one.settimeout(SOON_S)
        with pytest.raises(TimeoutError):
            one.recv(1)
        heal()
        one.settimeout(10)
        assert one.recv(1) == b""


def test_two_holes_are_healed_by_two(pair):
    client, server = pair
    heals = [client.deaf_to(server), client.deaf_to(server)]
    with client.dial() as one:
        heals[0]()
        assert said(one) is None
        heals[1]()
        assert come_back(one, 1) == b"x"


def test_a_reset_storm_ends_connections_old_and_new(pair):
    client, server = pair
    with client.dial() as one:
        assert said(one) == b"x"
        heal = client.resets(server)
        one.settimeout(10)
        with pytest.raises(ConnectionResetError):
            one.recv(1)
        with pytest.raises(ConnectionResetError), client.dial() as late:
            late.settimeout(10)
            late.recv(1)
        heal()
    with client.dial() as one:
        assert said(one) == b"x"


def test_a_peer_that_resets_is_told_as_such(pair):
    client, server = pair
    one = client.dial()
    assert said(one) == b"x"
    one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    one.close()
    with client.dial() as other:
        assert said(other) == b"x"


def test_a_refusal_is_a_refusal(pair):
    client, server = pair
    heal = client.refuses(server)
    with pytest.raises(ConnectionRefusedError):
        client.dial()
    heal()
    with client.dial() as one:
        assert said(one) == b"x"


def test_latency_is_at_least_what_was_asked_for(pair):
    client, _ = pair
    with client.dial() as one:
        heal = client.delays(200)
        began = time.monotonic()
        one.settimeout(10)
        one.sendall(b"x")
        assert one.recv(1) == b"x"
        assert time.monotonic() - began >= 0.2
        heal()
        assert said(one) == b"x"


def test_throttling_holds_back_what_is_more(pair):
    client, _ = pair
    with client.dial() as one:
        heal = client.throttles(100_000)
        began = time.monotonic()
        one.sendall(bytes(200_000))
        come_back(one, 200_000)
        assert time.monotonic() - began >= 1
        heal()


def test_an_order_that_cannot_be_carried_out_is_told(pair):
    client, server = pair
    with pytest.raises(OSError, match="in use"):
        client.network.tell("link", "c", "s", (server.address, 1), (server.address, 1))
        client.network.tell("link", "c", "s", (server.address, 1), (server.address, 1))
    until(lambda: client.network.process.poll() is None, "the proxy to live on")


def test_packets_cannot_be_lost(pair):
    with pytest.raises(NotImplementedError):
        pair[0].loses(5)
