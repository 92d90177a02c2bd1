"""Many clients at once: raw HTTP/1.1 on asyncio, in a thread of its own beside the test."""

import asyncio
import json
import re
import threading

from .client import Answer
from .until import slowly

CONTENT_LENGTH = re.compile(rb"\r\n[Cc]ontent-[Ll]ength: *(\d+)")


class Lost(Exception):
    """The connection ended before the answer did."""


class Connection:
    """One keep-alive connection; connects when needed."""

    def __init__(self, address):
        self.host, _, port = address.rpartition(":")
        self.port = int(port)
        self.reader = self.writer = None

    async def request(self, method, target, body=None, headers=None):
        lines = [f"{method} {target} HTTP/1.1", f"Host: {self.host}:{self.port}"]
        lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
        content = b""
        if body is not None:
            content = json.dumps(body).encode()
            lines += ["Content-Type: application/json", f"Content-Length: {len(content)}"]
        try:
            if self.writer is None:
                self.reader, self.writer = await asyncio.open_connection(self.host, self.port)
            self.writer.write("\r\n".join(lines).encode() + b"\r\n\r\n" + content)
            head = await self.reader.readuntil(b"\r\n\r\n")
            length = CONTENT_LENGTH.search(head)
            body = await self.reader.readexactly(int(length[1])) if length else b""
        except (OSError, asyncio.IncompleteReadError) as failure:
            self.close()
            raise Lost(str(failure)) from failure
        headers = {}
        status, *fields = head.decode("latin-1").split("\r\n")
        for line in fields:
            name, _, value = line.partition(":")
            headers[name.lower()] = value.strip()
        if headers.get("connection", "").lower() == "close":
            self.close()
        return Answer(int(status.split()[1]), headers, body)

    async def command(self, name, user, **params):
        return await self.request("POST", f"/v1/commands/{name}", params, {"X-User-Id": user})

    async def query(self, target, user=None, consistency=None):
        """target: name and query string, ready made."""
        headers = {"X-User-Id": user} if user else {}
        if consistency:
            headers["Consistency"] = consistency
        return await self.request("GET", f"/v1/queries/{target}", headers=headers)

    def close(self):
        if self.writer is not None:
            self.writer.close()
        self.reader = self.writer = None


class Load:
    """Workers that ask until they are done or told to stop, while the test does something else.

    client(load, number, connection) is a coroutine; it looks at load.stopping between requests.
    """

    def __init__(self, address, client, clients=16):
        self.address = address
        self.client = client
        self.clients = clients
        self.stopping = False
        self.failure = None
        self.thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, kind, *_):
        self.stopping = True
        self.finish(raising=kind is None)

    def check(self):
        """Raise what a worker failed of: a test that waits for its work would wait in vain."""
        if self.failure:
            raise self.failure

    @property
    def running(self):
        return self.thread.is_alive()

    def finish(self, deadline_s=300, raising=True):
        """Wait for all workers; the first failure of one is raised here."""
        deadline_s = slowly(deadline_s)
        self.thread.join(deadline_s)
        assert not self.thread.is_alive(), f"clients still wait for answers after {deadline_s} s"
        if raising:
            self.check()

    def _run(self):
        try:
            asyncio.run(self._work())
        except BaseException as failure:
            self.failure = failure

    async def _work(self):
        connections = [Connection(self.address) for _ in range(self.clients)]
        work = [asyncio.ensure_future(self.client(self, number, connection))
                for number, connection in enumerate(connections)]
        try:
            await asyncio.gather(*work)
        finally:
            for task in work:
                task.cancel()
            for connection in connections:
                connection.close()
