-- Several operations that go wrong, each in its own way.

-- query: ping :one
SELECT 1 AS pong;

-- query: sleep :one
-- @param seconds float8
SELECT pg_sleep(:seconds) IS NOT NULL AS slept;

-- query: sleep.short :one
-- @param seconds float8
-- @timeout 300ms
SELECT pg_sleep(:seconds) IS NOT NULL AS slept;

-- command: sleep.command :one
-- @param seconds float8
-- @timeout 300ms
SELECT pg_sleep(:seconds) IS NOT NULL AS slept;

-- query: numbers :many
-- @param count int
SELECT n FROM generate_series(1, :count) AS n;

-- query: numbers.few :many
-- @param count int
-- @max-rows 5
SELECT n FROM generate_series(1, :count) AS n;

-- query: numbers.one :one
-- @param count int
SELECT n FROM generate_series(1, :count) AS n;

-- query: numbers.maybe :maybe
-- @param count int
SELECT n FROM generate_series(1, :count) AS n;

-- query: numbers.exec :exec
-- @param count int
SELECT n FROM generate_series(1, :count) AS n;

-- query: wide :many
-- @param rows int
-- @param width int
SELECT repeat('x', :width) AS filling FROM generate_series(1, :rows);

-- query: divide :one
-- @param by int
SELECT 1 / :by AS result;

-- query: to_date :one
-- @param text text
SELECT :text::date AS day;

-- query: raise :one
-- @param state text
-- @param message text = no
SELECT raise_as(:state, :message) AS never;

-- command: raise.command :one
-- @param state text
-- @param message text = no
SELECT raise_as(:state, :message) AS never;

-- query: writes :one
-- @param who text
SELECT write_secretly(:who) AS number;

-- command: book :one
-- @param from_hour int
-- @param to_hour int
INSERT INTO shifts (room, during) VALUES (1, int4range(:from_hour, :to_hour)) RETURNING id;

-- command: adopt :one
-- The foreign key is checked when the transaction ends.
-- @param id bigint
-- @param parent bigint
INSERT INTO families (id, parent) VALUES (:id, :parent) RETURNING id;

-- command: product_without_name :exec
INSERT INTO products (sku, name, price) VALUES (:sku, NULL, 1);

-- query: undeclared :one
SELECT :first::int + :second::int AS sum;

-- query: optional :one
-- @param required int
-- @param optional text?
-- @param fallback int = 42
SELECT :required AS required, :optional AS optional, :fallback AS fallback;

-- query: columns :one
-- Names that JSON has to escape.
SELECT 1 AS "a ""quoted"" name", 2 AS "back\slash", 3 AS "täg", 4 AS "new
line";

-- query: not_parameters :one
-- What looks like a parameter and is none.
-- @param real int
SELECT ':a' AS a, E'\':b' AS b, $$:c$$ AS c, $x$ :d $x$ AS d, 1::int AS ":e", -- :f
       /* :g /* :h */ */ (ARRAY[1, 2, 3])[2 : 3] AS i, :real AS real;
