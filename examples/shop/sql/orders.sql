-- query: orders_by_customer :many
-- Orders of one customer, newest first.
-- @param customer_id bigint     Customer to list
-- @param status order_status?   Absent means any status
-- @param max int = 50           Page size
-- @consistency session
-- @timeout 2s
-- @max-rows 500
SELECT id, sku, quantity, unit_price, status, note, created_at
  FROM orders
 WHERE customer_id = :customer_id AND (:status IS NULL OR status = :status)
 ORDER BY created_at DESC, id DESC
 LIMIT least(:max, 500);

-- query: order_by_id :one
-- One order; 404 when there is none.
SELECT o.id, o.customer_id, c.name AS customer, o.sku, o.quantity, o.unit_price,
       o.quantity * o.unit_price AS total, o.status, o.note, o.placed_by, o.created_at,
       o.cancelled_at
  FROM orders AS o
  JOIN customers AS c ON c.id = o.customer_id
 WHERE o.id = :id;

-- query: my_orders :many
-- What the user who asks has placed. The user comes from the request's user header and can
-- never be given in the body or the query string.
-- @param max int = 20
-- @max-rows 500
SELECT id, customer_id, sku, quantity, unit_price, status, created_at
  FROM orders
 WHERE placed_by = :request_user
 ORDER BY id DESC
 LIMIT least(:max, 500);

-- query: orders_between :many
-- Orders created in a span of time, oldest first; `until` itself is outside.
-- @param since timestamptz
-- @param until timestamptz
-- @param statuses order_status[]?
-- @consistency eventual
-- @max-staleness 5s
-- @on-lag stale
-- @timeout 2s
-- @max-rows 1000
SELECT id, customer_id, sku, quantity, status, created_at
  FROM orders
 WHERE created_at >= :since AND created_at < :until
   AND (:statuses IS NULL OR status = ANY (:statuses))
 ORDER BY created_at, id
 LIMIT 1000;

-- command: place_order :one
-- Places an order at today's price. An unknown customer or product is a conflict (409) that
-- names the foreign key.
-- @param customer_id bigint
-- @param sku text
-- @param quantity int = 1
-- @param note text?
-- @timeout 2s
INSERT INTO orders (customer_id, sku, quantity, unit_price, note, placed_by)
VALUES (:customer_id, :sku, :quantity,
        coalesce((SELECT price FROM products WHERE sku = :sku), 0), :note, :request_user)
RETURNING id, status, unit_price, created_at;

-- command: cancel_order :one
-- Cancels an order of the user who asks: 404 when there is none, 403 when somebody else placed
-- it, 422 when it is shipped or cancelled already.
SELECT id, status, cancelled_at FROM cancel_order(:id, :request_user);
