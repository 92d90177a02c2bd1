-- What commands with an Idempotency-Key answered. The row is written in the command's own
-- transaction, so that it is there exactly if the command took effect, also after a failover.
-- id: SHA-256 of caller, end user, command and key; reply: the document without its token.
CREATE TABLE cqrsd.idempotency_key (
	id bytea CONSTRAINT cqrsd_idempotency_key PRIMARY KEY CHECK (octet_length(id) = 32),
	command text NOT NULL,
	fingerprint bytea NOT NULL CHECK (octet_length(fingerprint) = 32),
	reply json NOT NULL,
	created_at timestamptz NOT NULL DEFAULT now(),
	expires_at timestamptz NOT NULL DEFAULT now() + interval '24 hours'
);
CREATE INDEX idempotency_key_expires_at ON cqrsd.idempotency_key (expires_at);
REVOKE ALL ON cqrsd.idempotency_key FROM PUBLIC;

-- The first statement of a command's transaction. Raises CQ001 while another one with the same key
-- is running (it holds the lock), CQ002 when one has committed; nothing behind it runs then. Under
-- READ COMMITTED what has committed is seen for sure once the lock is held; under stricter levels
-- the primary key has the last word.
CREATE FUNCTION cqrsd.claim_key(id bytea) RETURNS void LANGUAGE plpgsql
SET search_path = pg_catalog AS $claim$
DECLARE
	found_expired boolean;
BEGIN
	IF NOT pg_try_advisory_xact_lock(('x' || encode(substr(id, 1, 8), 'hex'))::bit(64)::bigint) THEN
		RAISE EXCEPTION 'a command with this key is running' USING ERRCODE = 'CQ001';
	END IF;
	SELECT expires_at <= clock_timestamp() INTO found_expired
	  FROM cqrsd.idempotency_key k WHERE k.id = claim_key.id;
	IF found_expired THEN
		DELETE FROM cqrsd.idempotency_key k WHERE k.id = claim_key.id;
	ELSIF FOUND THEN
		RAISE EXCEPTION 'a command with this key has committed' USING ERRCODE = 'CQ002';
	END IF;
END $claim$;
