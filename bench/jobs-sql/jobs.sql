-- command: add_row :exec
-- A single row, as small as rows are.
INSERT INTO bench_row (n, note) VALUES (:n, :note);

-- command: add_row_later :exec
-- The same, as a job.
-- @async always
INSERT INTO bench_row (n, note) VALUES (:n, :note);

-- command: add_row_in_order :exec
-- The same, as jobs of one note that run one after another.
-- @async always
-- @order-by note
INSERT INTO bench_row (n, note) VALUES (:n, :note);

-- command: add_row_slowly :exec
-- The same, as a job of two seconds.
-- @async always
INSERT INTO bench_row (n, note) SELECT :n, :note FROM pg_sleep(2);

-- command: add_note :one
-- What the same user asks for at once.
INSERT INTO bench_note (n, owner, balance) VALUES (:n, :request_user, 1) RETURNING n;

-- query: note :maybe
SELECT n, balance FROM bench_note WHERE n = :n AND owner = :request_user;
