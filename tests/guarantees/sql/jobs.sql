-- command: record_later :exec
-- Leaves one row each time it takes effect.
-- @param key text
-- @async always
INSERT INTO job_effects (key) VALUES (:key);

-- command: record_in_order :exec
-- The same, one after another where they have the same place; how: what befalls it.
-- @param key text
-- @param place text
-- @param how text
-- @async always
-- @order-by place
-- @retries 40 backoff=50ms
INSERT INTO job_effects (key, place) SELECT :key, :place FROM befalls(:how);
