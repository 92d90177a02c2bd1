# SPDX-License-Identifier: Apache-2.0
"""However a row comes, goes or changes: the next read shows it, though an answer is kept."""

import pytest
from harness import service as harness_service
from harness.kept import until_kept
from harness.until import until

SCHEMA = """
CREATE SCHEMA test_ways;
SET search_path = test_ways;
CREATE TABLE base (id int PRIMARY KEY, number int);
INSERT INTO base SELECT i, 0 FROM generate_series(1, 20) AS i;
CREATE TABLE other (id int PRIMARY KEY, number int);
INSERT INTO other SELECT i, 0 FROM generate_series(1, 20) AS i;
CREATE TABLE child (id int, base int REFERENCES base ON DELETE CASCADE, number int);
INSERT INTO child SELECT i, i, 0 FROM generate_series(1, 20) AS i;
CREATE VIEW seen AS SELECT id, number FROM base WHERE number >= 0;
CREATE VIEW barred WITH (security_barrier) AS SELECT id, number FROM seen;
CREATE VIEW joined AS SELECT o.id, o.number FROM base AS b JOIN other AS o ON o.id = b.id;
CREATE FUNCTION into_other() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN UPDATE test_ways.other SET number = NEW.number WHERE id = NEW.id; RETURN NEW; END $$;
CREATE TRIGGER instead INSTEAD OF UPDATE ON joined FOR EACH ROW EXECUTE FUNCTION into_other();
CREATE TABLE fires (id int, number int);
INSERT INTO fires VALUES (3, 0);
CREATE TRIGGER fires AFTER UPDATE ON fires FOR EACH ROW EXECUTE FUNCTION into_other();
CREATE TABLE ruled (id int, number int);
CREATE RULE also AS ON INSERT TO ruled DO ALSO
    UPDATE test_ways.other SET number = NEW.number WHERE other.id = NEW.id;
CREATE TABLE parted (id int, number int) PARTITION BY RANGE (id);
CREATE TABLE low PARTITION OF parted FOR VALUES FROM (0) TO (10);
CREATE TABLE high PARTITION OF parted FOR VALUES FROM (10) TO (20);
INSERT INTO parted SELECT i, 0 FROM generate_series(1, 19) AS i;
CREATE TABLE parent (id int, number int);
CREATE TABLE inherits () INHERITS (parent);
INSERT INTO inherits SELECT i, 0 FROM generate_series(1, 20) AS i;
CREATE FUNCTION inlined(int) RETURNS bigint STABLE LANGUAGE sql
    BEGIN ATOMIC SELECT sum(number) FROM test_ways.base WHERE id = $1; END;
RESET search_path;
"""

CLEAN = "DROP SCHEMA IF EXISTS test_ways CASCADE"

READS = {
    "base": "SELECT sum(number) AS number FROM test_ways.base WHERE id = :id",
    "view": "SELECT sum(number) AS number FROM test_ways.barred WHERE id = :id",
    "other": "SELECT sum(number) AS number FROM test_ways.other WHERE id = :id",
    "child": "SELECT count(*) AS number FROM test_ways.child WHERE base = :id",
    "children": "SELECT count(*) AS number FROM test_ways.child WHERE base > 0 AND :id > 0",
    "parted": "SELECT sum(number) AS number FROM test_ways.parted WHERE id = :id",
    "low": "SELECT sum(number) AS number FROM test_ways.low WHERE id = :id",
    "parent": "SELECT sum(number) AS number FROM test_ways.parent WHERE id = :id",
    "called": "SELECT test_ways.inlined(:id::int) AS number",
}

# The query, its id, what writes, and what the query shows behind it.
WAYS = {
    "a table under a view": ("view", 1, "UPDATE test_ways.base SET number = 5 WHERE id = 1", 5),
    "a view": ("base", 2, "UPDATE test_ways.barred SET number = 5 WHERE id = 2", 5),
    "a view with a trigger": ("other", 2, "UPDATE test_ways.joined SET number = 5 WHERE id = 2", 5),
    "a trigger": ("other", 3, "UPDATE test_ways.fires SET number = 5", 5),
    "a rule": ("other", 4, "INSERT INTO test_ways.ruled VALUES (4, 5)", 5),
    "a cascade": ("child", 5, "DELETE FROM test_ways.base WHERE id = 5", 0),
    "a partition": ("parted", 6, "UPDATE test_ways.low SET number = 5 WHERE id = 6", 5),
    "the parent of a partition": ("low", 7, "UPDATE test_ways.parted SET number = 5 WHERE id = 7",
                                  5),
    "a row that moves": ("parted", 8, "UPDATE test_ways.parted SET id = 18 WHERE id = 8", None),
    "who inherits": ("parent", 9, "UPDATE test_ways.inherits SET number = 5 WHERE id = 9", 5),
    "a table of a function": ("called", 10, "UPDATE test_ways.base SET number = 5 WHERE id = 10",
                              5),
    "MERGE or the like": ("base", 11, "INSERT INTO test_ways.base VALUES (11, 5)"
                          " ON CONFLICT (id) DO UPDATE SET number = EXCLUDED.number", 5),
    "a statement in WITH": ("other", 12, "WITH w AS (UPDATE test_ways.other SET number = 5"
                            " WHERE id = 12 RETURNING id) SELECT id FROM w", 5),
    "TRUNCATE, by a cascade": ("children", 14, "TRUNCATE test_ways.base CASCADE", 0),
}

