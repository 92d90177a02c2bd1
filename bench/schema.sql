-- What the bench writes into, beside the tables of pgbench.
CREATE TABLE bench_row (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, n bigint NOT NULL, note text NOT NULL);
CREATE TABLE bench_note (
    n bigint PRIMARY KEY, owner text NOT NULL, balance int NOT NULL);
CREATE TABLE bench_checked (id int PRIMARY KEY, n bigint NOT NULL);
-- How fast each node is, by its port, and the SQLSTATE of all its answers, if any: bench/recovery.
CREATE TABLE bench_pace (port int PRIMARY KEY, times_slower float8 NOT NULL DEFAULT 1,
    broken text);
CREATE FUNCTION bench_paced(us bigint) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    pace bench_pace;
BEGIN
    SELECT * INTO pace FROM bench_pace WHERE port = inet_server_port();
    IF pace.broken IS NOT NULL THEN
        RAISE EXCEPTION 'all is wrong' USING ERRCODE = pace.broken;
    END IF;
    PERFORM pg_sleep(us * coalesce(pace.times_slower, 1) / 1000000);
    RETURN 'slept';
END
$$;
