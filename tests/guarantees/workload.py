"""Many sessions that write and read registers through cqrsd, and a record of every call.

A session is one client with one means of its own: the user header on one instance, tokens on any
instance, or both; a roaming one has the user header alone and goes to any instance with each call
(--sessions cluster); the crowd is another user with each call and expects nothing. Values are
unique, versions are counted by PostgreSQL, so that a record tells by itself what was seen. Clients
behave as docs/http.md asks for: they keep the newest token, take the new one after `write-lost`,
repeat a command with its key until they know the truth, and never repeat one without a key.

Where tables are watched, some registers are in a table of their own that is seldom written: most of
the reads of it need less of a replica than the read index (docs/consistency.md, "By table").

A record is a dict: session, kind, user, instance, op (write, read, read_all), level, key, value,
start and end (monotonic ns), outcome (ok, failed: certainly without effect, unknown), status, code,
seen ({key: [version, value]} of an ok), tokened (a token was sent), keyed, node, role, reason.
"""

import asyncio
import json
import random
import re
import time

from harness.until import rest

CONTENT_LENGTH = re.compile(rb"\r\n[Cc]ontent-[Ll]ength: *(\d+)")
CALL_TIMEOUT_S = 8
SHARED = 6
QUIET = "quiet"  # how keys of the other table begin
KINDS = ("header", "token", "both", "token", "both", "moving", "crowd")
ROAMING = ("roaming", "roaming", "roaming", "crowd")
NO_TOKEN = ("header", "roaming", "crowd")
# What says that a command had no effect; outcome-unknown is the only answer that does not.
UNKNOWN = "outcome-unknown"


class NotSent(Exception):
    """Nothing has reached the other side."""


class NoAnswer(Exception):
    """It was sent, and nobody told what became of it."""


class Link:
    """One keep-alive connection to one instance."""

    def __init__(self, address):
        self.host, _, port = address.rpartition(":")
        self.port = int(port)
        self.reader = self.writer = None

    async def call(self, method, target, headers, body):
        content = b"" if body is None else json.dumps(body).encode()
        lines = [f"{method} {target} HTTP/1.1", f"Host: {self.host}:{self.port}",
                 *(f"{name}: {value}" for name, value in headers.items())]
        if body is not None:
            lines += ["Content-Type: application/json", f"Content-Length: {len(content)}"]
        if self.writer is None:
            try:
                self.reader, self.writer = await asyncio.wait_for(
                    asyncio.open_connection(self.host, self.port), 2)
            except (OSError, asyncio.TimeoutError) as failure:
                raise NotSent(str(failure)) from failure
        try:
            self.writer.write("\r\n".join(lines).encode() + b"\r\n\r\n" + content)
            return await asyncio.wait_for(self._answer(), CALL_TIMEOUT_S)
        except (OSError, asyncio.IncompleteReadError, asyncio.TimeoutError) as failure:
            self.close()
            raise NoAnswer(repr(failure)) from failure

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
        return int(status.split()[1]), headers, json.loads(body) if body else {}

    def close(self):
        if self.writer is not None:
            self.writer.close()
        self.reader = self.writer = None


