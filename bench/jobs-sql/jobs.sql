-- command: add_row :exec
-- A single row, as small as rows are.
INSERT INTO bench_row (n, note) VALUES (:n, :note);

-- command: add_row_later :exec
-- The same, as a job.
-- @async always
INSERT INTO bench_row (n, note) VALUES (:n, :note);
