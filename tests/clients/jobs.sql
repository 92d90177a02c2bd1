-- command: restock :one
-- Adds to the stock of a product, when there is time for it.
-- @param sku text
-- @param change int
-- @async allowed
UPDATE products SET stock = stock + :change WHERE sku = :sku RETURNING sku, stock;
