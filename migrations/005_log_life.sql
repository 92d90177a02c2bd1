-- The lives of the log: one row for each server that has led it, from its promotion or its start to
-- its end, written into the log itself by the first instance that meets it, before any consistency
-- token of that life is made. A token carries the mark of its life: where the row is not in the log
-- that is followed, that life was lost with all that it wrote; where it is, what lies behind the
-- beginning of the next life was. A copy of a server has the rows that it had when it was copied.
-- began: where the recovery of that server ended; started: of its postmaster, in microseconds.
CREATE TABLE cqrsd.log_life (
	number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	mark bigint NOT NULL UNIQUE CHECK (mark BETWEEN 1 AND 4294967295),
	timeline bigint NOT NULL,
	started bigint NOT NULL,
	began pg_lsn NOT NULL,
	UNIQUE (timeline, started)
);
REVOKE ALL ON cqrsd.log_life FROM PUBLIC;
