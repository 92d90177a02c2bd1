-- query: series :many
-- Any part of a series whose rows can be told from each other.
-- @param low int
-- @param high int
SELECT n, md5(n::text) AS hash FROM generate_series(:low::int, :high::int) AS n;

-- query: series.cell :many
-- A cell as often as wanted: what a stream saw of it.
-- @param owner text
-- @param rows int
SELECT number, n, repeat('x', 100) AS filling FROM cells, generate_series(1, :rows) AS n
 WHERE owner = :owner;

-- query: series.short :many
-- A series that may not be long, however wide.
-- @param rows int
-- @max-rows 1000
SELECT n, repeat('x', 100) AS filling FROM generate_series(1, :rows) AS n;

-- query: series.fails :many
-- Divides by zero behind so many rows.
-- @param rows int
SELECT 1 / (:rows::int - n) AS result, repeat('x', 1000) AS filling
  FROM generate_series(0, :rows) AS n;

-- query: series.raises :many
-- Behind so many rows, what looks as if a prepared statement had gone.
-- @param rows int
SELECT CASE WHEN n = :rows THEN raise_as('26000', 'gone') ELSE n END AS n,
       repeat('x', 1000) AS filling
  FROM generate_series(1, :rows) AS n;
