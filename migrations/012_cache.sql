-- Of what else than its arguments a function may make what it returns; what: to be said behind its name.
-- declared: what it reads is known.
CREATE FUNCTION cqrsd.cache_sees(function oid, declared boolean)
RETURNS TABLE (kind text, what text) LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $sees$
	WITH RECURSIVE texts (function, text) AS (
		SELECT p.oid, p.prosrc FROM pg_proc AS p WHERE p.oid = function
	UNION -- and functions of one's own that the words of such a text may name
		SELECT q.oid, CASE WHEN q.prosrc = '' AND q.prokind IN ('f', 'p') THEN pg_get_functiondef(q.oid)
			ELSE q.prosrc END FROM texts AS t,
		LATERAL regexp_matches(t.text || ' ' || lower(t.text), '([[:alnum:]_$]+)"?\s*\(', 'g')
			AS m (word)
		JOIN pg_proc AS q ON q.proname = m.word[1] AND q.oid >= 16384 AND q.provolatile <> 'i'
	)
	SELECT s.kind, s.what FROM pg_proc AS p,
	LATERAL (SELECT to_jsonb(p) ->> 'prosqlbody' IS NOT NULL) AS b (parsed), -- NULL in PostgreSQL 13
	LATERAL (
		SELECT 'never', ', which is of a sequence' WHERE p.oid < 16384 AND p.proname IN ('nextval',
			'currval', 'lastval', 'setval', 'pg_sequence_last_value', 'pg_get_sequence_data')
	UNION ALL
		SELECT CASE
		WHEN p.proname IN ('nextval', 'currval', 'lastval', 'setval') THEN NULL
		WHEN p.proname IN ('now', 'transaction_timestamp', 'statement_timestamp', 'clock_timestamp',
			'timeofday') OR p.proname = 'age' AND p.pronargs = 1 AND p.proargtypes[0] <> 'xid'::regtype
		THEN 'time'
		WHEN p.proname ~ '^(current_setting|current_user|session_user|getpgusername|pg_has_role'
			'|row_security_active|has_\w+_privilege)$' THEN 'user'
		WHEN p.provolatile = 'v' OR p.proname ~
			'^(pg_|to_reg|regclass$|inet_client_|inet_server_|txid_|age$|mxid_age)|_description$'
			AND p.provolatile = 's' AND p.proname !~ '^pg_(typeof|column_size|column_compression'
			'|collation_for|char_to_encoding|encoding_to_char|client_encoding|input_)'
		THEN 'volatile' END, ''
		 WHERE p.oid < 16384
	UNION ALL
		SELECT 'volatile', '' WHERE p.oid >= 16384 AND p.provolatile = 'v'
	UNION ALL
		SELECT 'user', ', which may see who asks'
		 WHERE p.oid >= 16384 AND p.provolatile <> 'i' AND NOT b.parsed
	UNION ALL
		SELECT 'time', ', whose text has the time'
		 WHERE p.oid >= 16384 AND p.provolatile <> 'i' AND NOT b.parsed AND EXISTS (
			SELECT FROM texts AS t WHERE t.text ~* ('\m(now|transaction_timestamp|timeofday'
			'|statement_timestamp|clock_timestamp)\s*\(|\mage\s*\([^,()]*\)|''(now|today|tomorrow'
			'|yesterday)''|\m(current_(date|time|timestamp)|localtime|localtimestamp)\M'))
	UNION ALL
		SELECT 'never', ', which may read anything: @reads says what'
		 WHERE NOT declared AND p.provolatile <> 'i' AND (p.oid >= 16384 OR p.proname ~
			'^(lo_|loread|ts_stat|ts_rewrite|(cursor|query|table|schema|database)_to_xml)')
		) AS s (kind, what)
	 WHERE p.oid = function AND s.kind IS NOT NULL
	   -- Stable functions of these depend on their arguments, settings and dictionaries.
	   AND NOT (p.provolatile = 's' AND EXISTS (SELECT FROM pg_depend AS d JOIN pg_extension AS e
		ON e.oid = d.refobjid WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid
		AND d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e' AND e.extname IN ('citext',
		'cube', 'earthdistance', 'fuzzystrmatch', 'hstore', 'intarray', 'isn', 'ltree', 'pg_trgm',
		'seg', 'unaccent')));
$sees$;

-- What stands in the way of keeping answers of a query (@cache): what it reads, and of what else its
-- answer is made. Of kind 'relation', as in cqrsd.feed_reads: what it reads, but with what policies
-- read; 'unseen', what reads there is not seen. Of the others name says what was found, as in "it calls
-- now()": 'user', it may see who asks;
-- 'time', it sees the time; 'volatile', it sees what no table holds; 'never', nothing says when its
-- answer changes. Rather too much than too little.
--
-- Of functions with a body that PostgreSQL has parsed (BEGIN ATOMIC) the body is looked at. Others that
-- are not immutable may see who asks, and may read anything, unless declared (@reads) says what; in
-- their texts the time is looked for by its words. Whether they are volatile their label says.
CREATE FUNCTION cqrsd.cache_reads(statement text, types text[], declared text[])
RETURNS TABLE (kind text, id bigint, name text, wrong text, shape bigint) LANGUAGE plpgsql
SET jit = off AS $reads$
DECLARE
	tree text;
