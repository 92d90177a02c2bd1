-- What the shop does not have, for the calls of tests/calls/run.

-- query: more.cached :many
-- @param max int = 3
-- @cache 5s
-- @tags products
SELECT sku, name, price FROM products ORDER BY sku LIMIT least(greatest(:max, 0), 20);

-- query: more.maybe :maybe
-- @param id bigint
-- @int8 string
SELECT id, name, joined_at FROM customers WHERE id = :id;

-- query: more.types :one
-- @param i2 smallint?
-- @param b bytea?
-- @param d date?
-- @param ts timestamp?
-- @param iv interval?
-- @param u uuid?
-- @param n numeric?
-- @param f double precision?
-- @param j jsonb?
-- @param a int[]?
SELECT :i2 AS i2, :b AS b, :d AS d, :ts AS ts, :iv AS iv, :u AS u, :n AS n, :f AS f, :j AS j,
       :a AS a;

-- query: more.by_key :maybe
-- @param id bigint
-- @lookup by id
SELECT id, name FROM customers WHERE id = ANY (:id);

-- command: more.noted :exec
-- @param note text?
-- @param id bigint
-- @invalidates products
UPDATE orders SET note = :note WHERE id = :id;

-- command: more.later :one
-- @param n int
-- @param text text = 'x'
-- @async allowed
-- @batch-max 5
-- @retries 0
SELECT :n AS n, :text AS text;

-- command: more.always :exec
-- @param id bigint
-- @async always
-- @retries 0
UPDATE orders SET quantity = quantity WHERE id = :id;

-- command: more.once :one
-- @param n int
-- @idempotency required
SELECT :n AS n;

-- query: more.older :many
-- @deprecated 2027-03-31 use=products.search
SELECT sku FROM products ORDER BY sku LIMIT 1;
