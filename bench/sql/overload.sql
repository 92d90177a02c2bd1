-- query: work :one
-- Keeps a core busy for as long as the number of rows says, and keeps none of them.
SELECT sum(i % 7) AS sum FROM (SELECT generate_series(1, :rows::bigint) AS i) AS numbers;

-- query: long_work :one
-- The same by a name of its own, so that what is learnt of its times is not of the short ones.
SELECT sum(i % 7) AS sum FROM (SELECT generate_series(1, :rows::bigint) AS i) AS numbers;

-- query: work_later :one
-- What may wait.
-- @priority 7
SELECT sum(i % 7) AS sum FROM (SELECT generate_series(1, :rows::bigint) AS i) AS numbers;

-- query: long_work_later :one
-- @priority 7
SELECT sum(i % 7) AS sum FROM (SELECT generate_series(1, :rows::bigint) AS i) AS numbers;

-- query: pause :one
-- Takes its time, but no core: what it shows does not depend on how fast the machine just is.
SELECT pg_sleep(:us::float8 / 1000000)::text AS slept;

-- query: long_pause :one
SELECT pg_sleep(:us::float8 / 1000000)::text AS slept;

-- query: pause_later :one
-- @priority 7
SELECT pg_sleep(:us::float8 / 1000000)::text AS slept;

-- query: long_pause_later :one
-- @priority 7
SELECT pg_sleep(:us::float8 / 1000000)::text AS slept;
