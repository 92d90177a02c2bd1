"""Jobs: their states as server-sent events."""

import contextlib
import http.client
import json

import pytest
from harness.service import Service
from harness.until import until

from .conftest import options_for
from .job_fixtures import catalog  # noqa: F401
from .test_jobs_tell import CATALOG, accept, ask, behind, effects, primary  # noqa: F401


@pytest.fixture
def worker(effects, shop_cluster, catalog):  # noqa: F811
    service = Service(**options_for(shop_cluster, catalog,
                                    {"auth": "none", "workers": 2, "loops": 2}))
    service.start()
    yield service
    service.close()


@contextlib.contextmanager
def follow(cqrsd, job, **headers):
    """The reply of one who follows the job, its head read."""
    connection = http.client.HTTPConnection(cqrsd.client.host, cqrsd.client.port, timeout=20)
    try:
        connection.request("GET", f"/v1/jobs/{job}/events",
                           headers={"X-User-Id": "ann", **headers})
        yield connection.getresponse()
    finally:
        connection.close()


def event(reply):
    """The next event, as a dict; None: the reply is whole."""
    fields = {}
    while line := reply.readline().decode():
        if line == "\n":
            if fields:
                return fields
            continue
        name, _, value = line.rstrip("\n").partition(": ")
        if not line.startswith(":"):
            fields[name] = value
    return None


def job_of(fields):
    assert fields["event"] == "state"
    return json.loads(fields["data"])["job"]


def states(reply):
    seen = []
    while fields := event(reply):
        seen.append(job_of(fields)["state"])
    return seen


def pause(primary):  # noqa: F811
    primary.sql("INSERT INTO cqrsd.job_pause (command, paused_by) VALUES ('*', 'me')")


def test_the_states_of_a_job_come_as_they_are(worker, primary):  # noqa: F811
    pause(primary)
    job = accept(worker, 7, name="blocked")
    with follow(worker, job) as reply:
        with primary.open_transaction("SELECT pg_advisory_xact_lock(17)"):
            assert reply.status == 200 and reply.headers["content-type"] == "text/event-stream"
            assert job_of(event(reply))["state"] == "queued"
            primary.sql("DELETE FROM cqrsd.job_pause")
            assert job_of(event(reply))["state"] == "running"
        # One that did not run alone may have been put back.
        while (last := event(reply))["id"] != "end":
            assert job_of(last)["state"] in ("queued", "running"), last
        assert job_of(last)["state"] == "done" and job_of(last)["token"], last
        assert event(reply) is None


def test_who_has_the_last_state_is_sent_what_follows(worker, primary):  # noqa: F811
    pause(primary)
    job = accept(worker, 7)
    with follow(worker, job) as reply:
        known = event(reply)["id"]
    with follow(worker, job, **{"Last-Event-ID": known}) as reply:
        primary.sql("DELETE FROM cqrsd.job_pause")
        assert event(reply)["id"] != known
        # One event may have been all; else it ends with the last one.
        assert states(reply)[-1:] in ([], ["done"])
    with follow(worker, job, **{"Last-Event-ID": "end"}) as reply:
        assert reply.status == 204 and reply.read() == b""


def test_a_job_that_has_ended_is_one_event(worker, primary):  # noqa: F811
    job = accept(worker, 7)
    assert ask(worker, job, "wait=5").json["job"]["state"] == "done"
    with follow(worker, job) as reply:
        assert states(reply) == ["done"]


def test_a_job_of_another_user_has_no_events(worker, primary):  # noqa: F811
    job = accept(worker, 7)
    with follow(worker, job, **{"X-User-Id": "bob"}) as reply:
        assert reply.status == 404 and json.loads(reply.read())["code"] == "not-found"


def test_who_goes_away_leaves_nothing_behind(worker, primary):  # noqa: F811
    pause(primary)
    job = accept(worker, 7)
    for _ in range(20):
        with follow(worker, job) as reply:
            assert job_of(event(reply))["state"] == "queued"
    until(lambda: worker.metrics().sum("cqrsd_http_requests_in_flight") == 0)


def test_the_end_of_the_service_ends_the_events(worker, primary):  # noqa: F811
    pause(primary)
    job = accept(worker, 7)
    with follow(worker, job) as reply:
        assert job_of(event(reply))["state"] == "queued"
        worker.terminate()
        assert event(reply) is None
    assert worker.wait() == 0
