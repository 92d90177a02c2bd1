-- needs: pg_catalog.pg_read_binary_file(text, bigint, bigint, boolean)
-- The history of a timeline, which otherwise only roles with REPLICATION can read, who may copy
-- the whole cluster. It reads that file and no other, since its name is made of a number, on a
-- standby, too. NULL: there is no such file. Bytes beyond ASCII come in octal.
CREATE FUNCTION cqrsd.timeline_history(timeline integer) RETURNS text LANGUAGE sql STABLE STRICT
SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $history$
	SELECT pg_catalog.encode(pg_catalog.pg_read_binary_file('pg_wal/' ||
		pg_catalog.lpad(pg_catalog.upper(pg_catalog.to_hex(timeline)), 8, '0') || '.history',
		0, 1048576, true), 'escape')
$history$;
REVOKE ALL ON FUNCTION cqrsd.timeline_history(integer) FROM PUBLIC;
