-- query: articles :many
-- The articles of the caller's tenant. The statement names no tenant: the policies do.
-- @claims
SELECT tenant, sku, price, stock FROM tenants.articles ORDER BY sku;

-- query: purchases :many
-- What was bought from the caller's tenant, newest first.
-- @param max int = 20
-- @claims
-- @max-rows 500
SELECT id, tenant, sku, quantity, bought_by, bought_at
  FROM tenants.purchases
 ORDER BY id DESC
 LIMIT :max;

-- query: purchase_by_id :one
-- One purchase; 404 when there is none, or it is another tenant's.
-- @param id bigint
-- @claims
SELECT id, tenant, sku, quantity, bought_by FROM tenants.purchases WHERE id = :id;

-- command: buy :one
-- An article that the tenant does not have is a conflict (409) that names the foreign key.
-- @param sku text
-- @param quantity int = 1
-- @claims
INSERT INTO tenants.purchases (sku, quantity, bought_by)
VALUES (:sku, :quantity, :request_user)
RETURNING id, tenant, sku, quantity;

-- command: restock :one
-- Adds to the stock, or takes from it: 404 where the tenant has no such article.
-- @param sku text
-- @param change int
-- @claims
UPDATE tenants.articles SET stock = stock + :change WHERE sku = :sku
RETURNING tenant, sku, stock;
