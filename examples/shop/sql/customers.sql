-- query: customer_by_id :maybe
-- One customer; `data` is null when there is none.
SELECT id, name, email, country, joined_at FROM customers WHERE id = :id;

-- query: customer_summary :one
-- A customer with what they ordered so far, one document.
SELECT c.id, c.name, c.joined_at, count(o.id) AS orders,
       coalesce(sum(o.quantity * o.unit_price), 0) AS spent,
       max(o.created_at) AS last_order_at,
       coalesce(jsonb_agg(DISTINCT o.status) FILTER (WHERE o.id IS NOT NULL), '[]') AS statuses
  FROM customers AS c
  LEFT JOIN orders AS o ON o.customer_id = c.id
 WHERE c.id = :id
 GROUP BY c.id;

-- command: add_customer :one
-- An address that is taken is a conflict (409) that names the constraint.
-- @param name text
-- @param email text
-- @param country text
INSERT INTO customers (name, email, country) VALUES (:name, :email, upper(:country))
RETURNING id, name, email, joined_at;
