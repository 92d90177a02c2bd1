"""The schema changes while cqrsd serves: what a statement meets is described and prepared anew."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from harness.load import Load
from harness.until import until

CATALOG = """
-- command: set_mood :one
INSERT INTO test_moods (mood) VALUES (:mood) RETURNING id, mood;

-- command: set_size :one
UPDATE test_sizes SET size = :size WHERE size <> :size RETURNING size;

-- query: size :one
SELECT size FROM test_sizes;

-- query: of_mood :many
SELECT mood, array[mood] AS moods FROM test_moods WHERE mood = :mood ORDER BY id LIMIT 1;

-- query: pairs :many
SELECT * FROM test_sizes AS a, (SELECT 1 AS other) AS b;

-- query: alike :many
SELECT 1, 2;

-- query: broken :one
SELECT test_broken() AS number;

-- query: large :many
SELECT size, repeat('x', 1000) AS padding FROM test_sizes, generate_series(1, 300);

-- query: sized :many
SELECT size FROM test_sizes WHERE size = :size;
"""

SCHEMA = """
CREATE TYPE test_mood AS ENUM ('sad', 'happy');
CREATE TABLE test_moods (id int GENERATED ALWAYS AS IDENTITY, mood test_mood);
CREATE TABLE test_sizes (size int);
INSERT INTO test_sizes VALUES (1);
CREATE FUNCTION test_broken() RETURNS int LANGUAGE plpgsql AS
    $$ BEGIN RETURN (SELECT number FROM test_not_there); END $$;
