-- query: account_kept :one
-- One row by its primary key, kept for a minute.
-- @cache 60s
SELECT abalance FROM pgbench_accounts WHERE aid = :aid;

-- command: deposit :one
-- Writes to the row that account_kept reads.
UPDATE pgbench_accounts SET abalance = abalance + :delta::int WHERE aid = :aid RETURNING abalance;

-- query: checked :one
-- A row that others write to.
-- @cache 60s
SELECT n FROM bench_checked WHERE id = :id;

-- command: check :exec
UPDATE bench_checked SET n = :n WHERE id = :id;

-- query: sized :one
-- As many answers as there are sizes.
-- @cache 600s
-- @param n int
SELECT repeat('x', :n) AS text FROM pgbench_accounts WHERE aid = 1;
