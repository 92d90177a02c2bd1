-- Jobs: commands that were accepted, and run later. A job is a row of one table after the other:
--
--   job ──► job_finished: done, cancelled                      dropped with its day
--    ▲  └─► job_dead: no more attempts ──► job_finished: discarded
--    └──────────┘ replayed
--
-- The effect of a job, its end and the deletion of its row are one transaction; the lock on the row
-- is all that makes a job one worker's. n is the order of acceptance; mark, a random number, is
-- the other half of what a client's id names: after a failover n may be given again.

-- Only jobs that have not ended: small, and read from its indexes' beginning all the time.
CREATE TABLE cqrsd.job (
	n bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	run_at timestamptz NOT NULL, -- of the next attempt
	accepted_at timestamptz NOT NULL DEFAULT clock_timestamp(),
	mark integer NOT NULL,
	keep_s integer NOT NULL, -- how long it can be asked for once it is finished, and
	keyed boolean NOT NULL, -- as long as its Idempotency-Key, which is 24 hours
	attempts smallint NOT NULL DEFAULT 0, -- that have ended
	-- One whose transaction was lost runs alone: above attempts, the number of the attempt that is
	-- to, from when and by which instance it was begun; committed before it runs.
	begun smallint NOT NULL DEFAULT 0,
	begun_at timestamptz, -- NULL: it is to be begun
	begun_by text,
	attempts_max smallint NOT NULL,
	command text COLLATE "C" NOT NULL,
	version text NOT NULL, -- of the command in the catalog by which it was accepted
	order_key text COLLATE "C", -- jobs of one key run one after another; NULL: no order
	parameters json NOT NULL, -- an object of texts and nulls, as they are bound
	claims json, -- of the principal, for row level security: three texts; NULL: none are set
	caller text, -- with user: who may ask for it
	"user" text,
	session text, -- whose it is that is to see its effect; NULL: that of "user"
	trace text, -- traceparent
	log json -- of the attempts that have ended
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000,
	autovacuum_vacuum_cost_delay = 0);
-- The queue of a command is a range of one of them: each row is in one, so that ordered jobs cost
-- the others nothing. Of those, the first of a key is its head: only heads are claimed.
CREATE INDEX job_due ON cqrsd.job (command, run_at, n) WHERE order_key IS NULL;
CREATE INDEX job_order ON cqrsd.job (command, order_key, n) WHERE order_key IS NOT NULL;
CREATE INDEX job_alone ON cqrsd.job (command, run_at, n) WHERE begun > attempts;
REVOKE ALL ON cqrsd.job FROM PUBLIC;

-- Jobs that are done, cancelled or discarded. Rows are not deleted: their day is dropped.
CREATE TABLE cqrsd.job_finished (
	n bigint NOT NULL,
	drop_at timestamptz NOT NULL,
	run_at timestamptz NOT NULL, -- when its last attempt was due
	accepted_at timestamptz NOT NULL,
	started_at timestamptz, -- its last attempt; NULL: there was none
	finished_at timestamptz NOT NULL DEFAULT clock_timestamp(),
	mark integer NOT NULL,
	attempts smallint NOT NULL,
	attempts_max smallint NOT NULL,
	state "char" NOT NULL CHECK (state IN ('d', 'c', 'x')), -- done, cancelled, discarded
	command text COLLATE "C" NOT NULL,
	caller text,
	"user" text,
	result json, -- what the command would have answered, without its token
	problem json,
	log json,
	PRIMARY KEY (n, drop_at)
) PARTITION BY RANGE (drop_at);
-- For what belongs to a day that was not made.
CREATE TABLE cqrsd.job_finished_other PARTITION OF cqrsd.job_finished DEFAULT;
REVOKE ALL ON cqrsd.job_finished, cqrsd.job_finished_other FROM PUBLIC;

