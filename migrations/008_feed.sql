-- The feed: what was touched, in the order of the log, so that each instance can read on a replica
-- what others made stale. A row belongs to a transaction, and is there exactly if that committed.
-- Ids are taken in order and committed out of order; a reader keeps what it has not seen as gaps.
CREATE TABLE cqrsd.invalidation (
	id bigint GENERATED ALWAYS AS IDENTITY (CACHE 1) PRIMARY KEY, -- no id lies in a session's pocket
	xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
	tags bigint[] -- of a relation its oid, of a name a hash beyond 32 bits; NULL: whatever there is
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 20000);
REVOKE ALL ON cqrsd.invalidation FROM PUBLIC;

-- A mark: first the last id that was taken is read, then the mark's own xid is taken. A transaction
-- that had taken an id at or below it had a smaller xid by then, since rows are inserted by
-- transactions that have one already. So a snapshot whose xmin is beyond the mark's xid shows all of
-- those ids that will ever be there.
CREATE TABLE cqrsd.feed_mark (
	xid xid8 PRIMARY KEY,
	id bigint NOT NULL,
	written_at timestamptz NOT NULL DEFAULT clock_timestamp()
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000);
REVOKE ALL ON cqrsd.feed_mark FROM PUBLIC;

-- Up to which id rows were deleted: a reader that had not come so far begins anew.
CREATE TABLE cqrsd.feed_floor (
	one boolean PRIMARY KEY DEFAULT true CHECK (one),
	id bigint NOT NULL
);
INSERT INTO cqrsd.feed_floor (id) VALUES (0);
REVOKE ALL ON cqrsd.feed_floor FROM PUBLIC;

-- Writes a mark, unless there is one of the last second, or of the last id. True: it did.
CREATE FUNCTION cqrsd.feed_tick() RETURNS boolean LANGUAGE plpgsql
SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $tick$
DECLARE
	taken bigint;
	newest record;
BEGIN
	IF pg_current_xact_id_if_assigned() IS NOT NULL THEN
		RAISE 'a mark takes its transaction id last' USING ERRCODE = '25001';
	END IF;
	IF NOT pg_try_advisory_xact_lock(x'637172736466'::bigint) THEN
		RETURN false;
	END IF;
	SELECT m.id, clock_timestamp() - m.written_at AS age INTO newest
	  FROM cqrsd.feed_mark AS m ORDER BY m.xid DESC LIMIT 1;
	-- A clock that was put back does not stop marks.
	IF newest.age >= interval '0' AND newest.age < interval '900 milliseconds' THEN
		RETURN false;
	END IF;
	-- Of a sequence that was never used the last value is 1, too.
	SELECT CASE WHEN s.is_called THEN s.last_value ELSE s.last_value - 1 END INTO taken
	  FROM cqrsd.invalidation_id_seq AS s;
	IF taken = newest.id THEN
		RETURN false;
	END IF;
	INSERT INTO cqrsd.feed_mark (xid, id) VALUES (pg_current_xact_id(), taken);
	RETURN true;
END $tick$;
REVOKE ALL ON FUNCTION cqrsd.feed_tick() FROM PUBLIC;

-- Deletes at most 10,000 rows that a mark of at least that age has decided, and writes down up to
-- where, in one transaction. Returns how many.
CREATE FUNCTION cqrsd.feed_sweep(keep interval) RETURNS bigint LANGUAGE plpgsql
SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $sweep$
DECLARE
	decided record;
	up_to bigint;
	deleted bigint;
