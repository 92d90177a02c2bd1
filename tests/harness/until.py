"""Asking until a deadline. The only file of the tests that may sleep."""

import asyncio
import os
import time

SLOW = float(os.environ.get("SLOW", "1"))
SHORTEST_PAUSE_S, LONGEST_PAUSE_S = 0.02, 0.25


def slowly(duration_s):
    """How long something may take; more where SLOW=5 says that a sanitizer slows everything."""
    return duration_s * SLOW


class TooLate(AssertionError):
    """What was waited for did not happen in time."""


class Never(Exception):
    """What may not be for a moment."""


def always(holds, told=""):
    """What is to hold of each answer: within a question an assertion counts as "not yet"."""
    if not holds:
        raise Never(told)


def until(question, what="an answer", deadline_s=10.0, every_s=None):
    """Ask until the answer is true and hand it back; after the deadline say what never came.

    An assertion that fails inside the question counts as "not yet" and is told at the end; what
    always() says ends it.
    Without every_s the pauses grow, from 20 ms to a tenth of what was waited and no more than a
    quarter of a second: a question may cost a process.
    """
    deadline_s = slowly(deadline_s)
    began = time.monotonic()
    deadline = began + deadline_s
    while True:
        why = None
        try:
            answer = question()
            if answer:
                return answer
        except AssertionError as failure:
            why = failure
        if time.monotonic() >= deadline:
            told = f": {why}" if why else ""
            raise TooLate(f"waited {deadline_s} s in vain for {what}{told}")
        time.sleep(every_s or pause_s(time.monotonic() - began))


def pause_s(waited_s):
    return min(max(waited_s / 10, SHORTEST_PAUSE_S), LONGEST_PAUSE_S)


def beats(duration_s, every_s):
    """Yield once per beat for a while: the rhythm of a test that disturbs something under load."""
    end = time.monotonic() + duration_s
    while time.monotonic() < end:
        yield
        time.sleep(every_s)


def rest_now(duration_s):
    """How long a fault lasts, or a breath between two."""
    time.sleep(max(0, duration_s))


async def rest(duration_s):
    """A client's breath before it tries again; other clients go on meanwhile."""
    await asyncio.sleep(duration_s)
