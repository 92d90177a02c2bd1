-- The same data on every machine: 1,205 products, 10,000 customers, 100,000 orders.
-- Customers from 9,001 up have not ordered yet.

BEGIN;

INSERT INTO products (sku, name, price, stock, tags, attributes, added_on) VALUES
    ('pen', 'Pen', 1.20, 100000, '{office,writing}', '{"colour": "blue"}', '2024-01-01'),
    ('notebook', 'Notebook', 4.50, 100000, '{office,paper}', '{"pages": 96}', '2024-01-01'),
    ('lamp', 'Desk lamp', 39.00, 5000, '{office,light}', '{"watts": 7.5}', '2024-01-02'),
    ('chair', 'Chair', 189.99, 800, '{office,furniture}', '{"colour": "grey"}', '2024-01-03'),
    ('desk', 'Standing desk', 499.00, 250, '{office,furniture}', '{"electric": true}', '2024-01-04');

INSERT INTO products (sku, name, price, stock, tags, attributes, added_on)
SELECT kind || '-' || lpad(n::text, 4, '0'),
       initcap(colour || ' ' || kind) || ' ' || n,
       (n * 37 % 20000 + 99) / 100.0,
       n * 13 % 500,
       ARRAY[kind, colour] || CASE WHEN n % 10 = 0 THEN ARRAY['sale'] ELSE '{}' END,
       jsonb_build_object('colour', colour, 'weight_g', n * 7 % 900 + 50),
       date '2024-01-01' + n % 700
  FROM generate_series(1, 1200) AS n,
       LATERAL (SELECT (ARRAY['mug', 'bag', 'shirt', 'book', 'clock', 'plant'])[n % 6 + 1] AS kind,
                       (ARRAY['red', 'green', 'blue', 'black', 'white'])[n % 5 + 1] AS colour) AS made;

INSERT INTO customers (name, email, country, joined_at)
SELECT first || ' ' || last, lower(first) || '.' || lower(last) || '.' || n || '@example.com',
       (ARRAY['DE', 'FR', 'IT', 'NL', 'PL', 'SE', 'US'])[n % 7 + 1],
       timestamptz '2024-01-01 08:00+00' + n * interval '61 minutes'
  FROM generate_series(1, 10000) AS n,
       LATERAL (SELECT (ARRAY['Ada', 'Ben', 'Cleo', 'Dan', 'Eva', 'Finn', 'Gus', 'Hana', 'Ida',
                              'Jon'])[n % 10 + 1] AS first,
                       (ARRAY['Abel', 'Brandt', 'Costa', 'Diaz', 'Eriksen', 'Fischer', 'Grant',
                              'Haas', 'Ito', 'Jansen', 'Kowalska'])[n % 11 + 1] AS last) AS names;

-- Few products sell a lot and many sell a little; later orders are newer.
WITH shelf AS (
    SELECT sku, price, row_number() OVER (ORDER BY sku) - 1 AS place FROM products
)
INSERT INTO orders (customer_id, sku, quantity, unit_price, status, created_at)
SELECT n * 7919 % 9000 + 1, shelf.sku, n % 5 + 1, shelf.price,
       CASE WHEN n > 97000 THEN 'new' WHEN n > 92000 THEN 'paid' WHEN n % 40 = 0 THEN 'cancelled'
            ELSE 'shipped' END::order_status,
       timestamptz '2025-01-01 00:00+00' + n * interval '5 minutes'
  FROM generate_series(1, 100000) AS n
  JOIN shelf ON shelf.place = floor(1205 * power(n * 104729::bigint % 100000 / 100000.0, 2))
 ORDER BY n;

UPDATE orders SET cancelled_at = created_at + interval '2 hours' WHERE status = 'cancelled';

COMMIT;

ANALYZE products, customers, orders;
