"""Consistency-Token: signed positions that a client carries."""

import base64
import hashlib
import hmac
import re

import pytest

pytestmark = pytest.mark.serve(max_lag_ms=60000)
URL_SAFE = re.compile(r"^[A-Za-z0-9._~-]{1,96}$")


def test_every_reply_carries_a_short_url_safe_token(api):
    for answer in (api.query("ping"), api.command("put", user="ann", number=1),
                   api.query("ping", consistency="strong"),
                   api.query("ping", consistency="eventual")):
        assert URL_SAFE.match(answer.token), answer


def test_a_command_tells_its_token_in_the_body_too(api):
    answer = api.command("put", user="ann", number=1)

    assert answer.json["token"] == answer.token


def tampered(token):
    """Every kind of small change."""
    middle = len(token) // 2
    other = "A" if token[middle] != "A" else "B"
    swapped = token[:middle] + other + token[middle + 1:]
    first = ("A" if token[0] != "A" else "B") + token[1:]
    return [swapped, first, token[:-1], token + "A", token * 2, token[:middle], token.swapcase(),
            token[::-1]]


def test_a_changed_token_is_refused(api):
    token = api.command("put", user="ann", number=1).token

    for wrong in tampered(token):
        answer = api.query("cell", token=wrong, owner="ann")
        assert (answer.status, answer.code) == (400, "invalid-consistency-token"), wrong


@pytest.mark.parametrize("token", ["x", "AAAA", "-", "a b", "x" * 97, "x" * 2000,
                                   "%41", "null", "0/1964C6F0", "é", "A" * 43 + "="])
def test_what_never_was_a_token_is_refused(api, token):
    answer = api.query("ping", token=token)

    assert (answer.status, answer.code) == (400, "invalid-consistency-token")


def test_every_single_character_counts(api):
    token = api.command("put", user="ann", number=1).token
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

    for place, letter in enumerate(token):
        if letter not in alphabet:
            continue
        # The next but 7 letters: differs in more than bits that an encoding may not use.
        wrong = alphabet[(alphabet.index(letter) + 32) % 64]
        answer = api.query("ping", token=token[:place] + wrong + token[place + 1:])
        assert answer.status == 400, f"character {place} of {token} does not count"


def test_the_greatest_of_several_tokens_counts(cqrsd, cluster):
    old = cqrsd.command("put", user="ann", number=1).token
    cluster.wait_until_replayed()
    cluster.replica(1).pause_replay()
    cluster.replica(2).pause_replay()
    new = cqrsd.command("put", user="ann", number=2).token

    for tokens in (f"{old}, {new}", f"{new},{old}", new):
        answer = cqrsd.query("cell", token=tokens, owner="ann")
        assert (answer.served_by.role, answer.data["number"]) == ("primary", 2)
    assert cqrsd.query("cell", token=old, owner="ann").served_by.role == "replica"


def test_one_bad_token_among_good_ones_is_refused(api):
    good = api.command("put", user="ann", number=1).token

    assert api.query("ping", token=f"{good}, rubbish").code == "invalid-consistency-token"


def test_tokens_in_two_header_lines_both_count(cqrsd, cluster):
    cluster.replica(1).pause_replay()
    cluster.replica(2).pause_replay()
    new = cqrsd.command("put", user="ann", number=3).token
    old = cqrsd.query("ping", consistency="eventual").token

    with cqrsd.raw() as raw:
        raw.send(f"GET /v1/queries/cell?owner=ann HTTP/1.1\r\nHost: x\r\n"
                 f"Consistency-Token: {old}\r\nConsistency-Token: {new}\r\n\r\n".encode())
        answer = raw.one_answer()

    assert answer.data["number"] == 3


def test_a_token_of_one_instance_counts_at_another(cqrsd, start_cqrsd, cluster):
    other = start_cqrsd()
    cluster.replica(1).pause_replay()
    cluster.replica(2).pause_replay()
    token = cqrsd.command("put", user="ann", number=55).token

    answer = other.query("cell", token=token, owner="ann")

    assert (answer.served_by.role, answer.data["number"]) == ("primary", 55)


def test_a_token_is_good_after_a_restart(cqrsd, start_cqrsd):
    token = cqrsd.command("put", user="ann", number=56).token
    cqrsd.terminate()
    assert cqrsd.wait() == 0

    assert start_cqrsd().query("cell", token=token, owner="ann").data["number"] == 56