BEGIN
	IF NOT pg_try_advisory_xact_lock(x'637172736473'::bigint) THEN
		RETURN 0;
	END IF;
	SELECT m.xid, m.id INTO decided FROM cqrsd.feed_mark AS m
	 WHERE m.written_at < clock_timestamp() - keep
	   AND m.xid < pg_snapshot_xmin(pg_current_snapshot()) ORDER BY m.xid DESC LIMIT 1;
	IF decided.id IS NULL THEN
		RETURN 0;
	END IF;
	WITH gone AS (DELETE FROM cqrsd.invalidation AS i WHERE i.id IN (SELECT o.id
		FROM cqrsd.invalidation AS o WHERE o.id <= decided.id ORDER BY o.id LIMIT 10000)
		RETURNING i.id)
	SELECT count(*), CASE WHEN count(*) < 10000 THEN decided.id ELSE max(g.id) END
	  INTO deleted, up_to FROM gone AS g;
	UPDATE cqrsd.feed_floor AS f SET id = up_to WHERE f.id < up_to;
	DELETE FROM cqrsd.feed_mark AS m WHERE m.xid < decided.xid;
	RETURN deleted;
END $sweep$;
REVOKE ALL ON FUNCTION cqrsd.feed_sweep(interval) FROM PUBLIC;

-- What cqrsd watch puts on a table and each of its partitions, after each statement, always. The
-- statement may have changed nothing: a transaction that wrote nothing goes on to write nothing.
CREATE FUNCTION cqrsd.feed_note() RETURNS trigger LANGUAGE plpgsql
SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $note$
BEGIN
	INSERT INTO cqrsd.invalidation (tags) SELECT ARRAY[TG_RELID::bigint]
	 WHERE pg_current_xact_id_if_assigned() IS NOT NULL;
	RETURN NULL;
END $note$;

-- These, all that inherits from them, and all that those inherit from: where one can write to them.
-- A trigger of a parent does not fire for what is written to its partition, nor the other way round.
CREATE FUNCTION cqrsd.feed_family(relations oid[]) RETURNS SETOF oid LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp AS $family$
	WITH RECURSIVE below (relation) AS (SELECT unnest(relations)
	UNION
		SELECT i.inhrelid FROM below AS b JOIN pg_inherits AS i ON i.inhparent = b.relation
	), above (relation) AS (SELECT b.relation FROM below AS b
	UNION
		SELECT i.inhparent FROM above AS a JOIN pg_inherits AS i ON i.inhrelid = a.relation
	)
	SELECT a.relation FROM above AS a;
$family$;

-- Why the feed does not see all that changes what one reads there; NULL: it does. secured: what its
-- policies read is not known, either.
CREATE FUNCTION cqrsd.feed_wrong(relation oid, secured boolean DEFAULT true) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $wrong$
	SELECT CASE
	WHEN c.oid IS NULL THEN 'it is gone'
	WHEN c.relkind = 'v' THEN NULL -- what it reads is another's business
	WHEN c.relkind NOT IN ('r', 'p') THEN 'it is no table'
	WHEN c.relnamespace IN ('pg_catalog'::regnamespace, 'information_schema'::regnamespace)
	THEN 'it is of the system'
	WHEN c.relpersistence <> 'p' THEN 'replicas do not have it'
	WHEN secured AND c.relrowsecurity THEN 'its row level security may read more'
	WHEN EXISTS (SELECT FROM pg_subscription_rel AS s WHERE s.srrelid = c.oid)
	THEN 'a subscription writes to it'
	-- After each statement of the four kinds, whatever session_replication_role is.
	WHEN NOT EXISTS (SELECT FROM pg_trigger AS t
		WHERE t.tgrelid = c.oid AND t.tgfoid = 'cqrsd.feed_note'::regproc
		AND t.tgtype = 60 AND t.tgenabled = 'A' AND t.tgqual IS NULL AND t.tgattr::text = '')
	THEN 'it is not watched' END
	FROM (VALUES (relation)) AS r (relation) LEFT JOIN pg_class AS c ON c.oid = r.relation;
$wrong$;

-- Puts the trigger on these tables and their families, or takes it off them and what inherits from
-- them; says what it did, or would do. All of it or nothing; a table in use is not waited for long.
CREATE FUNCTION cqrsd.watch(chosen oid[], off boolean, dry boolean)
RETURNS TABLE (name text, did text) LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
SET lock_timeout = '3s' AS $watch$
DECLARE
	item record;
