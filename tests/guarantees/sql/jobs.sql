-- command: record_later :exec
-- Leaves one row each time it takes effect.
-- @param key text
-- @async always
INSERT INTO job_effects (key) VALUES (:key);
