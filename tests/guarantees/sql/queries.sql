-- SPDX-License-Identifier: Apache-2.0
-- One register, several in one snapshot, and the log from its beginning.

-- query: read :one
-- @param key text
SELECT key, version, tail FROM shown WHERE key = :key;

-- query: read.stale :one
-- The only one that may be answered with less than its session knows, and is marked then.
-- @param key text
-- @on-lag stale
SELECT key, version, tail FROM shown WHERE key = :key;

-- query: read.many :many
-- @param keys text[]
SELECT key, version, tail FROM shown WHERE key = ANY (:keys);

-- query: log :many
-- A page of the log, behind a row.
-- @param after bigint
-- @consistency strong
-- @max-rows 1000
SELECT id, key, version, value, attempt FROM log WHERE id > :after ORDER BY id LIMIT 1000;

-- query: shown :many
-- @consistency strong
SELECT key, version, tail FROM shown;
