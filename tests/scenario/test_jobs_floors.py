"""Jobs with an order while an old snapshot keeps many deleted rows: claims begin at a floor."""

import pytest
from harness.service import Service
from harness.until import until

from .conftest import options_for
from .job_fixtures import catalog, effects, primary  # noqa: F401

CATALOG = """
-- command: move :exec
-- @param account text
-- @param number int
-- @async allowed
-- @order-by account
INSERT INTO effects (note, number) VALUES (:account, :number);

-- command: refuse :exec
-- @param account text
-- @param number int
-- @async allowed
-- @order-by account
INSERT INTO effects (note, number) SELECT :account, :number / (SELECT count(*) FROM words);
"""
SCHEMA = """
CREATE TABLE effects (id serial PRIMARY KEY, number int, note text);
CREATE TABLE words (word text);
"""
UNDO = "DROP TABLE effects, words"
TABLES = ("effects", "words")
PUT = """INSERT INTO cqrsd.job (run_at, mark, keep_s, keyed, attempts_max, command, version,
    order_key, parameters) SELECT now(), 1, 60, false, 5, 'move', 'v', key,
    json_build_object('account', key, 'number', i) FROM (SELECT i::text, {key} AS key
    FROM generate_series(1, {count}) AS i) AS i"""
NOW = {"Prefer": "respond-async"}
LATER = {"Prefer": 'respond-async, not-before="2099-01-01T00:00:00Z"'}
OLD = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM words"


@pytest.fixture
def cqrsd(shop_cluster, catalog, primary):
    # One loop: it alone knows its floors. Whatever a story of keys does, callers need none.
    service = Service(**options_for(shop_cluster, catalog, {
        "auth": "none", "workers": 4, "loops": 1, "log_level": "debug"}))
    service.start()
    yield service
    service.close()


@pytest.fixture
def deleted(primary):
    """A snapshot is held that keeps many rows."""
    with primary.open_transaction(OLD):
        primary.sql("BEGIN; " + PUT.format(key="'old-' || i % 100", count=40000)
                    + "; DELETE FROM cqrsd.job; COMMIT")  # none of them is seen, and runs
        yield


def move(cqrsd, account, number, name="move", headers=NOW):
    answer = cqrsd.command(name, user="ann", headers=headers, account=account, number=number)
    assert answer.status == 202, answer
    return answer.json["job"]["id"]


def moved(primary, account):
    numbers = primary.sql(f"SELECT number FROM effects WHERE note = '{account}' ORDER BY id")
    return [int(number) for number in numbers.split()]


def run_some(cqrsd, primary, first=1, count=20):
    """Each is done before the next one is accepted, so that there is a claim for each."""
    for number in range(first, first + count):
        move(cqrsd, f"other-{number % 7}", number)
        until(lambda number=number: primary.sql(
            f"SELECT count(*) FROM effects WHERE note LIKE 'other-%' AND number = {number}") == "1")


def says(cqrsd, what):
    return what in cqrsd.log_text()


def find_floors(cqrsd, primary):
    """Jobs run until their claims go by floors."""
    number = 1000
    while not says(cqrsd, "heads are claimed above floors"):
        run_some(cqrsd, primary, number, 5)
        number += 5
        assert number < 3000


def test_what_commits_late_is_the_head_of_its_value(cqrsd, primary, deleted):
    find_floors(cqrsd, primary)
    with primary.open_transaction(PUT.format(key="'a'", count=1)) as late:
        run_some(cqrsd, primary, count=60)
        late("COMMIT")
        move(cqrsd, "a", 2)

        until(lambda: len(moved(primary, "a")) == 2)

    assert moved(primary, "a") == [1, 2]


def test_a_head_that_waits_below_the_floor_blocks_its_value(cqrsd, primary, deleted):
    find_floors(cqrsd, primary)
    move(cqrsd, "a", 1, headers=LATER)
    for number in range(2, 5):
        move(cqrsd, "a", number)
    run_some(cqrsd, primary, count=60)
    move(cqrsd, "a", 5)
    run_some(cqrsd, primary, first=100)
    assert moved(primary, "a") == []

    primary.sql("UPDATE cqrsd.job SET run_at = now()")

    until(lambda: len(moved(primary, "a")) == 5)
    assert moved(primary, "a") == [1, 2, 3, 4, 5]


def test_all_run_in_their_order(cqrsd, primary, deleted):
    find_floors(cqrsd, primary)
    for number in range(1, 200):
        move(cqrsd, f"key-{number % 10}", number)

    until(lambda: primary.sql("SELECT count(*) FROM cqrsd.job") == "0", deadline_s=60)

    for key in range(10):
        numbers = moved(primary, f"key-{key}")
        assert numbers == sorted(numbers)
        assert len(numbers) >= 19


def test_a_floor_does_not_count_in_another_life_of_the_server(cqrsd, primary, deleted):
    """What a promotion or a crash brings back is put there by hand."""
    find_floors(cqrsd, primary)
    run_some(cqrsd, primary)
    until(lambda: primary.sql("SELECT count(*) FROM cqrsd.job") == "0")
    primary.restart()

    primary.sql("BEGIN; " + BACK + "; " + PUT.format(key="'a'", count=1).replace(
        "'number', i", "'number', '2'") + "; COMMIT")

    until(lambda: len(moved(primary, "a")) == 2, deadline_s=60)
    assert moved(primary, "a") == [1, 2]


BACK = """INSERT INTO cqrsd.job (n, run_at, mark, keep_s, keyed, attempts_max, command, version,
    order_key, parameters) OVERRIDING SYSTEM VALUE SELECT min(n), now(), 1, 60, false, 5, 'move',
    'v', 'a', '{"account": "a", "number": "1"}' FROM cqrsd.job_finished"""


def test_a_dead_letter_that_is_replayed_is_found_below_the_floor(cqrsd, primary, deleted):
    job = move(cqrsd, "a", 1, "refuse")
    until(lambda: primary.sql("SELECT count(*) FROM cqrsd.job_dead") == "1")
    find_floors(cqrsd, primary)
    run_some(cqrsd, primary)
    primary.sql("INSERT INTO words VALUES ('now')")

    primary.sql(REPLAY)

    until(lambda: moved(primary, "a") == [1], deadline_s=30)
    assert job


REPLAY = """WITH gone AS (DELETE FROM cqrsd.job_dead RETURNING *)
INSERT INTO cqrsd.job (n, run_at, mark, keep_s, keyed, attempts_max, command, version, order_key,
    parameters) OVERRIDING SYSTEM VALUE SELECT n, now(), mark, keep_s, keyed, attempts_max,
    command, version, order_key, parameters FROM gone"""