"""

CLEAN = """
DROP FUNCTION IF EXISTS test_broken;
DROP TABLE IF EXISTS test_moods;
DROP TABLE IF EXISTS test_sizes;
DROP TABLE IF EXISTS test_not_there;
DROP TYPE IF EXISTS test_mood;
"""

REPLACE_THE_TYPE = """
ALTER TABLE test_moods ALTER COLUMN mood TYPE text;
DROP TYPE test_mood;
CREATE TYPE test_mood AS ENUM ('sad', 'happy', 'calm');
ALTER TABLE test_moods ALTER COLUMN mood TYPE test_mood USING mood::test_mood;
"""

INT_TO_TEXT = "ALTER TABLE test_sizes ALTER COLUMN size TYPE text"


@pytest.fixture
def service(schema, start_cqrsd, own_catalog):
    return start_cqrsd(catalog=own_catalog(CATALOG))


def several(ask, count=24):
    """Enough requests, side by side, to reach every conn of both loops."""
    with ThreadPoolExecutor(8) as pool:
        return list(pool.map(lambda _: ask(), range(count)))


def statuses(answers):
    return sorted({answer.status for answer in answers})


def test_commands_go_on_when_the_type_of_a_parameter_is_replaced(service, cluster):
    assert statuses(several(lambda: service.command("set_mood", mood="sad"))) == [200]

    cluster.primary.sql(REPLACE_THE_TYPE)

    answers = several(lambda: service.command("set_mood", mood="sad"))
    assert statuses(answers) == [200]
    assert {answer.data["mood"] for answer in answers} == {"sad"}
    assert service.command("set_mood", mood="calm").data["mood"] == "calm"


def test_commands_with_a_key_go_on_when_the_type_of_a_parameter_is_replaced(service, cluster):
    def keyed(key, mood):
        return service.command("set_mood", mood=mood, headers={"Idempotency-Key": key})
    assert keyed("before", "sad").status == 200

    cluster.primary.sql(REPLACE_THE_TYPE)

    first = keyed("after", "calm")
    assert first.status == 200
    assert keyed("after", "calm").data == first.data


def test_an_int_that_becomes_text_is_told_as_text_by_every_conn(service, cluster):
    assert statuses(several(lambda: service.query("size"))) == [200]
    assert service.command("set_size", size=2).data == {"size": 2}
    assert statuses(several(lambda: service.query("sized", size=2))) == [200]

    cluster.primary.sql(INT_TO_TEXT)

    assert service.command("set_size", size=3).code == "invalid-parameter"
    assert service.command("set_size", size="large").data == {"size": "large"}
    cluster.wait_until_replayed()
    answers = several(lambda: service.query("size"))
    assert statuses(answers) == [200]
    assert {answer.data["size"] for answer in answers} == {"large"}
    assert service.query("sized", size=2).status == 200
    sized = several(lambda: service.query("sized", size="large"))
    assert [answer.data for answer in sized] == [[{"size": "large"}]] * len(sized)


def test_arrays_of_a_replaced_type_stay_arrays(service, cluster):
    service.command("set_mood", mood="sad")
    cluster.wait_until_replayed()
    before = several(lambda: service.query("of_mood", mood="sad"))
    assert {str(answer.data) for answer in before} == {str([{"mood": "sad", "moods": ["sad"]}])}

    cluster.primary.sql(REPLACE_THE_TYPE)
    cluster.wait_until_replayed()

    after = several(lambda: service.query("of_mood", mood="sad"))
    assert {str(answer.data) for answer in after} == {str([{"mood": "sad", "moods": ["sad"]}])}


def test_a_replica_that_has_not_replayed_the_change_does_not_fail_the_query(service, cluster):
    assert statuses(several(lambda: service.query("sized", size=1))) == [200]
    cluster.replica(1).pause_replay()
    cluster.primary.sql(INT_TO_TEXT)
    until(lambda: cluster.replica(2).sql("SELECT pg_typeof(size) FROM test_sizes")
          in ("text", [("text",)]), "the other replica to have it")

    answers = several(lambda: service.query("sized", size=1)) + \
        several(lambda: service.query("sized", size="1"))

    assert not [answer for answer in answers if answer.status >= 500]


def test_a_reload_forgets_the_types_of_parameters(service, cluster, own_catalog):
    """What goes on without an error is told by a reload: an int8 takes what an int4 did not."""
    assert statuses(several(lambda: service.query("sized", size=1))) == [200]
    assert service.query("sized", size=1 << 40).code == "invalid-parameter"

    cluster.primary.sql("ALTER TABLE test_sizes ALTER COLUMN size TYPE bigint")
    cluster.wait_until_replayed()
    service.hup()

    # Each loop hears of it by itself.
    until(lambda: statuses(several(lambda: service.query("sized", size=1 << 40))) == [200],
          "the reload")


def test_a_stream_of_a_changed_type_is_begun_again(service, cluster):
    for _ in range(4):
        assert len(service.query("large").data) == 300

    cluster.primary.sql(INT_TO_TEXT)
    cluster.wait_until_replayed()

    answers = [service.query("large") for _ in range(6)]
    assert {row["size"] for answer in answers for row in answer.data} == {"1"}


def test_no_command_fails_while_its_type_is_replaced_under_load(service, cluster):
    answers = []

    async def client(load, number, connection):
        while not load.stopping:
            answers.append(await connection.command("set_mood", "ann", mood="sad"))

    with Load(service.address, client, 8):
        for _ in range(3):
            known = len(answers)
            cluster.primary.sql("BEGIN;" + REPLACE_THE_TYPE + "COMMIT;")
            until(lambda known=known: len(answers) > known + 50, "more answers")

    assert [answer for answer in answers if answer.status != 200] == []


def test_what_stays_broken_is_told_and_is_not_described_for_ever(service, cluster):
    answers = several(lambda: service.query("broken"), count=60)
    assert statuses(answers) == [500]
    assert {answer.code for answer in answers} == {"query-failed"}

    cluster.primary.sql("CREATE TABLE test_not_there AS SELECT 7 AS number")
    cluster.wait_until_replayed()

    assert statuses(several(lambda: service.query("broken"))) == [200]


def test_two_columns_of_one_name_are_told_at_first_use(service):
    answer = service.query("alike")

    assert (answer.status, answer.code) == (500, "query-failed")
    assert 'two of its columns are named "?column?"' in answer.problem["detail"]


def test_a_column_that_comes_to_be_there_twice_is_told_on_every_conn(schema, service):
    assert statuses(several(lambda: service.query("pairs"))) == [200]
    schema.primary.sql("ALTER TABLE test_sizes ADD COLUMN other int")
    schema.wait_until_replayed()

    for answer in several(lambda: service.query("pairs")):
        assert (answer.status, answer.code) == (500, "query-failed")
        assert 'named "other"' in answer.problem["detail"] or "one name" in answer.problem["detail"]

    schema.primary.sql("ALTER TABLE test_sizes RENAME COLUMN other TO others")
    schema.wait_until_replayed()
    assert until(lambda: service.query("pairs").status == 200, "the columns to be told", 20)
