# SPDX-License-Identifier: Apache-2.0
"""Sessions that write and read registers through cqrsd, and a history of every call.

    run_workload(addresses, seed, seconds, sessions, history_path, disturb=..., final=...)

A session is one client with means of its own (history.SESSION_KINDS). It behaves as docs/http.md
asks for: it keeps the newest token, and takes the new one after `write-lost`; it repeats a command
that has a key until it knows the truth, and never repeats one without a key after an unknown
outcome. What a session does next is drawn from the seed; what it is answered is not, so that a seed
repeats the intentions of a run and not the run.
"""

import asyncio
import random
import threading
import time

from harness.client import encode_query
from harness.until import rest, slowly

from . import final as final_state
from .history import SESSION_KINDS, History, now
from .wire import Link, NoAnswer, NotSent

REGISTERS = [f"r{number}" for number in range(16)]
COUNTERS = [f"c{number}" for number in range(4)]
# How often what is done, of 100.
SHARES = {"put": 26, "put.strictly": 4, "put.both": 7, "add": 8, "put.raise": 2, "put.conflict": 2,
          "put.late": 2, "read": 20, "read.many": 14, "read.stale": 5, "strong": 6, "eventual": 4}
FAILING = {"put.raise", "put.conflict", "put.late"}
COMMANDS = {"put", "put.strictly", "put.both", "add"} | FAILING
# Answers of a command that HAS taken effect, or may have: every other problem says it has not.
NOT_CERTAIN = {"outcome-unknown", "unexpected-cardinality", "result-too-large"}
TRIES_UNKEYED = 3
LAST_WORDS_S = 40


class Session:
    """One client."""

    def __init__(self, work, number):
        self.work = work
        self.name = f"s{number}"
        self.kind = SESSION_KINDS[number % len(SESSION_KINDS)]
        self.random = random.Random(f"{work.seed}/{number}")
        self.instance = number // len(SESSION_KINDS) % len(work.addresses)
        self.links = [Link(address) for address in work.addresses]
        self.user = f"{work.seed}.{self.name}" if self.kind != "token" else None
        self.own = self.random.sample(REGISTERS, 3) + [self.random.choice(COUNTERS)]
        self.tokens = []
        self.count = 0

    async def run(self):
        while not self.work.over():
            await self.one()
            await rest(self.random.random() * 2 * self.work.think_s)

    async def one(self):
        """One intention; drawn as a whole first, whatever its answers will be."""
        self._move()
        (op,) = self.random.choices(list(SHARES), SHARES.values())
        keys = self._keys(op)
        keyed = self.random.random() < self.work.keyed
        gift = self.work.gift if self.random.random() < 0.1 else None
        if op in COMMANDS:
            await self.command(op, keys, keyed, gift)
        elif op in ("strong", "eventual"):
            await self.call("read.many" if len(keys) > 1 else "read", keys, level=op, gift=gift)
        else:
            await self.call(op, keys, level="session", gift=gift)

    def _move(self):
        if self.kind != "header" and self.random.random() < 0.3:
            self.instance = self.random.randrange(len(self.links))

    def _keys(self, op):
        if op == "add":
            return [self.random.choice([self.own[3], self.random.choice(COUNTERS)])]
        near = self.own if op not in COMMANDS else self.own[:3]
        everywhere = REGISTERS if op in COMMANDS else REGISTERS + COUNTERS
        key = self.random.choice(near if self.random.random() < 0.7 else everywhere)
        if op == "put.both":
            first = int(key[1:]) & ~1
            return [f"r{first}", f"r{first + 1}"]
        if op == "read.many" or (op == "strong" and self.random.random() < 0.5):
            partners = [f"r{int(k[1:]) ^ 1}" for k in self.own[:3]]
            return sorted({key, *self.own, *partners})
        return [key]

    # Commands

    async def command(self, op, keys, keyed, gift):
        """Again until the truth is known with a key; without one, while nothing has happened."""
        self.count += 1
        value = f"{self.name}.{self.count}"
        attempt = 0
        while True:
            attempt += 1
            # A repeat with the same key is the same request, so it has the same name.
            effect = value if keyed else f"{value}/{attempt}"
            record = await self.call(op, keys, value=value, effect=effect, attempt=attempt,
                                     key=f"{self.work.seed}-{value}" if keyed else None, gift=gift)
            gift = None
            if record["outcome"] == "ok" or self._settled(record, keyed, attempt):
                return
            await rest(0.03 + self.random.random() * 0.1)

    def _settled(self, record, keyed, attempt):
        if keyed and record["code"] in ("write-lost", "idempotency-in-progress"):
            return self.work.too_late()
        again = record["status"] is None or record["status"] >= 500 or record["code"] in (
            "serialization-failure", "lock-not-available")
        if keyed:
            return not again or self.work.too_late()
        return not again or record["outcome"] == "unknown" or attempt == TRIES_UNKEYED

    # One call

    async def call(self, op, keys, level=None, value=None, effect=None, attempt=1, key=None,
                   gift=None):
        tokens = self._tokens(gift)
        headers = {}
        if self.user:
            headers["X-User-Id"] = self.user
        if tokens:
            headers["Consistency-Token"] = ", ".join(tokens)
        if level in ("strong", "eventual"):
            headers["Consistency"] = level
        if key:
            headers["Idempotency-Key"] = key
        record = {"session": self.name, "kind": self.kind, "op": op, "keys": keys, "level": level,
                  "value": value, "effect": effect, "idempotency_key": key, "attempt": attempt,
                  "instance": self.instance, "start": now(), "end": 0, "outcome": "unknown",
                  "status": None, "code": None, "data": None, "served": None,
                  "tokens_in": tokens, "token_out": None, "replayed": False}
        try:
            answer = await self.links[self.instance].ask(
                *self._request(op, keys, value, effect, headers))
        except NotSent:
            record |= {"outcome": "failed", "code": "not-sent"}
        except NoAnswer:
            record |= {"code": "no-answer"}
        else:
            self._take(record, answer)
        record["end"] = now()
        self.work.history.call(record)
        await self._after(record)
        return record

    def _tokens(self, gift):
        if self.kind == "header":
            return []
        return self.tokens + [gift] if gift and gift not in self.tokens else list(self.tokens)

    def _request(self, op, keys, value, effect, headers):
        several = op in ("put.both", "read.many")
        params = {"keys": keys} if several else {"key": keys[0]}
        if op not in COMMANDS:
            return "GET", f"/v1/queries/{op}?{encode_query(params)}", headers
        params |= {"value": value, "attempt": effect}
        if op != "add":
            params["session"] = self.name
        return "POST", f"/v1/commands/{op}", headers, params

    def _take(self, record, answer):
        record["status"] = answer.status
        record["token_out"] = answer.token
        record["replayed"] = "idempotent-replayed" in answer.headers
        if "consistency" in answer.headers:
            served = answer.served_by
            record["served"] = {"node": served.node, "role": served.role, "reason": served.reason}
        if answer.status == 200:
            rows = answer.data if isinstance(answer.data, list) else [answer.data]
            record["data"] = {row["key"]: [row["version"], row["tail"]] for row in rows}
            record["outcome"] = "ok"
        else:
            record["code"] = answer.json.get("code")
            record["outcome"] = "unknown" if record["code"] in NOT_CERTAIN else "failed"

    async def _after(self, record):
        """Keeps the token; a stale answer's beside the one it did not cover."""
        token = record["token_out"]
        if token and (record["outcome"] == "ok" or record["code"] == "write-lost"):
            stale = record["served"] and record["served"]["reason"] == "stale"
            self.tokens = [*self.tokens[:1], token] if stale else [token]
            if self.kind != "header":
                self.work.gift = token
        if record["status"] is None or record["status"] >= 500:
            if self.kind != "header":
                self.instance = self.random.randrange(len(self.links))
            await rest(0.02 + self.random.random() * 0.08)

    async def last_words(self):
        """Looks at everything once more, so that whoever lost something is told or sees it."""
        for level in ("session", "strong"):
            while True:
                record = await self.call("read.many", REGISTERS + COUNTERS, level=level)
                if record["outcome"] == "ok" or self.work.too_late():
                    break
        for link in self.links:
            link.close()


