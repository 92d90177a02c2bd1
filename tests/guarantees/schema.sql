-- Registers with a version each, and every effect a command ever had, one row each.
CREATE TABLE registers (key text PRIMARY KEY, version bigint NOT NULL, value text NOT NULL);
-- The same, of keys that are seldom written.
CREATE TABLE quiet_registers (LIKE registers INCLUDING ALL);
CREATE TABLE effects (
	id bigserial PRIMARY KEY,
	key text NOT NULL,
	version bigint NOT NULL,
	value text NOT NULL,
	once int UNIQUE DEFERRABLE INITIALLY DEFERRED
);
INSERT INTO effects (key, version, value, once) VALUES ('-', 0, 'the only one', 1);
-- Every effect that a job ever had.
CREATE TABLE job_effects (key text NOT NULL);
