"""Results above 64 KiB leave while they grow: whole or visibly cut off, at nobody else's cost.

A reader that shall be slow is one that stands still.
"""

import pytest
from harness.reader import Reader
from harness.until import until

WIDE_BYTES = 1000
HELD_STILL = f"/v1/queries/wide?rows=200000&width={WIDE_BYTES}"  # 200 MB
GROWTH_BYTES_MAX = 8 << 20


@pytest.fixture
def cqrsd(request, start_cqrsd):
    """Patient with a busy machine: conns that are still being opened refuse nobody, and a replica
    stays in rotation while a stream that is held still keeps it from replaying."""
    marker = request.node.get_closest_marker("serve")
    return start_cqrsd(**{"queue_wait_ms": 10000, "request_timeout_ms": 30000,
                          "max_lag_ms": 60000, **(marker.kwargs if marker else {})})


def learn(cqrsd, name="wide", **arguments):
    """One large result, so that cqrsd knows what the statement is like."""
    arguments = arguments or {"rows": 200, "width": WIDE_BYTES}
    until(lambda: cqrsd.query(name, **arguments).status == 200, "a first large result")


def put(cqrsd, user, number):
    until(lambda: cqrsd.command("put", user=user, number=number).status == 200, "a command")


def held_still(cqrsd, target=HELD_STILL, headers=None):
    """A reader whose stream has begun, and who takes no more."""
    reader = Reader(cqrsd.address).ask(target, headers)
    assert reader.begin().status == 200
    return reader


def held_at_replica(cqrsd):
    """On a busy machine a replica may seem silent: its stream goes to the primary, and here again
    to a replica."""
    def held():
        reader = held_still(cqrsd)
        if reader.head.served_by.role == "replica":
            return reader
        reader.socket.close()
        return None
    return until(held, "a replica to have the stream")


def asked_of_replica(cqrsd):
    """What became of a large result that the primary was not asked for in a replica's place."""
    def asked():
        answer = cqrsd.query("wide", rows=500, width=1000)
        return answer if answer.status != 200 or answer.served_by.role == "replica" else None
    return until(asked, "a replica to have the query")


def streams(cqrsd, end, name="wide"):
    return cqrsd.metrics().sum("cqrsd_streams_total", name=name, end=end)


def backends(node, text="generate_series"):
    """How many statements of ours run at a node."""
    return int(node.sql("SELECT count(*) FROM pg_stat_activity WHERE state <> 'idle' AND"
                        f" query LIKE '%repeat%{text}%' AND pid <> pg_backend_pid()"))


def test_a_large_result_arrives_whole_and_equals_the_same_in_small_pieces(cqrsd):
    pieces = [cqrsd.query("series", low=low, high=low + 499) for low in range(1, 20001, 500)]
    assert all("content-length" in piece.headers for piece in pieces)

    for _ in range(3):
        with Reader(cqrsd.address).ask("/v1/queries/series?low=1&high=20000") as reader:
            head = reader.begin()
            assert head.headers["transfer-encoding"] == "chunked"
            assert "content-length" not in head.headers
            assert head.headers["consistency-token"]
            assert reader.rows() == [row for piece in pieces for row in piece.data]

    assert streams(cqrsd, "whole", "series") == 3


def test_a_small_result_of_a_statement_with_large_ones_is_an_ordinary_reply(cqrsd):
    learn(cqrsd)

    answer = cqrsd.query("wide", rows=3, width=10)

    assert answer.data == [{"filling": "x" * 10}] * 3
    assert int(answer.headers["content-length"]) == len(answer.body)


def test_a_connection_lives_on_behind_a_stream(cqrsd):
    with Reader(cqrsd.address).ask("/v1/queries/wide?rows=500&width=1000") as reader:
        assert reader.begin().status == 200
        assert len(reader.rows()) == 500
        reader.received = b""
        reader.ask("/v1/queries/ping")
        assert reader.begin().status == 200


@pytest.mark.serve(stream_stall_ms=3600000)
def test_memory_does_not_grow_with_what_a_reader_leaves(cqrsd):
    learn(cqrsd)
    before = cqrsd.rss()

    with held_still(cqrsd) as reader:
        # By the time these are there, all that would pile up could have come many times.
        for _ in range(8):
            reader.take(5 << 20)
            assert cqrsd.query("series", low=1, high=100).status == 200
            assert cqrsd.rss() - before <= GROWTH_BYTES_MAX
        reader.received = b""
        assert cqrsd.rss() - before <= GROWTH_BYTES_MAX


