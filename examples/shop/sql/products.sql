-- query: product_by_sku :one
-- One product; 404 when there is none.
SELECT sku, name, price, stock, tags, attributes, added_on
  FROM products
 WHERE sku = :sku;

-- query: products.search :many
-- Products by any mix of conditions; absent ones do not filter.
-- @param starts_with text?        Beginning of the name, in any case
-- @param tags text[]?             Carries at least one of these (repeat the key: tags=a&tags=b)
-- @param price_min numeric?
-- @param price_max numeric?
-- @param attributes jsonb?        Has all of these, e.g. {"colour":"red"}
-- @param in_stock boolean = false Only what can be sent today
-- @param max int = 20
-- @timeout 1s
-- @max-rows 200
SELECT sku, name, price, stock, tags, attributes
  FROM products
 WHERE (:starts_with IS NULL OR starts_with(lower(name), lower(:starts_with)))
   AND (:tags IS NULL OR tags && :tags)
   AND (:price_min IS NULL OR price >= :price_min)
   AND (:price_max IS NULL OR price <= :price_max)
   AND (:attributes IS NULL OR attributes @> :attributes)
   AND (NOT :in_stock OR stock > 0)
 ORDER BY price, sku
 LIMIT least(:max, 200);

-- query: top_products :many
-- What sold best since a moment. A report: any replica will do.
-- @param since timestamptz?      Absent means June 2025
-- @param max int = 10
-- @consistency eventual
-- @timeout 3s
-- @priority 6
SELECT p.sku, p.name, count(*) AS orders, sum(o.quantity) AS pieces,
       sum(o.quantity * o.unit_price) AS turnover
  FROM orders AS o
  JOIN products AS p ON p.sku = o.sku
 WHERE o.created_at >= coalesce(:since, '2025-06-01T00:00:00Z') AND o.status <> 'cancelled'
 GROUP BY p.sku, p.name
 ORDER BY turnover DESC, p.sku
 LIMIT :max;

-- command: adjust_stock :one
-- Adds to the stock of a product, or takes from it. Below zero is a constraint violation (422).
-- @param sku text
-- @param change int
UPDATE products SET stock = stock + :change WHERE sku = :sku
RETURNING sku, stock;

-- command: products.describe :one
-- Replaces the tags and merges the attributes of a product.
-- @param sku text
-- @param tags text[]?
-- @param attributes jsonb?
UPDATE products
   SET tags = coalesce(:tags, tags), attributes = attributes || coalesce(:attributes, '{}')
 WHERE sku = :sku
RETURNING sku, tags, attributes;