class Session:
    """One client."""

    def __init__(self, work, number):
        self.work = work
        self.number = number
        self.random = random.Random(f"{work.seed}/{number}")
        self.kind = work.kinds[number % len(work.kinds)]
        self.instance = number % len(work.addresses)
        self.user = None if self.kind in ("token", "moving") else f"u{number}"
        self.keys = number % 2 == 1
        self.links = [Link(address) for address in work.addresses]
        self.token = None
        self.count = 0

    def value(self):
        self.count += 1
        return f"s{self.number}-{self.count}"

    async def run(self):
        while not self.work.over():
            if self.work.quiet():
                await rest(0.05)
                continue
            await self.one()
            if not (self.kind == "crowd" and self.work.crowded):
                await rest(self.random.random() * 2 * self.work.pause_s)
        for link in self.links:
            link.close()

    async def one(self):
        if self.kind == "crowd":
            self.user = f"crowd{self.random.randrange(10**6)}"
        if self.work.watched and self.random.random() < 0.25:
            await self.one_quiet()
            return
        if self.kind == "roaming" or self.kind == "moving" and self.random.random() < 0.5:
            self.instance = self.random.randrange(len(self.links))
        own = f"k{self.number}"
        shared = f"shared{self.random.randrange(SHARED)}"
        dice = 0 if self.kind == "crowd" and self.work.crowded else self.random.random()
        if dice < 0.30:
            await self.write("write", own)
        elif dice < 0.62:
            await self.call("read", own)
        elif dice < 0.68:
            await self.write("write", shared)
        elif dice < 0.78:
            await self.call("read", shared)
        elif dice < 0.86:
            await self.call("read_all", None)
        elif dice < 0.92:
            await self.call("read", self.random.choice([own, shared]), level="strong")
        elif dice < 0.96:
            await self.call("read", own, level="eventual")
        else:
            await self.write(self.random.choice(["write_and_raise", "write_and_fail_late"]), own)

    async def one_quiet(self):
        if self.kind == "roaming":
            self.instance = self.random.randrange(len(self.links))
        key = f"{QUIET}{self.random.randrange(SHARED)}"
        if self.random.random() < 0.1:
            await self.write("write", key)
        else:
            await self.call("read", key, level=self.random.choice([None, "strong"]))

    async def write(self, name, key):
        """With a key of its own: again until the truth is known; without: once."""
        value = self.value()
        while True:
            record = await self.call(name, key, value)
            if record["outcome"] == "ok" or not self.keys or self.work.over():
                return
            if record["outcome"] == "failed" and (record["status"] or 0) < 500 and record[
                    "code"] not in ("idempotency-in-progress", "write-lost"):
                return
            await rest(0.05 + self.random.random() * 0.1)

    async def call(self, name, key, value=None, level=None):
        command = name.startswith("write")
        headers = {}
        if self.user:
            headers["X-User-Id"] = self.user
        if self.token and self.kind not in NO_TOKEN:
            headers["Consistency-Token"] = self.token
        if level:
            headers["Consistency"] = level
        if command and self.keys:
            headers["Idempotency-Key"] = value
        record = {"session": self.number, "kind": self.kind, "user": self.user,
                  "instance": self.instance, "op": name, "level": level or "session",
                  "key": key, "value": value, "tokened": "Consistency-Token" in headers,
                  "keyed": command and self.keys}
        table = "_quiet" if (key or "").startswith(QUIET) else ""
        if command:
            ask = ("POST", f"/v1/commands/{name}{table}", headers, {"key": key, "value": value})
        elif key is None:
            ask = ("GET", f"/v1/queries/{name}", headers, None)
        else:
            # Half of the reads of one key are lookups: what is promised is the same.
            asked = name + table + self.random.choice(["", "_looked_up"])
            ask = ("GET", f"/v1/queries/{asked}?key={key}", headers, None)
        record["start"] = time.monotonic_ns()
        try:
            answer = await self.links[self.instance].call(*ask)
        except NotSent as failure:
            record |= {"outcome": "failed", "status": None, "code": "not-sent", "why": str(failure)}
        except NoAnswer as failure:
            record |= {"outcome": "unknown", "status": None, "code": "no-answer",
                       "why": str(failure)}
        else:
            self.take(record, *answer)
        record["end"] = time.monotonic_ns()
        self.work.note(record)
        if record["status"] is None or record["status"] >= 500:
            await rest(0.02 + self.random.random() * 0.05)
        return record

    def take(self, record, status, headers, body):
        record["status"] = status
        record["code"] = body.get("code") if isinstance(body, dict) else None
        record["replayed"] = "idempotent-replayed" in headers
        for part in headers.get("consistency", "").split(";"):
            name, _, text = part.partition("=")
            if name in ("node", "role", "reason"):
                record[name] = text.strip('"')
        if headers.get("consistency-token"):
            self.token = headers["consistency-token"]
        if status == 200:
            rows = body["data"]
            rows = rows if isinstance(rows, list) else [] if rows is None else [rows]
            record["outcome"] = "ok"
            record["seen"] = {row["key"]: [row["version"], row["value"]] for row in rows}
        else:
            record["outcome"] = "unknown" if record["code"] == UNKNOWN else "failed"


class Workload:
    """Sessions against instances until the time is over; the records in the order of their ends."""

    def __init__(self, addresses, seed, sessions=40, pause_s=0.02, crowded=False,
                 quiet=lambda: False, kinds=KINDS, watched=False):
        """crowded: the crowd writes as fast as it can, so that few users are remembered long.
        quiet: whether all rest now."""
        self.watched = watched
        self.addresses = addresses
        self.seed = seed
        self.pause_s = pause_s
        self.crowded = crowded
        self.quiet = quiet
        self.kinds = kinds
        self.sessions = [Session(self, number) for number in range(sessions)]
        self.records = []
        self.end_ns = None

    def over(self):
        return time.monotonic_ns() >= self.end_ns

    def note(self, record):
        self.records.append(record)

    def run(self, seconds):
        self.end_ns = time.monotonic_ns() + int(seconds * 1e9)
        asyncio.run(self._run())
        return self.records

    async def _run(self):
        await asyncio.gather(*(session.run() for session in self.sessions))