@pytest.mark.serve(loops=1, pool_conns=2, stream_conns=2, replicas=1, stream_stall_ms=3600000)
def test_other_queries_go_on_while_streams_are_held_still(cqrsd, user):
    learn(cqrsd)

    with held_still(cqrsd), held_still(cqrsd):
        put(cqrsd, user, 3)
        for _ in range(50):
            assert cqrsd.query("cell", user=user, owner=user).data["number"] == 3
            until(lambda: cqrsd.query("ping").served_by.role == "replica", "a replica's answer")


@pytest.mark.serve(loops=1, stream_conns=2, replicas=1, stream_stall_ms=3600000)
def test_two_readers_that_hardly_read_do_not_keep_everybody_else_out(cqrsd):
    learn(cqrsd)

    with held_at_replica(cqrsd), held_at_replica(cqrsd):
        until(lambda: asked_of_replica(cqrsd).status == 200, "one of both to make room")
        assert streams(cqrsd, "slow") == 1


@pytest.mark.serve(loops=1, stream_conns=1, replicas=1, stream_stall_ms=3600000)
def test_where_all_conns_for_streams_are_taken_the_next_is_refused(cqrsd):
    learn(cqrsd)

    with held_at_replica(cqrsd):
        refused = asked_of_replica(cqrsd)

        assert (refused.status, refused.code) == (503, "queue-full")
        assert int(refused.headers["retry-after"]) >= 1
    until(lambda: cqrsd.query("wide", rows=500, width=1000).status == 200,
          "the place to be free again")


@pytest.mark.serve(loops=1, stream_conns=1, replicas=2, stream_stall_ms=3600000)
def test_a_replica_without_room_for_a_stream_leaves_it_to_another(cqrsd):
    learn(cqrsd)

    with held_at_replica(cqrsd) as one, held_at_replica(cqrsd) as other:
        nodes = {reader.head.served_by.node for reader in (one, other)}

        assert len(nodes) == 2
        assert asked_of_replica(cqrsd).code == "queue-full"


@pytest.mark.serve(loops=1, stream_conns=1, replicas=1, stream_stall_ms=300)
def test_a_reader_that_stalls_is_cut_off_and_its_conn_is_free_again(cqrsd, cluster):
    learn(cqrsd)

    with held_still(cqrsd) as reader:
        until(lambda: streams(cqrsd, "stalled") == 1, "the stalled reader to be cut off")
        until(lambda: backends(cluster.replica(1)) == 0, "its statement to end")
        assert cqrsd.query("wide", rows=500, width=1000).status == 200
        assert reader.rest()[1] is False


@pytest.mark.serve(loops=1, stream_conns=1, replicas=1, stream_stall_ms=3600000)
def test_a_client_that_goes_away_amid_a_stream_frees_its_conn(cqrsd, cluster):
    learn(cqrsd)

    held_still(cqrsd).socket.close()

    until(lambda: streams(cqrsd, "gone") == 1, "the client to be missed")
    until(lambda: backends(cluster.replica(1)) == 0, "its statement to end")
    assert cqrsd.query("wide", rows=500, width=1000).status == 200


@pytest.mark.serve(replicas=1, stream_stall_ms=3600000)
def test_a_server_that_dies_amid_a_stream_leaves_a_reply_that_is_visibly_cut_off(
        cqrsd, cluster):
    learn(cqrsd)

    with held_still(cqrsd) as reader:
        # The primary, where a busy machine makes the replica seem silent.
        node, = [one for one in cluster.nodes if one.address == reader.head.served_by.node]
        node.stop("immediate")
        body, whole = reader.rest()

    assert not whole
    assert 0 < len(body) < 200 * 1000 * WIDE_BYTES
    assert streams(cqrsd, "failed") == 1
    assert "a stream was cut off" in cqrsd.log_text()


def test_a_statement_that_fails_amid_a_stream_is_cut_off(cqrsd):
    until(lambda: cqrsd.query("series.fails", rows=20).code == "invalid-value", "its error")

    with Reader(cqrsd.address).ask("/v1/queries/series.fails?rows=5000") as reader:
        assert reader.begin().status == 200
        assert reader.rest()[1] is False
    assert streams(cqrsd, "failed", "series.fails") == 1


