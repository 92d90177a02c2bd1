-- query: balance :one
-- The statement of `pgbench -S`: one row by its primary key.
SELECT abalance FROM pgbench_accounts WHERE aid = :aid;

-- query: balance_claimed :one
-- The same behind the claims of its caller.
-- @claims
SELECT abalance FROM pgbench_accounts WHERE aid = :aid;

-- query: account :one
-- An account by its number.
SELECT aid, abalance FROM pgbench_accounts WHERE aid = :aid;

-- query: account_looked_up :one
-- The same, of all that wait together at once.
-- @lookup by aid
SELECT aid, abalance FROM pgbench_accounts WHERE aid = ANY(:aid);

-- query: busy :one
-- An aggregation that keeps a core busy for as long as the number of rows says.
-- @timeout 10s
SELECT sum(i % 7) AS sum FROM generate_series(1, :rows::bigint) AS i;

-- query: wide :many
-- So many rows of about a kilobyte: a result that no one wants in memory.
-- @timeout 10m
SELECT i, repeat('x', 1000) AS filler FROM generate_series(1, :rows::bigint) AS i;

-- query: page :many
-- A page of 42 rows, 4 KB as JSON, of which a third is text that hardly repeats.
SELECT aid, md5(aid::text) AS tag, abalance, 'Order ' || aid || ' of customer ' || bid AS title
FROM pgbench_accounts WHERE aid BETWEEN :aid AND :aid + 41 ORDER BY aid;