# As others do, of tables that are watched.
FOREIGN = {
    **dict(list(WAYS.items())[:-1]),
    "a block": ("base", 13, "DO $$ BEGIN UPDATE test_ways.base SET number = 5 WHERE id = 13;"
                " END $$", 5),
    "COPY": ("parted", 15, "COPY test_ways.high FROM STDIN;\n15\t5\n\\.\n", 5),
    "a session that replicates": (
        "base", 16, "SET session_replication_role = replica;"
        " UPDATE test_ways.base SET number = 5 WHERE id = 16", 5),
    "a partition that is attached": (
        "parted", 25, "CREATE TABLE test_ways.more (id int, number int);"
        " INSERT INTO test_ways.more VALUES (25, 5); ALTER TABLE test_ways.parted"
        " ATTACH PARTITION test_ways.more FOR VALUES FROM (20) TO (30)", 5),
    "a partition that is detached": (
        "parted", 17, "ALTER TABLE test_ways.parted DETACH PARTITION test_ways.high", None),
    "a child that is made later": (
        "parent", 30, "CREATE TABLE test_ways.later () INHERITS (test_ways.parent);"
        " INSERT INTO test_ways.later VALUES (30, 5)", 5),
    "a table that is another one": (
        "other", 18, "ALTER TABLE test_ways.other RENAME TO before; CREATE TABLE test_ways.other"
        " AS SELECT id, 5 AS number FROM test_ways.before", 5),
    "a column that is another one": (
        "parted", 9, "ALTER TABLE test_ways.parted ALTER number TYPE bigint USING number + 5", 5),
    "TRUNCATE, by a cascade": WAYS["TRUNCATE, by a cascade"],
}


def catalog(ways):
    text = "".join(f"-- query: {name} :one\n-- @cache 600s\n"
                   f"{'-- @reads test_ways.base' if name == 'called' else '--'}\n{sql};\n\n"
                   for name, sql in READS.items())
    for number, (_, _, sql, _) in enumerate(ways):
        text += f"-- command: way_{number} :exec\n{sql};\n\n"
    return text


def shown(service, name, number, **how):
    value = service.query(name, id=number, **how).data["number"]
    return None if value is None else int(value)


@pytest.mark.parametrize("options", [{}, {"replica": []}], ids=["replicas", "a-lone-node"])
def test_a_command_is_seen_by_the_next_read(schema, start_cqrsd, own_catalog, options):
    service = start_cqrsd(catalog=own_catalog(catalog(WAYS.values())), wait_ms=2000, max_lag_ms=0,
                          max_lag_bytes=0, **options)

    wrong = []
    for number, (how, (name, id_, _, after)) in enumerate(WAYS.items()):
        until_kept(service, name, id=id_, what=f"{name} to be kept")
        reply = service.command(f"way_{number}", user="ann")
        assert reply.status == 200, (how, reply.text)
        for level in ("session", "eventual"):
            if shown(service, name, id_, user="ann", consistency=level) != after:
                wrong.append((how, level))
    assert not wrong


@pytest.mark.parametrize("options", [{}, {"replica": []}], ids=["replicas", "a-lone-node"])
def test_what_others_write_is_seen(schema, start_cqrsd, own_catalog, cluster, options):
    for table in ("base", "other", "child", "parted", "parent"):
        assert harness_service.run("watch", f"test_ways.{table}",
                                   primary=cluster.primary.conninfo).returncode == 0
    service = start_cqrsd(catalog=own_catalog(catalog([])), wait_ms=2000, max_lag_ms=0,
                          max_lag_bytes=0, **options)

    for how, (name, id_, sql, after) in FOREIGN.items():
        until_kept(service, name, id=id_, what=f"{name} to be kept: {how}")
        cluster.primary.sql(sql)
        until(lambda: shown(service, name, id_) == after, f"{after} of {how}", 20)  # noqa: B023


def test_what_others_write_is_seen_while_all_replicas_are_away(schema, start_cqrsd, own_catalog,
                                                               cluster):
    assert harness_service.run("watch", "test_ways.base",
                               primary=cluster.primary.conninfo).returncode == 0
    service = start_cqrsd(catalog=own_catalog(catalog([])))
    until_kept(service, "base", id=1, what="it to be kept")
    for replica in cluster.replicas:
        replica.stop()
    until(lambda: not any(node["in_rotation"] for node in service.readyz().json["nodes"]
                          if node["role"] != "primary"), "no replica to be in rotation", 20)
    assert shown(service, "base", 1) == 0

    cluster.primary.sql("UPDATE test_ways.base SET number = 5 WHERE id = 1")

    until(lambda: shown(service, "base", 1) == 5, "what was written", 5)