def test_a_stream_is_never_begun_again_amid_its_rows(cqrsd):
    """The same of a batch is prepared and run again: nobody has been told anything by then."""
    learn(cqrsd)
    with Reader(cqrsd.address).ask("/v1/queries/series.raises?rows=5000") as reader:
        assert reader.begin().status == 200
        body, whole = reader.rest()

    assert not whole
    assert body.count(b'{"n":1,') == 1
    assert streams(cqrsd, "failed", "series.raises") == 1


def test_a_stream_sees_ones_own_write(cqrsd, user):
    for number in range(1, 6):
        put(cqrsd, user, number)
        with Reader(cqrsd.address).ask(f"/v1/queries/series.cell?owner={user}&rows=3000",
                                       {"X-User-Id": user}) as reader:
            assert reader.begin().status == 200
            assert {row["number"] for row in reader.rows()} == {number}


@pytest.mark.serve(wait_ms=50)
def test_a_stream_from_paused_replicas_is_never_told(cqrsd, cluster, user):
    put(cqrsd, user, 1)
    cluster.wait_until_replayed()
    learn(cqrsd, "series.cell", owner=user, rows=3000)
    for replica in cluster.replicas:
        replica.pause_replay()

    put(cqrsd, user, 2)
    with Reader(cqrsd.address).ask(f"/v1/queries/series.cell?owner={user}&rows=3000",
                                   {"X-User-Id": user}) as reader:
        head = reader.begin()

        assert head.served_by.role == "primary"
        assert {row["number"] for row in reader.rows()} == {2}


def test_the_token_of_a_stream_covers_what_it_saw(cqrsd, cluster, user):
    put(cqrsd, user, 1)
    learn(cqrsd, "series.cell", user=user, owner=user, rows=3000)
    cluster.replica(2).pause_replay()
    put(cqrsd, user, 2)
    with Reader(cqrsd.address).ask(f"/v1/queries/series.cell?owner={user}&rows=3000",
                                   {"X-User-Id": user}) as reader:
        token = reader.begin().headers["consistency-token"]
        assert {row["number"] for row in reader.rows()} == {2}

    for _ in range(10):
        assert cqrsd.query("cell", token=token, owner=user).data["number"] == 2


def test_a_result_with_a_declared_end_is_never_begun(cqrsd):
    whole = cqrsd.query("series.short", rows=1000)
    assert len(whole.data) == 1000 and "content-length" in whole.headers

    answer = cqrsd.query("series.short", rows=100000)

    assert (answer.status, answer.code) == (500, "result-too-large")


@pytest.mark.serve(stream_bytes_max=1000000)
def test_a_stream_beyond_its_limit_is_cut_off(cqrsd):
    learn(cqrsd)

    with Reader(cqrsd.address).ask("/v1/queries/wide?rows=2000&width=1000") as reader:
        assert reader.begin().status == 200
        assert reader.rest()[1] is False


@pytest.mark.serve(result_bytes_max=1000000)
def test_who_could_not_tell_a_part_from_the_whole_gets_the_whole_or_an_error(cqrsd):
    for rows, status in ((500, b"200"), (2000, b"500")):
        with Reader(cqrsd.address) as reader:
            reader.ask(f"/v1/queries/wide?rows={rows}&width=1000", version="HTTP/1.0",
                       headers={"Connection": "close"})
            head = reader.begin()
            reader.rest()
            assert head.status == int(status)
            assert int(head.headers["content-length"]) == len(reader.received)

    head = cqrsd.client.request("HEAD", "/v1/queries/wide?rows=500&width=1000")
    assert (head.status, head.body) == (200, b"")
    assert int(head.headers["content-length"]) > 500000


@pytest.mark.serve(stream_conns=0)
def test_without_conns_for_streams_results_are_whole_up_to_the_limit(cqrsd):
    answer = cqrsd.query("wide", rows=500, width=1000)

    assert len(answer.data) == 500
    assert int(answer.headers["content-length"]) == len(answer.body)


@pytest.mark.serve(stream_stall_ms=3600000)
def test_a_graceful_stop_waits_for_a_stream(cqrsd):
    learn(cqrsd)

    with held_still(cqrsd, "/v1/queries/wide?rows=20000&width=1000") as reader:
        cqrsd.terminate()
        until(lambda: cqrsd.readyz().status == 503, "the stop to begin")
        assert cqrsd.running
        assert len(reader.rows()) == 20000
    assert cqrsd.wait() == 0
