-- query: account_kept :one
-- One row by its primary key, kept for a minute.
-- @cache 60s
SELECT abalance FROM pgbench_accounts WHERE aid = :aid;

-- command: deposit :one
-- Writes to the row that account_kept reads.
UPDATE pgbench_accounts SET abalance = abalance + :delta::int WHERE aid = :aid RETURNING abalance;
