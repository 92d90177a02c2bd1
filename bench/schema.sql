-- What the bench writes into, beside the tables of pgbench.
CREATE TABLE bench_row (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, n bigint NOT NULL, note text NOT NULL);
CREATE TABLE bench_note (
    n bigint PRIMARY KEY, owner text NOT NULL, balance int NOT NULL);
