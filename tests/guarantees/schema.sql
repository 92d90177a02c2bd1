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
-- Every effect that a job ever had; of jobs of one key, id is the order in which they ran.
CREATE TABLE job_effects (id bigserial PRIMARY KEY, key text NOT NULL, place text);
-- What befalls a job. again: some of its attempts fail for what may go away.
CREATE FUNCTION befalls(how text) RETURNS text LANGUAGE plpgsql VOLATILE AS $$
BEGIN
	IF how = 'refused' THEN
		RAISE EXCEPTION 'refused' USING ERRCODE = 'P0001';
	ELSIF how = 'again' AND random() < 0.4 THEN
		RAISE EXCEPTION 'again' USING ERRCODE = '40001';
	END IF;
	RETURN how;
END $$;