BEGIN
	FOR item IN SELECT c.oid, c.oid::regclass::text AS name, c.relkind, c.relpersistence,
		c.relnamespace::regnamespace::text AS schema, t.tgname, t.tgenabled,
		coalesce(t.tgtype = 60 AND t.tgenabled = 'A' AND t.tgqual IS NULL
			AND t.tgattr::text = '', false) AS good
		FROM cqrsd.feed_family(chosen) AS f (relation) JOIN pg_class AS c ON c.oid = f.relation
		LEFT JOIN pg_trigger AS t ON t.tgrelid = c.oid AND t.tgname = 'cqrsd_watch'
			AND t.tgfoid = 'cqrsd.feed_note'::regproc
		WHERE NOT off OR c.oid = ANY (chosen) OR c.oid IN (WITH RECURSIVE below (relation) AS (
			SELECT unnest(chosen) UNION SELECT i.inhrelid FROM below AS b
			JOIN pg_inherits AS i ON i.inhparent = b.relation) SELECT b.relation FROM below AS b)
		ORDER BY c.oid LOOP
		IF item.relkind NOT IN ('r', 'p') THEN
			RAISE EXCEPTION '% is no table%', item.name, CASE item.relkind WHEN 'v'
				THEN ': the tables that this view reads can be watched'
				WHEN 'm' THEN ': a materialized view has no triggers'
				WHEN 'f' THEN ': what others write to a foreign table is not seen here'
				ELSE '' END USING ERRCODE = '42809';
		ELSIF item.schema IN ('pg_catalog', 'information_schema', 'cqrsd') THEN
			RAISE EXCEPTION '% is not to be watched', item.name USING ERRCODE = '42809';
		ELSIF item.relpersistence <> 'p' THEN
			RAISE EXCEPTION 'replicas do not have %: it is temporary or unlogged', item.name
				USING ERRCODE = '42809';
		END IF;
		name := item.name;
		did := CASE WHEN off AND item.tgname IS NULL THEN 'is not watched'
			WHEN off THEN 'unwatched' WHEN item.good THEN 'is watched already'
			WHEN item.tgname IS NULL THEN 'watched' ELSE 'watched again' END;
		IF NOT dry AND NOT off AND NOT item.good THEN
			IF item.tgname IS NOT NULL THEN
				EXECUTE format('DROP TRIGGER cqrsd_watch ON %s', item.name);
			END IF;
			EXECUTE format('CREATE TRIGGER cqrsd_watch AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE'
				' ON %s FOR EACH STATEMENT EXECUTE FUNCTION cqrsd.feed_note()', item.name);
			EXECUTE format('ALTER TABLE ONLY %s ENABLE ALWAYS TRIGGER cqrsd_watch', item.name);
		ELSIF NOT dry AND off AND item.tgname IS NOT NULL THEN
			EXECUTE format('DROP TRIGGER cqrsd_watch ON %s', item.name);
		END IF;
		RETURN NEXT;
	END LOOP;
END $watch$;

-- What is watched, and what is of the family of such a table and is not.
CREATE FUNCTION cqrsd.watched() RETURNS TABLE (name text, did text) LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp AS $watched$
	SELECT f.relation::regclass::text, coalesce(cqrsd.feed_wrong(f.relation), 'it is watched')
	  FROM cqrsd.feed_family(ARRAY(SELECT t.tgrelid FROM pg_trigger AS t
		WHERE t.tgfoid = 'cqrsd.feed_note'::regproc)) AS f (relation) ORDER BY 1;
$watched$;

-- A statement as PostgreSQL has understood it, before rules: the text of its tree. From PostgreSQL
-- 14 on; nothing stays of it. Only what can be prepared can be understood.
CREATE FUNCTION cqrsd.feed_tree(statement text, types text[]) RETURNS text LANGUAGE plpgsql
AS $tree$
DECLARE
	params text;
	tree text;
