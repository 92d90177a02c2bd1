-- Two shops in one set of tables: what a row belongs to is a column, and row level security shows
-- each caller the rows of its own tenant only. Run once, by a role that may create roles.

BEGIN;

-- Owns everything and cannot log in. The other one is what cqrsd logs in as: it owns nothing.
CREATE ROLE tenants_owner NOLOGIN;
CREATE ROLE tenants_app LOGIN;

CREATE SCHEMA tenants AUTHORIZATION tenants_owner;
GRANT USAGE ON SCHEMA tenants TO tenants_app;
SET ROLE tenants_owner;

-- Whose user somebody is, where the credential does not say it.
CREATE TABLE tenants.members (
    name text PRIMARY KEY,
    tenant text NOT NULL
);

-- The tenant of whoever asks: what the token claims, else that of the user; NULL: none. STABLE, not
-- IMMUTABLE: its result is of one statement, and must never be kept in a plan.
CREATE FUNCTION tenants.current_tenant() RETURNS text LANGUAGE sql STABLE
RETURN coalesce(
    NULLIF(current_setting('request.jwt.claims', true), '')::jsonb ->> 'tenant',
    (SELECT m.tenant FROM tenants.members AS m
      WHERE m.name = NULLIF(current_setting('request.user', true), '')));

-- A command need not name the tenant; one that names another is refused by the policy.
CREATE TABLE tenants.articles (
    tenant text NOT NULL DEFAULT tenants.current_tenant(),
    sku text NOT NULL,
    price numeric(10, 2) NOT NULL CHECK (price >= 0),
    stock int NOT NULL CHECK (stock >= 0),
    PRIMARY KEY (tenant, sku)
);

CREATE TABLE tenants.purchases (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    tenant text NOT NULL DEFAULT tenants.current_tenant(),
    sku text NOT NULL,
    quantity int NOT NULL CHECK (quantity > 0),
    bought_by text,
    bought_at timestamptz NOT NULL DEFAULT now(),
    FOREIGN KEY (tenant, sku) REFERENCES tenants.articles
);
CREATE INDEX ON tenants.purchases (tenant, id);

-- FORCE: the policies hold for the owner, too. (SELECT …): once for a statement, not for each row.
ALTER TABLE tenants.members ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE tenants.articles ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE tenants.purchases ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY themselves ON tenants.members
    USING (name = (SELECT NULLIF(current_setting('request.user', true), '')));
CREATE POLICY own_tenant ON tenants.articles USING (tenant = (SELECT tenants.current_tenant()));
CREATE POLICY own_tenant ON tenants.purchases USING (tenant = (SELECT tenants.current_tenant()));

GRANT SELECT ON tenants.members TO tenants_app;
GRANT SELECT, INSERT, UPDATE ON tenants.articles, tenants.purchases TO tenants_app;

RESET ROLE;
COMMIT;