BEGIN
	BEGIN
		tree := cqrsd.feed_tree(statement, types);
	EXCEPTION WHEN syntax_error OR feature_not_supported THEN
		RETURN QUERY SELECT 'never', NULL::bigint, CASE WHEN pg_catalog.current_setting(
			'server_version_num')::integer < 140000 THEN 'cannot be looked into before PostgreSQL 14'
			ELSE 'has no plan' END, NULL, 0::bigint;
		RETURN;
	END;
	RETURN QUERY
	WITH trees (tree) AS MATERIALIZED (SELECT t.tree FROM cqrsd.feed_trees(tree, true) AS t (tree)
	), named (relation) AS MATERIALIZED (
		SELECT m.word[1]::oid FROM trees AS t,
		LATERAL pg_catalog.regexp_matches(t.tree, ':relid (\d+)', 'g') AS m (word)
		WHERE m.word[1] <> '0'
	UNION
		SELECT d.name::regclass::oid FROM pg_catalog.unnest(declared) AS d (name)
	), relations AS MATERIALIZED (
		SELECT r.id, r.name, r.wrong, r.shape
		  FROM cqrsd.feed_relations(ARRAY(SELECT n.relation FROM named AS n), false) AS r
	), called AS MATERIALIZED (
		SELECT s.kind, f.function::regprocedure || s.what AS what
		  FROM cqrsd.feed_called(ARRAY(SELECT t.tree FROM trees AS t)) AS f (function),
		LATERAL cqrsd.cache_sees(f.function, declared IS NOT NULL) AS s
	)
	SELECT 'relation', r.id, r.name, r.wrong, r.shape FROM relations AS r
	UNION ALL
	SELECT 'unseen', NULL, u.name || ' may read anything: @reads says what', NULL, 0
	  FROM cqrsd.feed_unknown(ARRAY(SELECT t.tree FROM trees AS t)) AS u (name)
	 WHERE declared IS NULL
	UNION ALL
	SELECT 'never', NULL, pg_catalog.format('reads %s, which is %s', r.name, n.what), NULL, 0
	  FROM relations AS r JOIN pg_catalog.pg_class AS c ON c.oid = r.id::oid, LATERAL (SELECT CASE
		WHEN c.relkind = 'f' THEN 'a foreign table'
		WHEN c.relkind = 'm' THEN 'a materialized view'
		WHEN c.relkind = 'S' THEN 'a sequence'
		WHEN c.relkind = 'v' THEN NULL
		WHEN c.relpersistence = 't' THEN 'temporary'
		WHEN c.relpersistence = 'u' THEN 'unlogged'
		WHEN c.relnamespace IN ('pg_catalog'::regnamespace, 'information_schema'::regnamespace,
			'pg_toast'::regnamespace) THEN 'of the system'
		WHEN c.relnamespace = 'cqrsd'::regnamespace THEN 'of cqrsd itself'
		WHEN c.relkind NOT IN ('r', 'p') THEN 'no table' END) AS n (what)
	 WHERE n.what IS NOT NULL
	UNION ALL
	SELECT 'user', NULL, pg_catalog.format('reads %s, which has row level security',
	       c.oid::regclass), NULL, 0
	  FROM named AS n JOIN pg_catalog.pg_class AS c ON c.oid = n.relation WHERE c.relrowsecurity
	UNION ALL
	SELECT DISTINCT CASE WHEN v.op < 9 THEN 'time' ELSE 'user' END, NULL::bigint, 'has ' ||
	       ('{CURRENT_DATE,CURRENT_TIME,CURRENT_TIME,CURRENT_TIMESTAMP,CURRENT_TIMESTAMP,LOCALTIME,'
		'LOCALTIME,LOCALTIMESTAMP,LOCALTIMESTAMP,CURRENT_ROLE,CURRENT_USER,USER,SESSION_USER}'
		::text[])[v.op + 1], NULL, 0::bigint
	  FROM trees AS t, LATERAL pg_catalog.regexp_matches(t.tree, '\{SQLVALUEFUNCTION :op (\d+)', 'g')
		AS m (word), LATERAL (VALUES (m.word[1]::integer)) AS v (op)
	 WHERE v.op < 13 -- the database and its schema are the same for all
	UNION ALL
	SELECT DISTINCT 'volatile', NULL::bigint, f.what, NULL, 0::bigint
	  FROM trees AS t, (VALUES (':tablesample \{', 'has TABLESAMPLE'),
		('\{VAR :varno \d+ :varattno -[1345] ', 'has a system column other than xmin and tableoid'))
		AS f (pattern, what)
	 WHERE t.tree ~ f.pattern
	UNION ALL
	SELECT c.kind, NULL, 'calls ' || c.what, NULL, 0 FROM called AS c
	ORDER BY 1, 3;
END $reads$;