BEGIN
	EXECUTE pg_catalog.format('PREPARE cqrsd_tree %s AS %s', CASE
		WHEN pg_catalog.cardinality(types) > 0
		THEN '(' || pg_catalog.array_to_string(types, ', ') || ')' ELSE '' END, statement);
	SELECT coalesce(pg_catalog.array_to_string(s.parameter_types, ', '), '') INTO params
	  FROM pg_catalog.pg_prepared_statements AS s WHERE s.name = 'cqrsd_tree';
	DEALLOCATE cqrsd_tree;
	BEGIN
		EXECUTE pg_catalog.format('CREATE FUNCTION pg_temp.cqrsd_tree(%s) RETURNS void'
			' LANGUAGE sql BEGIN ATOMIC %s; END', params, statement);
		SELECT p.prosqlbody::text INTO tree FROM pg_catalog.pg_proc AS p
		 WHERE p.proname = 'cqrsd_tree' AND p.pronamespace = pg_catalog.pg_my_temp_schema();
		RAISE EXCEPTION USING ERRCODE = 'CQ0RB';
	EXCEPTION WHEN SQLSTATE 'CQ0RB' THEN NULL;
	END;
	RETURN tree;
END $tree$;

-- The functions that are called there.
CREATE FUNCTION cqrsd.feed_called(trees text[]) RETURNS SETOF oid LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp AS $called$
	WITH RECURSIVE words (pattern) AS (
		VALUES (':(?:funcid|opfuncid|aggfnoid|winfnoid) (\d+)')
	), called (function) AS (
		SELECT m.word[1]::oid FROM words AS w, unnest(trees) AS t (tree),
		LATERAL regexp_matches(t.tree, w.pattern, 'g') AS m (word)
	UNION
		SELECT n.function FROM words AS w, called AS c, LATERAL (
			-- That an aggregate is immutable says nothing: what it is made of counts.
			SELECT s.function FROM pg_aggregate AS a, LATERAL (VALUES (a.aggtransfn::oid),
				(a.aggfinalfn), (a.aggcombinefn), (a.aggserialfn), (a.aggdeserialfn),
				(a.aggmtransfn), (a.aggminvtransfn), (a.aggmfinalfn)) AS s (function)
			 WHERE a.aggfnoid = c.function
		UNION ALL
			-- Arguments that are left out are in no tree of the caller.
			SELECT m.word[1]::oid FROM pg_proc AS p,
			LATERAL regexp_matches(p.proargdefaults::text, w.pattern, 'g') AS m (word)
			 WHERE p.oid = c.function AND p.oid >= 16384
		) AS n (function)
	)
	SELECT c.function FROM called AS c WHERE c.function <> 0;
$called$;

-- The functions that are called there and may read anything.
CREATE FUNCTION cqrsd.feed_unknown(trees text[]) RETURNS SETOF text LANGUAGE sql STABLE AS $unknown$
	SELECT p.oid::regprocedure::text FROM cqrsd.feed_called(trees) AS f (function)
	  JOIN pg_catalog.pg_proc AS p ON p.oid = f.function
	 WHERE p.provolatile <> 'i' AND (p.oid >= 16384 OR p.proname ~
		'^(pg_|has_|to_reg|lo_|ts_stat|ts_rewrite|cursor_to|query_to|table_to|schema_to|database_to'
		'|currval|lastval|nextval|setval|loread)|_description$');
$unknown$;

