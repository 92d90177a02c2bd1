-- command: put :one
-- @param number bigint
INSERT INTO cells (owner, number) VALUES (:request_user, :number)
ON CONFLICT (owner) DO UPDATE SET number = excluded.number
RETURNING owner, number;

-- command: touch :exec
-- @param owner text
-- @param least bigint = 0
UPDATE cells SET number = number + 1 WHERE owner = :owner AND number >= :least;

-- query: cell :maybe
-- @param owner text
SELECT owner, number FROM cells WHERE owner = :owner;

-- query: cell.mine :maybe
SELECT owner, number FROM cells WHERE owner = :request_user;

-- query: cell.strong :maybe
-- @consistency strong
SELECT owner, number FROM cells WHERE owner = :owner;

-- query: cell.eventual :maybe
-- @consistency eventual
SELECT owner, number FROM cells WHERE owner = :owner;

-- query: cell.stale :maybe
-- @on-lag stale
SELECT owner, number FROM cells WHERE owner = :owner;

-- query: cell.fail :maybe
-- @on-lag fail
SELECT owner, number FROM cells WHERE owner = :owner;

-- query: cell.recent :maybe
-- @consistency eventual
-- @max-staleness 1s
SELECT owner, number FROM cells WHERE owner = :owner;

-- query: whoami :one
SELECT :request_user::text AS name, pg_is_in_recovery() AS on_replica,
       current_setting('transaction_read_only') AS read_only;

-- command: append :exec
-- @param number bigint
INSERT INTO ledger (writer, number) VALUES (:request_user, :number);

-- command: append.slowly :exec
-- @param number bigint
-- @param seconds float8 = 0.3
WITH first AS MATERIALIZED (SELECT pg_sleep(:seconds))
INSERT INTO ledger (writer, number) SELECT :request_user, :number FROM first;

-- command: count_up :one
-- Fails to serialize as soon as two of them meet.
-- @param name text = shared
-- @isolation serializable
UPDATE counters SET value = value + 1 WHERE name = :name RETURNING value;

-- command: add_to_both :exec
SELECT add_to_both(:one, :other);
