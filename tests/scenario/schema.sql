-- Tables and functions that only the scenario tests need, beside the shop.

-- One cell per user: what they put last. A read of one's own cell tells whether it is fresh.
CREATE TABLE cells (owner text PRIMARY KEY, number bigint NOT NULL);

-- Every acknowledged line must be here after any accident.
CREATE TABLE ledger (writer text, number bigint, PRIMARY KEY (writer, number));

CREATE TABLE counters (name text PRIMARY KEY, value bigint NOT NULL DEFAULT 0);
INSERT INTO counters (name) VALUES ('shared'), ('left'), ('right');

CREATE TABLE shifts (id bigint GENERATED ALWAYS AS IDENTITY, room int, during int4range,
                     EXCLUDE USING gist (during WITH &&));
CREATE TABLE parents (id bigint PRIMARY KEY);
CREATE TABLE families (id bigint PRIMARY KEY,
                       parent bigint REFERENCES parents DEFERRABLE INITIALLY DEFERRED);

CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy');
CREATE TYPE place AS (street text, number int);
CREATE DOMAIN percent AS int CHECK (VALUE BETWEEN 0 AND 100);

CREATE FUNCTION raise_as(state text, message text) RETURNS int LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '%', message USING ERRCODE = state;
END $$;

CREATE FUNCTION write_secretly(who text) RETURNS bigint LANGUAGE sql VOLATILE AS $$
    INSERT INTO cells (owner, number) VALUES (who, 1)
    ON CONFLICT (owner) DO UPDATE SET number = cells.number + 1 RETURNING number
$$;

-- Two of these from either end at once deadlock.
CREATE FUNCTION add_to_both(one text, other text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    UPDATE counters SET value = value + 1 WHERE name = one;
    PERFORM pg_sleep(0.02);
    UPDATE counters SET value = value + 1 WHERE name = other;
END $$;
