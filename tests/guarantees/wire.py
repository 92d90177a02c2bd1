# SPDX-License-Identifier: Apache-2.0
"""A connection that knows what it has sent: HTTP/1.1 on asyncio, to an instance that may die."""

import asyncio
import json
import re

from harness.client import Answer
from harness.until import slowly

CONTENT_LENGTH = re.compile(rb"\r\n[Cc]ontent-[Ll]ength: *(\d+)")
CONNECT_S = 2
ANSWER_S = 12


class NotSent(Exception):
    """No byte has left: certainly without effect."""


class NoAnswer(Exception):
    """It may have arrived, and nobody says what became of it."""


class Link:
    """One keep-alive connection to one instance; connects when needed."""

    def __init__(self, address):
        """address: "host:port", or a function that says where the instance is now."""
        self.address = address if callable(address) else lambda: address
        self.reader = self.writer = None

    async def ask(self, method, target, headers, body=None):
        """The Answer; or NotSent, or NoAnswer."""
        await self._connect()
        content = b"" if body is None else json.dumps(body).encode()
        lines = [f"{method} {target} HTTP/1.1", "Host: cqrsd",
                 *(f"{name}: {value}" for name, value in headers.items())]
        if body is not None:
            lines += ["Content-Type: application/json", f"Content-Length: {len(content)}"]
        try:
            self.writer.write("\r\n".join(lines).encode() + b"\r\n\r\n" + content)
            return await asyncio.wait_for(self._answer(), slowly(ANSWER_S))
        except (OSError, asyncio.IncompleteReadError, asyncio.TimeoutError) as failure:
            self.close()
            raise NoAnswer(repr(failure)) from failure

    async def _connect(self):
        """A connection that the other side has ended meanwhile is known as such before anything is
        sent on it; one that ends in the same moment is not."""
        if self.writer is not None and not self.reader.at_eof() and not self.writer.is_closing():
            return
        self.close()
        try:
            host, _, port = self.address().rpartition(":")
            self.reader, self.writer = await asyncio.wait_for(
                asyncio.open_connection(host, int(port)), slowly(CONNECT_S))
        except (OSError, ValueError, asyncio.TimeoutError) as failure:
            raise NotSent(repr(failure)) from failure

    async def _answer(self):
        head = await self.reader.readuntil(b"\r\n\r\n")
        length = CONTENT_LENGTH.search(head)
        body = await self.reader.readexactly(int(length[1])) if length else b""
        status, *fields = head.decode("latin-1").split("\r\n")
        headers = {}
        for line in fields:
            name, _, value = line.partition(":")
            headers[name.lower()] = value.strip()
        if headers.get("connection", "").lower() == "close":
            self.close()
        return Answer(int(status.split()[1]), headers, body)

    def close(self):
        if self.writer is not None:
            self.writer.close()
        self.reader = self.writer = None
