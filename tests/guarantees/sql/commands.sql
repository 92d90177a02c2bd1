-- SPDX-License-Identifier: Apache-2.0
-- Registers and counters: each change leaves its row in the log, in the same statement.

-- command: put :one
-- Writes a register.
-- @param key text
-- @param value text
-- @param attempt text
-- @param session text
WITH changed AS (
	UPDATE registers
	   SET version = version + 1, value = :value, session = :session,
	       tail = (array_prepend(:attempt, tail))[1:6]
	 WHERE key = :key
	RETURNING key, version, value, tail
), logged AS (
	INSERT INTO log (key, version, value, attempt)
	SELECT key, version, value, :attempt FROM changed
)
SELECT key, version, tail FROM changed;

-- command: put.strictly :one
-- The same, in a serializable transaction.
-- @isolation serializable
-- @param key text
-- @param value text
-- @param attempt text
-- @param session text
WITH changed AS (
	UPDATE registers
	   SET version = version + 1, value = :value, session = :session,
	       tail = (array_prepend(:attempt, tail))[1:6]
	 WHERE key = :key
	RETURNING key, version, value, tail
), logged AS (
	INSERT INTO log (key, version, value, attempt)
	SELECT key, version, value, :attempt FROM changed
)
SELECT key, version, tail FROM changed;

-- command: put.both :many
-- Writes a register and its partner: whoever sees one of the two sees the other.
-- @param keys text[]
-- @param value text
-- @param attempt text
-- @param session text
WITH changed AS (
	UPDATE registers
	   SET version = version + 1, value = :value, session = :session,
	       tail = (array_prepend(:attempt, tail))[1:6]
	 WHERE key = ANY (:keys)
	RETURNING key, version, value, tail
), logged AS (
	INSERT INTO log (key, version, value, attempt)
	SELECT key, version, value, :attempt FROM changed
)
SELECT key, version, tail FROM changed;

-- command: put.raise :one
-- Fails when all is written.
-- @param key text
-- @param value text
-- @param attempt text
-- @param session text
WITH changed AS (
	UPDATE registers
	   SET version = version + 1, value = :value, session = :session,
	       tail = (array_prepend(:attempt, tail))[1:6]
	 WHERE key = :key
	RETURNING key, version, value, tail
), logged AS (
	INSERT INTO log (key, version, value, attempt)
	SELECT key, version, value, :attempt FROM changed
)
SELECT key, refuse(version) AS version, tail FROM changed;

-- command: put.conflict :one
-- Fails with a key that is taken.
-- @param key text
-- @param value text
-- @param attempt text
-- @param session text
WITH changed AS (
	UPDATE registers
	   SET version = version + 1, value = :value, session = :session,
	       tail = (array_prepend(:attempt, tail))[1:6]
	 WHERE key = :key
	RETURNING key, version, value, tail
), logged AS (
	INSERT INTO log (key, version, value, attempt)
	SELECT key, version, value, :attempt FROM changed
), refused AS (
	INSERT INTO taken VALUES (1)
)
SELECT key, version, tail FROM changed;

-- command: put.late :one
-- Fails at its commit: the constraint is deferred.
-- @param key text
-- @param value text
-- @param attempt text
-- @param session text
WITH changed AS (
	UPDATE registers
	   SET version = version + 1, value = :value, session = :session,
	       tail = (array_prepend(:attempt, tail))[1:6]
	 WHERE key = :key
	RETURNING key, version, value, tail
), logged AS (
	INSERT INTO log (key, version, value, attempt)
	SELECT key, version, value, :attempt FROM changed
), refused AS (
	INSERT INTO taken_late VALUES (1)
)
SELECT key, version, tail FROM changed;

-- command: add :one
-- Counts one up.
-- @param key text
-- @param value text
-- @param attempt text
WITH changed AS (
	UPDATE counters SET value = value + 1, last = :attempt WHERE name = :key
	RETURNING name AS key, value AS version, ARRAY[last] AS tail
), logged AS (
	INSERT INTO log (key, version, value, attempt)
	SELECT key, version, :value, :attempt FROM changed
)
SELECT key, version, tail FROM changed;