-- The trees that such a tree leads to, itself among them: of views, and, hidden, of what else is run
-- for who reads: policies, functions with a body that PostgreSQL has parsed, arguments that may be left
-- out, constraints of domains.
CREATE FUNCTION cqrsd.feed_trees(tree text, hidden boolean) RETURNS SETOF text LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp AS $trees$
	WITH RECURSIVE trees (tree) AS (SELECT feed_trees.tree COLLATE "C"
	UNION
		SELECT n.tree COLLATE "C" FROM trees AS t, LATERAL (
			SELECT r.ev_action::text FROM regexp_matches(t.tree, ':relid (\d+)', 'g') AS m (word)
			  JOIN pg_class AS c ON c.oid = m.word[1]::oid AND c.relkind = 'v'
			  JOIN pg_rewrite AS r ON r.ev_class = c.oid
		UNION ALL
			SELECT p.polqual::text FROM regexp_matches(t.tree, ':relid (\d+)', 'g') AS m (word)
			  JOIN pg_class AS c ON c.oid = m.word[1]::oid AND c.relrowsecurity
			  JOIN pg_policy AS p ON p.polrelid = c.oid
			 WHERE hidden AND p.polcmd IN ('r', '*')
		UNION ALL
			SELECT x.tree FROM cqrsd.feed_called(ARRAY[t.tree]) AS f (function)
			  JOIN pg_proc AS p ON p.oid = f.function, LATERAL (VALUES (p.proargdefaults::text),
				-- PostgreSQL 13 has no such column.
				(CASE WHEN p.provolatile <> 'i' THEN to_jsonb(p) ->> 'prosqlbody' END)) AS x (tree)
			 WHERE hidden AND p.oid >= 16384
		UNION ALL
			SELECT k.conbin::text FROM regexp_matches(t.tree, ':resulttype (\d+)', 'g') AS m (word)
			  JOIN pg_constraint AS k ON k.contypid = m.word[1]::oid AND k.contypid <> 0
			 WHERE hidden
		) AS n (tree)
		WHERE n.tree IS NOT NULL
	)
	SELECT t.tree FROM trees AS t;
$trees$;

-- What a statement reads: tables with all they inherit from and all that inherits from them, views
-- and what they read, and why the feed cannot know of all that changes what is read there (wrong;
-- NULL: it does), and feed_shape of it. declared: relations that the plan does not show (@reads):
-- then functions do not count.
CREATE FUNCTION cqrsd.feed_reads(statement text, types text[], declared text[])
RETURNS TABLE (id bigint, name text, wrong text, shape bigint) LANGUAGE plpgsql AS $reads$
DECLARE
	tree text := cqrsd.feed_tree(statement, types);
BEGIN
	RETURN QUERY
	WITH trees (tree) AS MATERIALIZED (SELECT t.tree FROM cqrsd.feed_trees(tree, false) AS t (tree)
	), named (relation) AS (
		SELECT m.word[1]::oid FROM trees AS t,
		LATERAL pg_catalog.regexp_matches(t.tree, ':relid (\d+)', 'g') AS m (word)
		WHERE m.word[1] <> '0'
	UNION
		SELECT d.name::regclass::oid FROM pg_catalog.unnest(declared) AS d (name)
	)
	SELECT r.id, r.name, r.wrong, r.shape
	  FROM cqrsd.feed_relations(ARRAY(SELECT n.relation FROM named AS n), true) AS r
	UNION ALL
	SELECT NULL, u.name, 'a function may read anything: @reads says what', 0
	  FROM cqrsd.feed_unknown(ARRAY(SELECT t.tree FROM trees AS t)) AS u (name)
	 WHERE declared IS NULL
	ORDER BY 2;
END $reads$;

