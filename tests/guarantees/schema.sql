-- SPDX-License-Identifier: Apache-2.0
-- What the workload of tests/guarantees works on. Made anew for each history: every effect that is
-- found must be of this run.
DROP VIEW IF EXISTS shown;
DROP TABLE IF EXISTS registers, counters, log, taken, taken_late;

-- tail: the names of the last effects, the newest first, so that a read shows which past it has.
CREATE TABLE registers (
	key text PRIMARY KEY,
	version bigint NOT NULL DEFAULT 0,
	value text,
	session text,
	tail text[] NOT NULL DEFAULT '{}'
);
CREATE TABLE counters (name text PRIMARY KEY, value bigint NOT NULL DEFAULT 0, last text);

-- One row for each effect that ever was; nothing is unique, so that a double is two rows.
CREATE TABLE log (
	id bigserial PRIMARY KEY,
	key text NOT NULL,
	version bigint NOT NULL,
	value text NOT NULL,
	attempt text NOT NULL
);
CREATE INDEX ON log (key, id);

-- For commands that fail: at once, and at their commit.
CREATE TABLE taken (number int PRIMARY KEY);
CREATE TABLE taken_late (number int UNIQUE DEFERRABLE INITIALLY DEFERRED);
INSERT INTO taken VALUES (1);
INSERT INTO taken_late VALUES (1);

CREATE OR REPLACE FUNCTION refuse(version bigint) RETURNS bigint LANGUAGE plpgsql AS $$
BEGIN
	RAISE EXCEPTION 'version % is refused', version;
END $$;

CREATE VIEW shown AS
	SELECT key, version, tail FROM registers
	UNION ALL
	SELECT name, value, CASE WHEN last IS NULL THEN '{}' ELSE ARRAY[last] END FROM counters;

-- Registers go in pairs, r0 with r1 and so on: put.both writes two at once.
INSERT INTO registers (key) SELECT 'r' || number FROM generate_series(0, 15) AS number;
INSERT INTO counters (name) SELECT 'c' || number FROM generate_series(0, 3) AS number;
