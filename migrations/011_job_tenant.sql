-- Whose turn a job is (write/jobs/fair.h): the caller's hash above the user's; NULL: neither is
-- known. And the queue of each tenant, for fair claims. Who inserts a job says its tenant: a column
-- that is generated would cost each execution of such a statement more than the jobs in it.
ALTER TABLE cqrsd.job ADD COLUMN tenant bigint;
CREATE FUNCTION cqrsd.job_tenant(caller text, "user" text) RETURNS bigint LANGUAGE sql IMMUTABLE
PARALLEL SAFE AS $tenant$
	SELECT CASE WHEN caller IS NOT NULL OR "user" IS NOT NULL THEN
		(hashtext(coalesce(caller, ''))::bigint & 2147483647) << 32
		| (hashtext(coalesce("user", ''))::bigint & 4294967295) END
$tenant$;
-- No secret: each acceptance asks it.
GRANT EXECUTE ON FUNCTION cqrsd.job_tenant(text, text) TO PUBLIC;
UPDATE cqrsd.job SET tenant = cqrsd.job_tenant(caller, "user")
	WHERE caller IS NOT NULL OR "user" IS NOT NULL;
CREATE INDEX job_tenant ON cqrsd.job (command, tenant, run_at, n)
	WHERE order_key IS NULL AND tenant IS NOT NULL;
-- No row is changed in its place: one that waits again is a new one. Pages need no room for that.
ALTER TABLE cqrsd.job SET (fillfactor = 100);
