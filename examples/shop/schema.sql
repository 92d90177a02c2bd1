-- The shop: products, customers and orders. The application owns these tables;
-- cqrsd keeps its own in the schema cqrsd (see `cqrsd migrate`).

BEGIN;

CREATE TYPE order_status AS ENUM ('new', 'paid', 'shipped', 'cancelled');

CREATE TABLE products (
    sku         text PRIMARY KEY CHECK (sku ~ '^[a-z0-9-]{2,40}$'),
    name        text NOT NULL,
    price       numeric(10, 2) NOT NULL CHECK (price >= 0),
    stock       int NOT NULL DEFAULT 0 CHECK (stock >= 0),
    tags        text[] NOT NULL DEFAULT '{}',
    attributes  jsonb NOT NULL DEFAULT '{}',
    added_on    date NOT NULL DEFAULT current_date
);
CREATE INDEX products_tags ON products USING gin (tags);
CREATE INDEX products_name ON products (lower(name) text_pattern_ops);

CREATE TABLE customers (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name        text NOT NULL,
    email       text NOT NULL UNIQUE,
    country     char(2) NOT NULL,
    joined_at   timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE orders (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    customer_id bigint NOT NULL REFERENCES customers,
    sku         text NOT NULL REFERENCES products,
    quantity    int NOT NULL CHECK (quantity BETWEEN 1 AND 1000),
    unit_price  numeric(10, 2) NOT NULL,
    status      order_status NOT NULL DEFAULT 'new',
    note        text,
    placed_by   text,
    created_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    cancelled_at timestamptz
);
CREATE INDEX orders_of_customer ON orders (customer_id, created_at DESC, id DESC);
CREATE INDEX orders_of_day ON orders (created_at);
CREATE INDEX orders_of_user ON orders (placed_by, id DESC) WHERE placed_by IS NOT NULL;

-- Cancelling has a rule that a constraint cannot say: the function raises what the client
-- is told. A plain RAISE answers 422, SQLSTATE PTnnn answers status nnn.
CREATE FUNCTION cancel_order(which bigint, who text) RETURNS SETOF orders
LANGUAGE plpgsql AS $$
DECLARE
    found_order orders;
BEGIN
    SELECT * INTO found_order FROM orders WHERE id = which FOR UPDATE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'there is no order %', which USING ERRCODE = 'PT404';
    END IF;
    IF found_order.placed_by IS DISTINCT FROM who THEN
        RAISE EXCEPTION 'order % was placed by somebody else', which USING ERRCODE = 'PT403';
    END IF;
    IF found_order.status IN ('shipped', 'cancelled') THEN
        RAISE EXCEPTION 'order % is % already', which, found_order.status;
    END IF;
    RETURN QUERY UPDATE orders SET status = 'cancelled', cancelled_at = clock_timestamp()
                  WHERE id = which RETURNING *;
END $$;

COMMIT;
