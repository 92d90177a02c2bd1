-- command: write :one
-- Sets a register and counts its version up; leaves one row of effect.
-- @param key text
-- @param value text
WITH changed AS (
	INSERT INTO registers AS r (key, version, value) VALUES (:key, 1, :value)
	ON CONFLICT (key) DO UPDATE SET version = r.version + 1, value = excluded.value
	RETURNING key, version, value
), noted AS (
	INSERT INTO effects (key, version, value) SELECT key, version, value FROM changed
)
SELECT key, version, value FROM changed;

-- command: write_and_raise :one
-- The same, and fails in the same statement.
-- @param key text
-- @param value text
WITH changed AS (
	INSERT INTO registers AS r (key, version, value) VALUES (:key, 1, :value)
	ON CONFLICT (key) DO UPDATE SET version = r.version + 1, value = excluded.value
	RETURNING key, version, value
), noted AS (
	INSERT INTO effects (key, version, value) SELECT key, version, value FROM changed
	RETURNING version
)
SELECT key, version, value, 1 / (SELECT min(version) - min(version) FROM noted) AS never FROM changed;

-- command: write_and_fail_late :one
-- The same, and fails at the commit.
-- @param key text
-- @param value text
WITH changed AS (
	INSERT INTO registers AS r (key, version, value) VALUES (:key, 1, :value)
	ON CONFLICT (key) DO UPDATE SET version = r.version + 1, value = excluded.value
	RETURNING key, version, value
), noted AS (
	INSERT INTO effects (key, version, value, once) SELECT key, version, value, 1 FROM changed
)
SELECT key, version, value FROM changed;

-- command: write_quiet :one
-- The same, in the other table.
-- @param key text
-- @param value text
WITH changed AS (
	INSERT INTO quiet_registers AS r (key, version, value) VALUES (:key, 1, :value)
	ON CONFLICT (key) DO UPDATE SET version = r.version + 1, value = excluded.value
	RETURNING key, version, value
), noted AS (
	INSERT INTO effects (key, version, value) SELECT key, version, value FROM changed
)
SELECT key, version, value FROM changed;

-- query: read :maybe
-- @param key text
SELECT key, version, value FROM registers WHERE key = :key;

-- query: read_quiet :maybe
-- @param key text
SELECT key, version, value FROM quiet_registers WHERE key = :key;

-- query: read_quiet_looked_up :maybe
-- @param key text
-- @lookup by key
SELECT key, version, value FROM quiet_registers WHERE key = ANY(:key);

-- query: read_looked_up :maybe
-- The same; calls that wait together are one execution.
-- @param key text
-- @lookup by key
SELECT key, version, value FROM registers WHERE key = ANY(:key);

-- query: read_all :many
-- One snapshot of every register.
SELECT key, version, value FROM registers UNION ALL SELECT key, version, value FROM quiet_registers;

-- query: sleep :one
-- @param seconds float8
SELECT true AS slept FROM pg_sleep(:seconds);
