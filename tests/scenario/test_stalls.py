"""A machine that stands still for a while: no node is held to have been silent for it."""

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


def stall(cqrsd, node, cqrsd_too):
    """The node answers again at once when cqrsd does."""
    node.sigstop()
    try:
        rest_now(ASKED_S)
        if cqrsd_too:
            os.kill(cqrsd.pid, signal.SIGSTOP)
        try:
            rest_now(STALL_S)
        finally:
            os.kill(cqrsd.pid, signal.SIGCONT)
        # Its monitor has been woken by then, too.
        until(lambda: cqrsd.metrics().sum("cqrsd_http_connections") is not None, "cqrsd to run")
    finally:
        node.sigcont()
    until(lambda: cqrsd.node(node.address)["in_rotation"], "the node to be in rotation", 20)


def test_a_node_that_stands_still_together_with_us_is_kept(start_cqrsd, cluster):
    cqrsd = start_cqrsd(**OPTIONS)

    stall(cqrsd, cluster.replica(1), cqrsd_too=True)

    assert not lost(cqrsd, cluster.replica(1))


def test_one_that_stands_still_alone_is_lost(start_cqrsd, cluster):
    cqrsd = start_cqrsd(**OPTIONS)

    stall(cqrsd, cluster.replica(1), cqrsd_too=False)

    assert lost(cqrsd, cluster.replica(1))