-- Dead letters: with all that is needed to understand one later, and to replay it.
CREATE TABLE cqrsd.job_dead (
	n bigint PRIMARY KEY,
	run_at timestamptz NOT NULL,
	accepted_at timestamptz NOT NULL,
	started_at timestamptz,
	finished_at timestamptz NOT NULL DEFAULT clock_timestamp(),
	mark integer NOT NULL,
	keep_s integer NOT NULL,
	keyed boolean NOT NULL,
	attempts smallint NOT NULL,
	attempts_max smallint NOT NULL,
	command text COLLATE "C" NOT NULL,
	version text NOT NULL,
	order_key text COLLATE "C",
	parameters json NOT NULL,
	claims json,
	caller text,
	"user" text,
	session text,
	trace text,
	problem json,
	log json
);
CREATE INDEX job_dead_command ON cqrsd.job_dead (command, n);
REVOKE ALL ON cqrsd.job_dead FROM PUBLIC;

-- Commands whose jobs are not claimed, because an operator wanted it; '*' stands for all of them.
CREATE TABLE cqrsd.job_pause (
	command text COLLATE "C" PRIMARY KEY,
	paused_at timestamptz NOT NULL DEFAULT clock_timestamp(),
	paused_by text NOT NULL
);
REVOKE ALL ON cqrsd.job_pause FROM PUBLIC;
-- No secret: each claim asks it.
GRANT SELECT ON cqrsd.job_pause TO PUBLIC;

-- What operators did, a row for each transaction that did it: whatever is done to many jobs is done
-- in several. filter: which jobs were meant. Nothing reads it or deletes from it.
CREATE TABLE cqrsd.job_audit (
	id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	done_at timestamptz NOT NULL DEFAULT clock_timestamp(),
	role text NOT NULL DEFAULT session_user,
	who text NOT NULL,
	action text NOT NULL,
	filter json NOT NULL,
	changed bigint NOT NULL,
	first_n bigint, -- of the jobs
	last_n bigint
);
REVOKE ALL ON cqrsd.job_audit FROM PUBLIC;

-- Makes the partitions of finished jobs for today and so many days more (62 at most), by UTC, drops
-- those whose day is over, and deletes what has no day of its own. One that is in use is left for
-- the next call. Returns what it did: a role that runs a service owns no table, so that it does
-- this by its right to call this function.
CREATE FUNCTION cqrsd.job_partitions(days integer) RETURNS integer LANGUAGE plpgsql
SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET lock_timeout = '100ms' AS $partitions$
DECLARE
	today date := (clock_timestamp() AT TIME ZONE 'UTC')::date;
	day date;
	name text;
	changed integer := 0;
BEGIN
	FOR day IN SELECT today + i FROM generate_series(0, least(days, 62)) AS i LOOP
		name := 'job_finished_' || to_char(day, 'YYYYMMDD');
		CONTINUE WHEN to_regclass('cqrsd.' || name) IS NOT NULL;
		BEGIN
			EXECUTE format('CREATE TABLE cqrsd.%I PARTITION OF cqrsd.job_finished'
				' FOR VALUES FROM (%L) TO (%L)', name, day || ' 00:00:00+00',
				(day + 1) || ' 00:00:00+00');
			EXECUTE format('REVOKE ALL ON cqrsd.%I FROM PUBLIC', name);
			changed := changed + 1;
		-- Another one makes it now, a row of its day lies in job_finished_other, or it is in use.
		EXCEPTION WHEN duplicate_table OR check_violation OR lock_not_available THEN NULL;
		END;
	END LOOP;
	FOR name IN SELECT c.relname FROM pg_inherits AS i JOIN pg_class AS c ON c.oid = i.inhrelid
		WHERE i.inhparent = 'cqrsd.job_finished'::regclass
		AND c.relname ~ '^job_finished_\d{8}$'
		AND to_date(right(c.relname, 8), 'YYYYMMDD') < today LOOP
		BEGIN
			EXECUTE format('DROP TABLE cqrsd.%I', name);
			changed := changed + 1;
		EXCEPTION WHEN lock_not_available THEN NULL;
		END;
	END LOOP;
	DELETE FROM cqrsd.job_finished_other WHERE ctid = ANY (ARRAY(
		SELECT ctid FROM cqrsd.job_finished_other WHERE drop_at < clock_timestamp() LIMIT 10000));
	RETURN changed;
END $partitions$;
REVOKE ALL ON FUNCTION cqrsd.job_partitions(integer) FROM PUBLIC;
SELECT cqrsd.job_partitions(2);
