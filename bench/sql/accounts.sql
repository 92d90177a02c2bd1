-- query: balance :one
-- The statement of `pgbench -S`: one row by its primary key.
SELECT abalance FROM pgbench_accounts WHERE aid = :aid;
