"""Thousands of malformed requests and catalogs: each is refused, nothing breaks, nothing grows.

MALFORMED=30000 sends that many requests; SEED picks other ones.
"""

import json
import os
import re
from concurrent.futures import ThreadPoolExecutor

import pytest
from harness import bad_catalogs, garbage
from harness.client import answers_in
from harness.service import run
from harness.until import until

COUNT = int(os.environ.get("MALFORMED", "3000"))
SEED = int(os.environ.get("SEED", "1"))
SENDERS = 4
GROWTH_MAX = 16 << 20
SANITIZED = "SANITIZER_LOG_DIR" in os.environ
SAYS = re.compile(r"^\S*\.sql:\d+:\d+: error: \S", re.MULTILINE)
# A file that is too large is not read: nothing in it has a place.
SAYS_OF_A_FILE = re.compile(r"^\S*\.sql(:\d+:\d+)?: error: \S", re.MULTILINE)


def complaint(cqrsd, request):
    """What is wrong with the answer to a malformed request; None when nothing is."""
    with cqrsd.raw(timeout_s=20) as raw:
        raw.send(request.data)
        if not request.whole:
            try:
                raw.socket.shutdown(1)
            except OSError:
                pass
        try:
            received = raw.until_closed()
        except TimeoutError:
            return f"neither an answer nor the end of the connection: {request}"
    try:
        answers = answers_in(received)
    except AssertionError as failure:
        return f"{failure}: {request}"
    for answer in answers:
        # 505 where several requests were broken at once: libmicrohttpd's own answer.
        if not 400 <= answer.status < 500 and not (request.framing and answer.status == 505):
            return f"{answer} to {request}"
        if not request.framing:
            try:
                assert answer.problem["detail"]
            except (AssertionError, KeyError, json.JSONDecodeError) as failure:
                return f"{failure!r}: {answer} to {request}"
    if not answers and not request.framing:
        return f"no answer to {request}"
    return None


def send_all(cqrsd, count, seed):
    """Every complaint; the first hundred are enough."""
    complaints = []
    with ThreadPoolExecutor(SENDERS) as pool:
        for said in pool.map(lambda one: complaint(cqrsd, one), garbage.requests(count, seed)):
            if said and len(complaints) < 100:
                complaints.append(said)
    return complaints


def test_malformed_requests_are_refused_and_leave_nothing_behind(cqrsd, cluster, capsys):
    before = cluster.primary.sql("SELECT count(*), (SELECT sum(stock) FROM products) FROM orders")
    complaints = send_all(cqrsd, 500, SEED + 1)
    until(lambda: cqrsd.metrics().sum("cqrsd_http_requests_in_flight") == 0, "rest")
    fds, rss = cqrsd.fds(), cqrsd.rss()

    complaints += send_all(cqrsd, COUNT, SEED)

    until(lambda: cqrsd.fds() <= fds + 4, f"descriptors to be back at {fds}")
    with capsys.disabled():
        print(f"\n  {COUNT} malformed requests: {len(complaints)} wrong answers; memory grew by "
              f"{(cqrsd.rss() - rss) / 1e6:.1f} of {rss / 1e6:.0f} MB, descriptors by "
              f"{cqrsd.fds() - fds} of {fds}")
    assert complaints == [], f"{len(complaints)} complaints, the first:\n" + \
        "\n".join(complaints[:10])
    assert cqrsd.query("ping").data == {"pong": 1}
    if not SANITIZED:
        assert cqrsd.rss() < rss + GROWTH_MAX
    after = cluster.primary.sql("SELECT count(*), (SELECT sum(stock) FROM products) FROM orders")
    assert after == before


def check_offline(folder, name, content):
    (folder / name).write_bytes(content)
    try:
        return run("check", "--offline", catalog=folder)
    finally:
        (folder / name).unlink()


@pytest.fixture
def folders(tmp_path):
    """One catalog folder per worker, each with one sound file."""
    made = []
    for number in range(2):
        folder = tmp_path / str(number)
        folder.mkdir()
        (folder / "good.sql").write_text(bad_catalogs.GOOD)
        made.append(folder)
    return made


def check_all(folders, catalogs):
    """(name, content, what check said) of each, a worker per folder."""
    catalogs = list(catalogs)

    def work(number):
        return [(name, content, check_offline(folders[number], name, content))
                for name, content in catalogs[number::len(folders)]]
    with ThreadPoolExecutor(len(folders)) as pool:
        return [row for rows in pool.map(work, range(len(folders))) for row in rows]


def test_a_sound_catalog_passes(folders):
    assert run("check", "--offline", catalog=folders[0]).returncode == 0


def test_wrong_catalogs_are_refused_with_a_place(folders):
    complaints = []
    for name, content, done in check_all(folders, bad_catalogs.wrong(320, SEED)):
        if done.returncode != 1 or not SAYS.search(done.stderr):
            complaints.append(f"{content[:300]!r}: exit {done.returncode}, {done.stderr[:300]!r}")
        elif name not in done.stderr:
            complaints.append(f"{name} is not named: {done.stderr[:300]!r}")

    assert complaints == [], f"{len(complaints)} of 320:\n" + "\n".join(complaints[:20])


def test_mauled_catalogs_crash_nothing(folders, catalog):
    sources = [path.read_bytes() for path in catalog.rglob("*.sql")]
    complaints = []
    for _, content, done in check_all(folders, bad_catalogs.mauled(300, SEED, sources)):
        refused = done.returncode == 1 and SAYS.search(done.stderr)
        if done.returncode != 0 and not refused:
            complaints.append(f"{content[:300]!r}: exit {done.returncode}, {done.stderr[:300]!r}")

    assert complaints == [], "\n".join(complaints[:20])


@pytest.mark.parametrize("content", [b"", b"\n", b"-- only words\n", b"\xef\xbb\xbf", b"\x00" * 10],
                         ids=["empty", "blank", "comment", "byte order mark", "zeros"])
def test_a_file_with_nothing_in_it_crashes_nothing(folders, content):
    done = check_offline(folders[0], "odd.sql", content)

    assert done.returncode in (0, 1)


def test_a_catalog_of_absurd_size_is_refused_or_read_but_does_not_crash(folders):
    many = "".join(f"-- query: q{n} :one\nSELECT {n};\n" for n in range(20000))
    long_line = "-- query: long :one\nSELECT " + "1 + " * 300000 + "1;\n"
    deep = "-- query: deep :one\nSELECT " + "/*" * 50000 + "*/" * 50000 + " 1;\n"
    parameters = "-- query: p :one\nSELECT " + ", ".join(f":p{n}" for n in range(70000)) + ";\n"

    for name, text in (("many", many), ("long", long_line), ("deep", deep), ("params", parameters)):
        done = check_offline(folders[0], f"{name}.sql", text.encode())
        assert done.returncode in (0, 1), name
        assert done.returncode == 0 or SAYS_OF_A_FILE.search(done.stderr), name
