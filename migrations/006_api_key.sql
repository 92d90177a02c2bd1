-- API keys. A key is cq_ID_SECRET_CRC; hash is the SHA-256 of SECRET, 256 random bits, so that who
-- reads this table can use no key. A row stays for ever: a revoked key is one that ever was.
CREATE TABLE cqrsd.api_key (
	id text PRIMARY KEY CHECK (id ~ '^[0-9A-Za-z]{1,32}$'),
	hash bytea NOT NULL CHECK (octet_length(hash) = 32),
	name text NOT NULL CHECK (name ~ '^[0-9A-Za-z._@:/+-]{1,64}$'),
	roles text[] NOT NULL DEFAULT '{}' CHECK (cardinality(roles) <= 32
		AND array_position(roles, NULL) IS NULL
		AND array_to_string(roles, ',') ~ '^([0-9A-Za-z._@:/+-]{1,64}(,[0-9A-Za-z._@:/+-]{1,64})*)?$'),
	acts_for text NOT NULL DEFAULT 'none' CHECK (acts_for IN ('any', 'self', 'none')),
	created_at timestamptz NOT NULL DEFAULT now() CHECK (isfinite(created_at)),
	expires_at timestamptz CHECK (isfinite(expires_at)),
	revoked_at timestamptz CHECK (isfinite(revoked_at)),
	replaced_by text,
	last_used date CHECK (isfinite(last_used))
);
REVOKE ALL ON cqrsd.api_key FROM PUBLIC;

-- One row that differs after each change of the keys, and is how instances learn of one. changes:
-- 0 means that there never was a key. mark: a number alone would be used again after a promotion
-- that lost a change. Written in the transaction of the change, whose row lock orders all of them.
CREATE TABLE cqrsd.keyring (
	only_one boolean PRIMARY KEY DEFAULT true CHECK (only_one),
	changes bigint NOT NULL DEFAULT 0,
	mark uuid NOT NULL DEFAULT gen_random_uuid()
);
INSERT INTO cqrsd.keyring DEFAULT VALUES;
REVOKE ALL ON cqrsd.keyring FROM PUBLIC;
-- Whether there are keys is no secret: a role that may not read them learns that there is none.
GRANT SELECT ON cqrsd.keyring TO PUBLIC;

CREATE FUNCTION cqrsd.keys_changed() RETURNS trigger LANGUAGE plpgsql
SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $changed$
BEGIN
	UPDATE cqrsd.keyring SET changes = changes + 1, mark = gen_random_uuid();
	RETURN NULL;
END $changed$;
REVOKE ALL ON FUNCTION cqrsd.keys_changed() FROM PUBLIC;

-- Not of last_used, which instances write.
CREATE TRIGGER keys_changed AFTER INSERT OR DELETE OR TRUNCATE
	OR UPDATE OF id, hash, name, roles, acts_for, created_at, expires_at, revoked_at, replaced_by
	ON cqrsd.api_key FOR EACH STATEMENT EXECUTE FUNCTION cqrsd.keys_changed();
