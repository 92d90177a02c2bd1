-- Schedules of commands (@every, @cron): when each is due next, and the job that was accepted for
-- the time before. A due time and its job are one transaction: whoever locks the row and finds the
-- due time that it has seen accepts the job and sets the next one.
--
-- A row belongs to the spec that it has. Who reads a catalog sets the spec of that catalog; others,
-- of an older or a newer catalog, leave the row alone for as long as an instance with that spec says
-- that it is there. A command that is in no catalog any more leaves its row behind; see
-- write/jobs/schedule_statement.c.
CREATE TABLE cqrsd.job_schedule (
	command text COLLATE "C" PRIMARY KEY,
	spec text NOT NULL,
	next_due timestamptz NOT NULL,
	set_at timestamptz NOT NULL DEFAULT clock_timestamp(), -- since when it has this spec
	seen_at timestamptz NOT NULL DEFAULT clock_timestamp(), -- last, by an instance with this spec
	runs bigint NOT NULL DEFAULT 0, -- jobs that were accepted
	last_due timestamptz, -- of the last one, as the next three; NULL: there was none
	last_run timestamptz,
	last_n bigint,
	last_mark integer
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);
REVOKE ALL ON cqrsd.job_schedule FROM PUBLIC;

-- For tests: schedules see the primary's clock, and so much more. One row at most, which no service
-- writes; without one they see the clock as it is.
CREATE TABLE cqrsd.job_clock (
	one boolean PRIMARY KEY DEFAULT true CHECK (one),
	ahead interval NOT NULL
);
REVOKE ALL ON cqrsd.job_clock FROM PUBLIC;
GRANT SELECT ON cqrsd.job_clock TO PUBLIC;
