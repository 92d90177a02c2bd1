# SPDX-License-Identifier: Apache-2.0
"""What happened in one run, as a file: JSON lines, one object each, with its kind as its only key.

    {"header": {...}}   first line, once: format, seed, options, sessions {name: kind}
    {"call": {...}}     one request of one session, noted when it ended
    {"event": {...}}    something that was done to the system; begins and ends like a call
    {"final": {...}}    last, once: what is stored when all is over

Times are nanoseconds of the monotonic clock, which all processes of one machine share.

A call:
    session, kind       who asked; known by what: "header" (the user header, always the same
                        instance), "token" (tokens, any instance) or "both"
    op, keys, level     operation, the keys it is about; for queries eventual, session or strong
    value, effect       of a command: what it intends, and the name that this attempt leaves in the
                        log. Both are unique in the history, but for repeats with the same key
    idempotency_key     or null; attempt: counts from 1 the requests with the same intention
    instance            number of the instance that was asked
    start, end
    outcome             "ok"; "failed": certainly without effect; "unknown": nobody said
    status, code        of the answer; null where there was none ("not-sent", "no-answer" as code)
    data                of an ok: {key: [version, [effect, ...]]}, the newest effect first, no more
                        than TAIL of them: what the register (or counter) was at that moment
    served              {"node", "role", "reason"} as the Consistency header tells; null without it
    tokens_in           list of the tokens that were sent; token_out: that of the answer, or null
    replayed            the answer is a stored one of an earlier attempt

An event: name, start, end, and what else is worth knowing. Any name may be used. The checker knows
    promotion           from before the first standby is kept from receiving or the old primary is
                        touched, until the new one takes commands
    restart             of an instance ("instance": number); start: when the process was ended;
                        end: a moment before its successor was started

The final state: {"log": [[key, version, value, effect], ...], "registers": {key: [version, tail]}}.
"""

import json
import threading
import time

FORMAT = 1
TAIL = 6
SESSION_KINDS = ("header", "token", "both")
KINDS = ("header", "call", "event", "final")


def now():
    """Nanoseconds of the clock of all records."""
    return time.monotonic_ns()


class History:
    """A history file that is being written; any thread may note something."""

    def __init__(self, path, seed, sessions, **options):
        self.path = path
        self.calls = 0
        self.lock = threading.Lock()
        self.file = open(path, "w", encoding="utf-8")
        self._note("header", {"format": FORMAT, "seed": seed, "sessions": sessions,
                              "options": options, "start": now()})

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def call(self, record):
        self.calls += 1
        self._note("call", record)

    def event(self, name, start=None, end=None, **more):
        """Something that was done. Without times: now."""
        moment = now()
        start = moment if start is None else start
        end = moment if end is None else end
        self._note("event", {"name": name, "start": start, "end": end, **more})

    def during(self, name, **more):
        """with history.during("promotion"): notes an event that lasts as long as the block."""
        return During(self, name, more)

    def final(self, state):
        self._note("final", state)

    def close(self):
        self.file.close()

    def _note(self, kind, record):
        line = json.dumps({kind: record}, separators=(",", ":"), default=str)
        with self.lock:
            self.file.write(line + "\n")


class During:
    """An event that lasts as long as a block, also one that fails."""

    def __init__(self, history, name, more):
        self.history, self.name, self.more = history, name, more
        self.start = None

    def __enter__(self):
        self.start = now()
        return self

    def __exit__(self, kind, failure, _):
        more = dict(self.more, failure=repr(failure)) if kind else self.more
        self.history.event(self.name, self.start, now(), **more)


def read(path):
    """The records of a file, each {kind: record}. A line that is none is a ValueError with its
    number; a last line that was cut off (its writer was killed) is left out."""
    records = []
    with open(path, encoding="utf-8") as file:
        for number, line in enumerate(file, 1):
            if not line.endswith("\n"):
                break
            try:
                record = json.loads(line)
                (kind,) = record
            except (ValueError, TypeError) as failure:
                raise ValueError(f"{path}:{number}: not a record: {failure}") from failure
            if kind not in KINDS:
                raise ValueError(f"{path}:{number}: {kind!r} is no kind of record")
            records.append(record)
    if not records or "header" not in records[0]:
        raise ValueError(f"{path}: no header in the first line")
    if records[0]["header"]["format"] != FORMAT:
        raise ValueError(f"{path}: format {records[0]['header']['format']}, not {FORMAT}")
    return records


def write(path, records):
    with open(path, "w", encoding="utf-8") as file:
        file.writelines(json.dumps(record, separators=(",", ":")) + "\n" for record in records)
