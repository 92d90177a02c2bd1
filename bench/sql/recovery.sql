-- query: paced :one
-- Sleeps, the longer on a node that is to be slow, or fails where it is to be broken.
SELECT bench_paced(:us::bigint) AS slept;

-- query: long_paced :one
SELECT bench_paced(:us::bigint) AS slept;