-- Each step that a write leads to: a tree, or an event (as in tgtype) on a relation: by views, rules,
-- policies, defaults, constraints, partitions and what inherits, and cascades of foreign keys. All of
-- declared is written to in each way. Rather too much than too little.
CREATE FUNCTION cqrsd.feed_steps(tree text, declared oid[])
RETURNS TABLE (tree text, relation oid, event integer) LANGUAGE sql STABLE ROWS 100
SET search_path = pg_catalog, pg_temp SET jit = off AS $steps$
	WITH RECURSIVE steps (tree, relation, event) AS (
		SELECT feed_steps.tree COLLATE "C", NULL::oid, NULL::integer
		 WHERE feed_steps.tree IS NOT NULL
	UNION
		SELECT NULL::text COLLATE "C", d.relation, e.event
		  FROM unnest(declared) AS d (relation), (VALUES (4), (8), (16)) AS e (event)
	UNION
		SELECT n.tree, n.relation, n.event FROM steps AS s, LATERAL (
			-- What a view that is named there reads, and by which policies.
			SELECT x.tree::text COLLATE "C", NULL::oid, NULL::integer
			  FROM regexp_matches(s.tree, ':relid (\d+)', 'g') AS m (word), LATERAL (
				SELECT r.ev_action FROM pg_rewrite AS r JOIN pg_class AS c ON c.oid = r.ev_class
				 WHERE c.oid = m.word[1]::oid AND c.relkind = 'v' AND r.ev_type = '1'
			UNION ALL
				SELECT q.tree FROM pg_policy AS p JOIN pg_class AS c ON c.oid = p.polrelid,
				LATERAL (VALUES (p.polqual), (p.polwithcheck)) AS q (tree)
				 WHERE c.oid = m.word[1]::oid AND c.relrowsecurity) AS x (tree)
		UNION ALL
			-- What it writes to: a relation that is locked for that, and by which rights.
			SELECT NULL, m.word[1]::oid, e.event FROM regexp_matches(s.tree,
				':relid (\d+)(?: :inh \w+)? :relkind \w :rellockmode 3 ', 'g') AS m (word)
			  LEFT JOIN regexp_matches(s.tree, ':relid (\d+) [^{}]*:requiredPerms (\d+)', 'g')
				AS p (word) ON p.word[1] = m.word[1] AND p.word[2] <> '0',
			(VALUES (1, 4), (4, 16), (8, 8)) AS e (perms, event)
			 WHERE coalesce(p.word[2]::integer & e.perms <> 0, true)
		UNION ALL
			SELECT x.tree::text, NULL, NULL FROM pg_rewrite AS r,
			LATERAL (VALUES (r.ev_action), (r.ev_qual)) AS x (tree)
			 WHERE r.ev_class = s.relation AND r.ev_enabled <> 'D'
			   AND r.ev_type = CASE s.event WHEN 16 THEN '2' WHEN 4 THEN '3' ELSE '4' END
		UNION ALL
			SELECT x.tree::text, NULL, NULL FROM (
				SELECT d.adbin FROM pg_attrdef AS d WHERE d.adrelid = s.relation
			UNION ALL
				SELECT k.conbin FROM pg_constraint AS k WHERE k.conrelid = s.relation
			UNION ALL
				SELECT k.conbin FROM pg_attribute AS a JOIN pg_constraint AS k
				    ON k.contypid = a.atttypid
				 WHERE a.attrelid = s.relation AND a.attnum > 0 AND k.contypid <> 0
			UNION ALL
				SELECT t.tgqual FROM pg_trigger AS t WHERE t.tgrelid = s.relation
			UNION ALL
				SELECT q.tree FROM pg_policy AS p JOIN pg_class AS c ON c.oid = p.polrelid,
				LATERAL (VALUES (p.polqual), (p.polwithcheck)) AS q (tree)
				 WHERE c.oid = s.relation AND c.relrowsecurity) AS x (tree)
		UNION ALL
			-- An updatable view has one relation, which is the first one that it names.
			SELECT NULL, v.relation, s.event FROM pg_rewrite AS r, LATERAL (
				SELECT m.word[1]::oid FROM regexp_matches(r.ev_action::text, ':relid (\d+)', 'g')
					WITH ORDINALITY AS m (word, place)
				 WHERE m.word[1]::oid NOT IN (0, r.ev_class) ORDER BY m.place LIMIT 1)
				AS v (relation)
			 WHERE r.ev_class = s.relation AND r.ev_type = '1'
			   AND pg_relation_is_updatable(r.ev_class, false) & 28 <> 0
		UNION ALL
			SELECT NULL, i.inhrelid, s.event FROM pg_inherits AS i
			  JOIN pg_class AS c ON c.oid = i.inhrelid
			 WHERE i.inhparent = s.relation AND (s.event <> 4 OR c.relispartition)
		UNION ALL
			SELECT NULL, k.conrelid, CASE WHEN s.event = 8 AND k.confdeltype = 'c' THEN 8
				ELSE 16 END FROM pg_constraint AS k
			 WHERE k.contype = 'f' AND k.confrelid = s.relation AND CASE s.event
				WHEN 8 THEN k.confdeltype WHEN 16 THEN k.confupdtype END IN ('c', 'n', 'd')
		) AS n (tree, relation, event)
		WHERE n.tree IS NOT NULL OR n.relation IS NOT NULL
	)
	SELECT s.tree, s.relation, s.event FROM steps AS s;