def test_the_token_of_a_query_covers_what_it_saw(cqrsd, cluster):
    """Read at the primary, then carried to lagging replicas: never back in time."""
    cluster.replica(1).pause_replay()
    cluster.replica(2).pause_replay()
    cluster.primary.sql("INSERT INTO cells VALUES ('seen', 1) "
                        "ON CONFLICT (owner) DO UPDATE SET number = cells.number + 1")
    seen = cqrsd.query("cell", consistency="strong", owner="seen")

    again = cqrsd.query("cell", token=seen.token, owner="seen")

    assert again.data == seen.data


def signed(primary, lsn, timeline=1, cluster=0):
    """As cqrsd signs it (router/consistency/token.h). cluster: added to the system identifier."""
    key = bytes.fromhex(primary.sql("SELECT encode(key, 'hex') FROM cqrsd.token_key"))
    identifier = int(primary.sql("SELECT system_identifier FROM pg_control_system()")) + cluster
    token = bytes([1]) + timeline.to_bytes(4, "big") + lsn.to_bytes(8, "big")
    mac = hmac.new(key, token + identifier.to_bytes(8, "big"), hashlib.sha256).digest()[:16]
    return base64.urlsafe_b64encode(token + mac).rstrip(b"=").decode()


def end_of_wal(primary):
    return int(primary.sql("SELECT pg_current_wal_insert_lsn() - '0/0'"))


def test_a_token_of_another_cluster_with_the_same_key_is_refused(cqrsd, cluster):
    lsn = end_of_wal(cluster.primary) - 1000

    assert cqrsd.query("ping", token=signed(cluster.primary, lsn)).status == 200
    answer = cqrsd.query("ping", token=signed(cluster.primary, lsn, cluster=1))
    assert (answer.status, answer.code) == (400, "invalid-consistency-token")


@pytest.mark.parametrize("level", ["eventual", "session", "strong"])
def test_a_token_beyond_the_primary_is_refused_at_once(cqrsd, cluster, level):
    token = signed(cluster.primary, end_of_wal(cluster.primary) + 10_000_000)

    answer = cqrsd.query("ping", token=token, consistency=level)

    assert (answer.status, answer.code) == (400, "invalid-consistency-token")


def test_a_command_with_a_token_beyond_the_primary_runs_nothing(cqrsd, cluster):
    cqrsd.command("put", user="ann", number=1)
    token = signed(cluster.primary, end_of_wal(cluster.primary) + 10_000_000)

    assert cqrsd.command("put", user="ann", number=2, token=token).code == \
        "invalid-consistency-token"
    assert cqrsd.query("cell", owner="ann", consistency="strong").data["number"] == 1


def test_a_token_of_a_later_timeline_waits_for_its_primary(cqrsd, cluster):
    token = signed(cluster.primary, end_of_wal(cluster.primary), timeline=2)

    for answer in (cqrsd.query("ping", token=token),
                   cqrsd.command("put", user="ann", number=9, token=token)):
        assert (answer.status, answer.code) == (503, "no-primary")


def test_what_an_instance_has_not_heard_of_yet_is_not_refused(cqrsd, start_cqrsd):
    """It looks at the primary once a minute, and asks when a token is ahead of that."""
    other = start_cqrsd(lag_poll_ms=60000)

    for number in range(1, 6):
        token = cqrsd.command("put", user="ann", number=number).token
        for level in ("eventual", "session", "strong"):
            answer = other.query("cell", token=token, owner="ann", consistency=level)
            assert answer.data["number"] == number
        token = cqrsd.command("put", user="ann", number=number).token
        assert other.command("put", user="bob", number=number, token=token).status == 200


def test_a_token_that_is_not_flushed_yet_is_good_at_the_primary(cqrsd, cluster):
    """synchronous_commit = off: visible there at once, in the log a while later."""
    cluster.primary.set(wal_writer_delay="5000ms")

    for _ in range(5):
        token = cqrsd.command("pad.async", bytes=20).token
        for level in ("strong", "session"):
            assert cqrsd.query("ping", consistency=level, token=token).status == 200


def test_a_token_never_shows_in_the_log(cqrsd):
    token = cqrsd.command("put", user="ann", number=1).token
    cqrsd.query("cell", token=token, owner="ann")
    cqrsd.get(f"/v1/queries/ping?token={token}")
    cqrsd.query("ping", token=token[:-2] + "zz")

    assert token[:-2] not in cqrsd.log_text()
