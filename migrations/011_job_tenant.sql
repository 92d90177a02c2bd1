-- Whose turn a job is (write/jobs/fair.h): the caller's hash above the user's; NULL: neither is
-- known. And the queue of each tenant, for fair claims. Rewrites the table of jobs that wait.
ALTER TABLE cqrsd.job ADD COLUMN tenant bigint
	GENERATED ALWAYS AS (CASE WHEN caller IS NOT NULL OR "user" IS NOT NULL THEN
		(hashtext(coalesce(caller, ''))::bigint & 2147483647) << 32
		| (hashtext(coalesce("user", ''))::bigint & 4294967295) END) STORED;
CREATE INDEX job_tenant ON cqrsd.job (command, tenant, run_at, n)
	WHERE order_key IS NULL AND tenant IS NOT NULL;