$steps$;

-- What a statement may write to: relations, and what may write to others, too (wrong): volatile
-- functions and those of triggers, unless declared (@writes) says what they write to.
CREATE FUNCTION cqrsd.feed_writes(statement text, types text[], declared text[])
RETURNS TABLE (id bigint, name text, wrong text) LANGUAGE plpgsql SET jit = off AS $writes$
DECLARE
	tree text;
BEGIN
	BEGIN
		tree := cqrsd.feed_tree(statement, types);
	EXCEPTION WHEN syntax_error OR feature_not_supported THEN NULL; -- it has no plan
	END;
	RETURN QUERY
	WITH steps AS MATERIALIZED (SELECT s.tree, s.relation, s.event FROM cqrsd.feed_steps(tree, ARRAY(
		SELECT d.name::regclass::oid FROM pg_catalog.unnest(declared) AS d (name))) AS s
	), written AS (SELECT DISTINCT c.oid FROM steps AS s
		JOIN pg_catalog.pg_class AS c ON c.oid = s.relation WHERE c.relkind <> 'v'
	)
	SELECT w.oid::bigint, w.oid::regclass::text, NULL FROM written AS w
	UNION ALL
	SELECT NULL, p.oid::regprocedure::text, 'a function may write to anything: @writes says what'
	  FROM cqrsd.feed_called(ARRAY(SELECT s.tree FROM steps AS s WHERE s.tree IS NOT NULL))
	    AS f (function) JOIN pg_catalog.pg_proc AS p ON p.oid = f.function
	 WHERE declared IS NULL AND p.provolatile = 'v' AND (p.oid >= 16384 OR p.proname ~
		'^(lo_|lowrite|ts_stat|ts_rewrite|cursor_to|query_to|table_to|schema_to|database_to)')
	UNION ALL
	SELECT DISTINCT NULL::bigint, pg_catalog.format('trigger %I on %s', t.tgname,
	       t.tgrelid::regclass), 'it calls ' || p.oid::regprocedure
	       || ', which may write to anything: @writes says what'
	  FROM steps AS s JOIN pg_catalog.pg_class AS c ON c.oid = s.relation
	  JOIN pg_catalog.pg_trigger AS t ON t.tgrelid = c.oid
	  JOIN pg_catalog.pg_proc AS p ON p.oid = t.tgfoid
	 WHERE declared IS NULL AND NOT t.tgisinternal AND t.tgenabled <> 'D'
	   AND t.tgfoid <> 'cqrsd.feed_note'::regproc AND p.oid >= 16384
	   -- A row that is updated may leave its partition: that is a deletion and an insertion.
	   AND t.tgtype & CASE WHEN c.relispartition AND s.event = 16 THEN 28 ELSE s.event END <> 0
	UNION ALL
	SELECT NULL, pg_catalog.upper(pg_catalog.substring(statement, '^\w+')),
	       'what it writes to is in no plan: @writes says what'
	 WHERE declared IS NULL AND (tree IS NULL OR (tree ~ ':resultRelation [1-9]'
	   AND NOT EXISTS (SELECT FROM steps AS s WHERE s.relation IS NOT NULL)))
	ORDER BY 2;
END $writes$;

