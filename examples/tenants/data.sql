-- Two tenants, red and blue, with the same articles; ann and rob belong to red, bob and bea to blue.
-- Run by a superuser, for whom no policy holds.

BEGIN;

INSERT INTO tenants.members (name, tenant)
VALUES ('ann', 'red'), ('rob', 'red'), ('bob', 'blue'), ('bea', 'blue');

INSERT INTO tenants.articles (tenant, sku, price, stock)
SELECT tenant, sku, price, 1000000
  FROM (VALUES ('red'), ('blue')) AS t (tenant),
       (VALUES ('pen', 1.20), ('notebook', 4.50), ('lamp', 39.00)) AS a (sku, price);

INSERT INTO tenants.purchases (tenant, sku, quantity, bought_by)
SELECT m.tenant, 'pen', n, m.name
  FROM tenants.members AS m, generate_series(1, 25) AS n;

COMMIT;
