"""A machine that stands still for a while: no node is held to have been silent for it."""

import contextlib
import os
import signal

from harness.until import rest_now, until

# A conn ends after 3 s without an answer, even if cqrsd itself stood still.
TIMEOUT_MS = 1200
ASKED_S = 0.3  # by then the status query is out: they are 100 ms apart
STALL_S = 1.3
OPTIONS = {"lag_strikes": 1, "status_timeout_ms": TIMEOUT_MS, "max_lag_ms": 600000}


def lost(cqrsd, node):
    return [line for line in cqrsd.log_text().splitlines()
            if node.address in line and '"no answer' in line]


@contextlib.contextmanager
def stopped(node):
    node.sigstop()
    try:
        yield
    finally:
        node.sigcont()


def in_rotation(cqrsd, node):
    until(lambda: cqrsd.node(node.address)["in_rotation"], "the node to be in rotation", 20)


def test_a_node_that_stands_still_together_with_us_is_kept(start_cqrsd, cluster):
    cqrsd = start_cqrsd(**OPTIONS)
    node = cluster.replica(1)

    with stopped(node):
        rest_now(ASKED_S)
        os.kill(cqrsd.pid, signal.SIGSTOP)
        try:
            rest_now(STALL_S)
        finally:
            os.kill(cqrsd.pid, signal.SIGCONT)
        # Its monitor has been woken by then, too. The node answers again at once.
        until(lambda: cqrsd.metrics().sum("cqrsd_http_connections") is not None, "cqrsd to run")
    in_rotation(cqrsd, node)

    assert not lost(cqrsd, node)


def test_one_that_stands_still_alone_is_lost(start_cqrsd, cluster):
    """On a machine that stands still itself, the count may begin again a few times."""
    cqrsd = start_cqrsd(**OPTIONS)
    node = cluster.replica(1)

    with stopped(node):
        until(lambda: lost(cqrsd, node), "the node to be lost", 20)
    in_rotation(cqrsd, node)
