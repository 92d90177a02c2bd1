-- Commits of a chosen size: they leave nothing but log.

-- command: pad :exec
-- @param bytes int
SELECT pg_logical_emit_message(true, 'pad', repeat('x', :bytes));

-- command: pad.async :exec
-- @param bytes int
SELECT pg_logical_emit_message(true, 'pad', repeat('x', :bytes)),
       set_config('synchronous_commit', 'off', true);
