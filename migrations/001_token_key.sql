-- The key that signs consistency tokens. Every instance reads it, from any node, so that a token of
-- one instance is good at all others. 32 bytes, from two random UUIDs of 122 random bits each.
CREATE TABLE cqrsd.token_key (
	only_one boolean PRIMARY KEY DEFAULT true CHECK (only_one),
	key bytea NOT NULL CHECK (octet_length(key) = 32),
	created_at timestamptz NOT NULL DEFAULT now()
);
REVOKE ALL ON cqrsd.token_key FROM PUBLIC;
INSERT INTO cqrsd.token_key (key)
VALUES (sha256(uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid())));