-- Where names without a schema are looked up, as the session has it.
CREATE FUNCTION cqrsd.feed_path() RETURNS text[] LANGUAGE sql STABLE AS $path$
	SELECT ARRAY(SELECT p.name::text FROM pg_catalog.unnest(pg_catalog.current_schemas(false))
		WITH ORDINALITY AS p (name, place) WHERE p.name::text NOT LIKE 'pg\_temp%'
		ORDER BY p.place);
$path$;

-- A sum over all by which these relations are what they are: whoever makes a change of the schema
-- that changes what is read there, or by which one can write there unnoticed, changes it. So does
-- what may change which relation or column a name means: their schemas, columns, the path, and what
-- has the same name in a schema of the path. The same on all nodes that show the same state, and the
-- sum of what it is for each of them alone. pg_subscription_rel changes in place, and often, while
-- tables are copied: of it only what is there counts.
CREATE FUNCTION cqrsd.feed_shape(relations oid[], path text[]) RETURNS bigint LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp AS $shape$
	SELECT coalesce(sum(hashtextextended(p.part, 0) >> 20), 0)::bigint FROM (
		SELECT 'c' || c.oid || ' ' || c.xmin || ' ' || path::text FROM pg_class AS c
		 WHERE c.oid = ANY (relations)
	UNION ALL
		SELECT 't' || t.oid || ' ' || t.xmin FROM pg_trigger AS t
		 WHERE t.tgrelid = ANY (relations)
	UNION ALL
		SELECT 'i' || i.inhrelid || ' ' || i.inhparent || ' ' || i.xmin FROM pg_inherits AS i
		 WHERE i.inhrelid = ANY (relations)
	UNION ALL
		SELECT 'p' || i.inhrelid || ' ' || i.inhparent || ' ' || i.xmin FROM pg_inherits AS i
		 WHERE i.inhparent = ANY (relations)
	UNION ALL
		SELECT 'r' || r.oid || ' ' || r.xmin FROM pg_rewrite AS r
		 WHERE r.ev_class = ANY (relations)
	UNION ALL
		SELECT 'y' || p.oid || ' ' || p.xmin FROM pg_policy AS p WHERE p.polrelid = ANY (relations)
	UNION ALL
		SELECT 'a' || a.attrelid || ' ' || a.attnum || ' ' || a.xmin FROM pg_attribute AS a
		 WHERE a.attrelid = ANY (relations) AND a.attnum > 0
	UNION ALL
		SELECT 'n' || c.oid || ' ' || n.oid || ' ' || n.xmin FROM pg_class AS c
		  JOIN pg_namespace AS n ON n.oid = c.relnamespace WHERE c.oid = ANY (relations)
	UNION ALL
		SELECT 's' || c.oid || ' ' || s.oid || ' ' || s.relnamespace FROM pg_class AS c
		  JOIN pg_class AS s ON s.relname = c.relname AND s.oid <> c.oid
		   AND s.relnamespace = ANY (ARRAY(SELECT n.oid FROM pg_namespace AS n
			WHERE n.nspname = ANY (path)))
		 WHERE c.oid = ANY (relations)
	UNION ALL
		SELECT 'u' || s.srrelid || ' ' || s.srsubid FROM pg_subscription_rel AS s
		 WHERE s.srrelid = ANY (relations)
	) AS p (part);
$shape$;

-- These with all they inherit from and all that inherits from them, what is wrong with each (NULL:
-- nothing), and feed_shape of it.
CREATE FUNCTION cqrsd.feed_relations(relations oid[], secured boolean)
RETURNS TABLE (id bigint, name text, wrong text, shape bigint) LANGUAGE sql STABLE AS $relations$
	SELECT f.relation::bigint, f.relation::regclass::text, cqrsd.feed_wrong(f.relation, secured),
	       cqrsd.feed_shape(ARRAY[f.relation], cqrsd.feed_path())
	  FROM cqrsd.feed_family(relations) AS f (relation);
$relations$;
