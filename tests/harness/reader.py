"""A client that reads a reply piece by piece, as slowly as a test wants, or not at all."""

import json
import re
import socket

from .client import parse_answer
from .until import slowly

SMALL_BYTES = 65536


class Reader:
    """Asks on a connection of its own whose kernel takes little; reads only what it is told to."""

    def __init__(self, address, timeout_s=30):
        host, _, port = address.rpartition(":")
        self.address = address
        self.socket = socket.socket()
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SMALL_BYTES)
        self.socket.settimeout(slowly(timeout_s))
        self.socket.connect((host, int(port)))
        self.received = b""
        self.head = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def ask(self, target, headers=None, method="GET", version="HTTP/1.1"):
        lines = [f"{method} {target} {version}", f"Host: {self.address}"]
        lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
        self.socket.sendall("\r\n".join([*lines, "", ""]).encode())
        return self

    def begin(self):
        """Read until the head of the reply is there, and hand it back."""
        while b"\r\n\r\n" not in self.received:
            piece = self.socket.recv(4096)
            assert piece, f"closed before a reply: {self.received!r}"
            self.received += piece
        head, _, self.received = self.received.partition(b"\r\n\r\n")
        self.head = parse_answer(head, b"")
        return self.head

    def take(self, count):
        """Read that many bytes more of the body, chunk lines and all."""
        while count > 0:
            piece = self.socket.recv(min(count, 1 << 20))
            assert piece, "closed amid the reply"
            self.received += piece
            count -= len(piece)

    def rest(self):
        """Read to the end. Hands back the body and whether its last chunk was there."""
        try:
            while not self.received.endswith(b"\r\n0\r\n\r\n"):
                piece = self.socket.recv(1 << 20)
                if not piece:
                    break
                self.received += piece
        except ConnectionResetError:
            pass
        return self._body()

    def _body(self):
        body, at = [], 0
        while at < len(self.received):
            line = re.compile(rb"([0-9a-fA-F]+)\r\n").match(self.received, at)
            if not line:
                return b"".join(body), False
            size = int(line[1], 16)
            if size == 0:
                return b"".join(body), self.received[line.end():] == b"\r\n"
            body.append(self.received[line.end():line.end() + size])
            at = line.end() + size + 2
        return b"".join(body), False

    def rows(self):
        """The rows of a reply that must be whole."""
        body, whole = self.rest()
        assert whole, f"a reply was cut off behind {len(body)} bytes"
        return json.loads(body)["data"]