class Workload:
    """Sessions against instances; run() as often as needed, then last_words() once."""

    def __init__(self, addresses, seed, sessions, history, keyed=0.5, think_s=0.005):
        """addresses: one per instance, each "host:port" or a function that returns that.
        keyed: share of commands with an Idempotency-Key. think_s: mean pause between calls."""
        self.addresses = list(addresses)
        self.seed = seed
        self.history = history
        self.keyed = keyed
        self.think_s = think_s
        self.gift = None
        self.end = 0.0
        self.sessions = [Session(self, number) for number in range(sessions)]

    def over(self):
        return time.monotonic() >= self.end

    def too_late(self):
        """Not even what has begun is repeated any more."""
        return time.monotonic() >= self.end + slowly(LAST_WORDS_S)

    def run(self, seconds):
        self._all(seconds, lambda session: session.run())

    def last_words(self):
        self._all(0, lambda session: session.last_words())

    def _all(self, seconds, what):
        self.end = time.monotonic() + seconds

        async def together():
            try:
                await asyncio.gather(*(what(session) for session in self.sessions))
            finally:
                # The next loop cannot go on with connections of this one.
                for session in self.sessions:
                    for link in session.links:
                        link.close()
        asyncio.run(together())


class Disturbance(threading.Thread):
    """What is done to the system meanwhile; what fails in it is raised when it is over."""

    def __init__(self, disturb, history):
        super().__init__(daemon=True)
        self.disturb, self.history = disturb, history
        self.failure = None

    def run(self):
        try:
            self.disturb(self.history)
        except BaseException as failure:
            self.failure = failure

    def finish(self):
        self.join()
        if self.failure:
            raise self.failure


def run_workload(addresses, seed, seconds, sessions, history_path, disturb=None, final=None,
                 **options):
    """Writes the history of a run to a file, and returns the number of calls.

    addresses   one per instance: "host:port", or a function that says where it is now
    disturb     disturb(history) runs in a thread of its own beside the load; it notes its events in
                the history, and has healed everything when it returns
    final       final() returns the final state, from the database itself (final.of_node); without
                it cqrsd is asked
    options     of Workload
    """
    kinds = {f"s{number}": SESSION_KINDS[number % len(SESSION_KINDS)] for number in range(sessions)}
    with History(history_path, seed, kinds, instances=len(addresses), seconds=seconds,
                 **options) as history:
        work = Workload(addresses, seed, sessions, history, **options)
        disturbance = Disturbance(disturb or (lambda history: None), history)
        disturbance.start()
        work.run(seconds)
        disturbance.finish()
        work.last_words()
        history.final(final() if final else final_state.of_service(work.addresses))
    return history.calls
