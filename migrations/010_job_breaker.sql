-- A breaker's pause: retry_at is when one job of the command is tried, failures how many of these
-- have failed in a row. Of an operator's pause retry_at is NULL.
ALTER TABLE cqrsd.job_pause
	ADD COLUMN retry_at timestamptz,
	ADD COLUMN failures smallint NOT NULL DEFAULT 0;
