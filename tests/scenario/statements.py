"""Statements of all kinds over edge rows, and their columns: ? behind those that may be NULL."""

SCHEMA = r"""
CREATE TYPE oa_pair AS (a int, b text);
CREATE DOMAIN oa_year AS int CHECK (VALUE > 1900);
CREATE DOMAIN oa_must AS text NOT NULL;
CREATE TABLE oa_wide (id int PRIMARY KEY, year oa_year, must oa_must, pair oa_pair,
  pair_must oa_pair NOT NULL, active bool, on_must bool NOT NULL, n int NOT NULL, m int,
  total int GENERATED ALWAYS AS (n + m) STORED, twice int NOT NULL GENERATED ALWAYS AS (n * 2)
  STORED, doc jsonb NOT NULL, arr int[] NOT NULL, at timestamptz NOT NULL, span int4range NOT NULL,
  f float8 NOT NULL, raw bytea);
INSERT INTO oa_wide (id, year, must, pair, pair_must, active, on_must, n, m, doc, arr, at, span, f,
    raw) VALUES
  (1, 2000, 'a', (1, 'x'), (1, 'x'), true, true, 1, 1, '{"a": 1, "b": null}', '{1,2}', now(),
   '[1,5)', 1.5, 'x'),
  (2, NULL, 'b', NULL, (NULL, NULL), NULL, false, 2, NULL, '{}', '{}', 'infinity', 'empty', 'NaN',
   NULL),
  (3, NULL, 'c', (NULL, NULL), (2, NULL), false, true, 3, 3, 'null', '{NULL}', '-infinity', '(,)',
   0, ''),
  (4, 2001, 'd', (4, 'y'), (4, 'y'), true, false, 3, NULL, '[1]', '{{1,2},{3,NULL}}', now(),
   '(,3)', 'infinity', NULL);
CREATE TABLE oa_other (id int PRIMARY KEY, wide_id int, label text NOT NULL, note text);
INSERT INTO oa_other VALUES (1, 1, 'one', NULL), (2, 1, 'uno', 'n'), (3, NULL, 'none', 'm'),
  (4, 99, 'lost', NULL);
CREATE TABLE oa_empty (id int PRIMARY KEY, x text NOT NULL);
ALTER TABLE oa_other ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY p ON oa_other USING (id < 4);
CREATE VIEW oa_vo AS SELECT w.id, o.id AS oid, o.label, coalesce(o.note, o.label) AS words
  FROM oa_wide w LEFT JOIN oa_other o ON o.wide_id = w.id;
CREATE VIEW oa_vg AS SELECT n, m, count(*) AS c, sum(id) AS s FROM oa_wide
  GROUP BY GROUPING SETS ((n), (m), ());
CREATE VIEW oa_vu AS SELECT id, label FROM oa_other UNION ALL SELECT id, NULL FROM oa_wide;
CREATE VIEW oa_upd AS SELECT id, label, note FROM oa_other WHERE id < 100;
CREATE FUNCTION oa_strict(int) RETURNS int STRICT LANGUAGE sql AS 'SELECT NULL::int';
CREATE FUNCTION oa_set(int) RETURNS SETOF int LANGUAGE sql AS 'VALUES (1), (NULL)';
CREATE FUNCTION oa_tab() RETURNS TABLE (a int, b text) LANGUAGE sql AS
  $$VALUES (1, 'x'), (NULL, NULL)$$;
CREATE FUNCTION oa_row() RETURNS oa_other LANGUAGE sql AS 'SELECT * FROM oa_other WHERE false';
CREATE FUNCTION oa_plus_none(int, int) RETURNS int STRICT LANGUAGE sql AS 'SELECT NULL::int';
CREATE TABLE oa_ruled (id int PRIMARY KEY, gone int);
INSERT INTO oa_ruled VALUES (1, 5), (2, NULL);
CREATE RULE oa_rule AS ON DELETE TO oa_ruled DO INSTEAD DELETE FROM oa_wide WHERE
  oa_wide.id = OLD.id RETURNING oa_wide.id, NULL::int;
CREATE OPERATOR === (LEFTARG = int, RIGHTARG = int, FUNCTION = oa_plus_none);
"""
CLEAN = """
DROP OPERATOR === (int, int);
DROP FUNCTION oa_plus_none, oa_row, oa_tab, oa_set, oa_strict;
DROP VIEW oa_vo, oa_vg, oa_vu, oa_upd; DROP TABLE oa_ruled, oa_wide, oa_other, oa_empty;
DROP DOMAIN oa_must, oa_year; DROP TYPE oa_pair;
"""

# A statement, and its columns.
QUERIES = [
    ("SELECT n, m, count(*) c, sum(n) s, grouping(n) g FROM oa_wide GROUP BY ROLLUP (n, m)",
     "n? m? c s? g"),
    ("SELECT n, sum(n) s, max(n) t FROM oa_wide GROUP BY GROUPING SETS ((n), ())", "n? s? t?"),
    ("SELECT n + 1 AS n1 FROM oa_wide GROUP BY CUBE (n, id)", "n1?"),
    ("SELECT coalesce(n, 0) AS c, CASE WHEN n IS NULL THEN 1 ELSE n END AS k, (SELECT n) AS "
     "q FROM oa_wide GROUP BY ROLLUP (n)",
     "c? k? q?"),
    ("SELECT x.n, x.c FROM (SELECT n, count(*) c FROM oa_wide GROUP BY ROLLUP (n)) x", "n? c"),
    ("SELECT n, m, c, s FROM oa_vg", "n? m? c s?"),
    ("SELECT count(*) FILTER (WHERE false) a, max(n) FILTER (WHERE n > 2) b, sum(n) c FROM "
     "oa_wide GROUP BY id",
     "a b? c"),
    ("SELECT sum(n) OVER () a, lag(n) OVER (ORDER BY id) b, lead(n, 1, 0) OVER (ORDER BY id)"
     " c, first_value(n) OVER () d, nth_value(n, 2) OVER (ORDER BY id) e, ntile(2) OVER () "
     "f, max(n) OVER (ORDER BY id ROWS BETWEEN 5 PRECEDING AND 4 PRECEDING) g, count(*) OVER"
     " () h, cume_dist() OVER (ORDER BY id) i FROM oa_wide",
     "a b? c d e? f g? h i"),
    ("SELECT nullif(n, 3) a, nullif(must, 'a') b FROM oa_wide", "a? b?"),
    ("SELECT w.id, o.id oid, o.label FROM oa_wide w FULL JOIN oa_other o ON w.id = o.wide_id",
     "id? oid? label?"),
    ("SELECT id, w.n, o.label FROM oa_wide w FULL JOIN oa_other o USING (id)", "id n? label?"),
    ("SELECT id, label FROM oa_empty FULL JOIN oa_other USING (id)", "id label?"),
    ("SELECT w.id, l.id lid, l.label FROM oa_wide w LEFT JOIN LATERAL (SELECT * FROM "
     "oa_other o WHERE o.wide_id = w.id) l ON true",
     "id lid? label?"),
    ("SELECT w.id, l.label FROM oa_wide w CROSS JOIN LATERAL (SELECT max(label) label FROM "
     "oa_other o WHERE o.wide_id = w.id) l",
     "id label?"),
    ("SELECT w.id, l.n FROM oa_wide w CROSS JOIN LATERAL (SELECT count(*) n FROM oa_other o "
     "WHERE o.wide_id = w.id) l",
     "id n"),
    ("SELECT * FROM (VALUES (1, NULL), (2, 'x')) v (a, b)", "a b?"),
    ("SELECT * FROM (VALUES (1, 'x'), (2, 'y')) v (a, b)", "a b"),
    ("SELECT v.a, w.n FROM (VALUES (1), (77)) v (a) LEFT JOIN oa_wide w ON w.id = v.a", "a n?"),
    ("SELECT generate_series(1, 3) a, unnest(ARRAY[1, NULL]) b, n FROM oa_wide", "a? b? n"),
    ("SELECT unnest(arr) a, n FROM oa_wide", "a? n"),
    ("SELECT oa_set(1) a, 'x' b", "a? b"),
    ("SELECT generate_series(1, 2) a, 1 AS b FROM oa_wide ORDER BY generate_series(1, 5)", "a? b"),
    ("SELECT s.a, s.b FROM (SELECT generate_series(1, 2) a, generate_series(1, 3) b) s", "a? b?"),
    ("SELECT oa_set.oa_set AS a FROM oa_set(1)", "a?"),
    ("SELECT a, b FROM oa_tab()", "a? b?"),
    ("SELECT id, label FROM oa_row()", "id? label?"),
    ("SELECT r.id, r IS NULL nul FROM oa_wide w LEFT JOIN oa_row() r ON true", "id? nul"),
    ("SELECT CASE WHEN n = 1 THEN n END a, CASE WHEN n = 1 THEN n ELSE 0 END b, CASE n WHEN "
     "1 THEN m ELSE 0 END c FROM oa_wide",
     "a? b c?"),
    ("SELECT year, must, total, twice FROM oa_wide", "year? must? total? twice"),
    ("SELECT w.must, w.twice, w.on_must FROM oa_other o LEFT JOIN oa_wide w ON w.id = o.wide_id",
     "must? twice? on_must?"),
    ("SELECT pair, pair_must, (pair).a pa, (pair_must).a pma, (pair_must).b pmb FROM oa_wide",
     "pair? pair_must pa? pma? pmb?"),
    ("SELECT pair_must IS NULL x, pair_must IS NOT NULL y, pair IS NULL z, ROW(NULL, NULL) "
     "r, ROW(n, m) r2 FROM oa_wide",
     "x y z r r2"),
    ("SELECT pair FROM oa_wide WHERE pair IS NOT NULL", "pair"),
    ("SELECT year FROM oa_wide WHERE year IS NOT NULL", "year"),
    ("SELECT year, m FROM oa_wide WHERE year > 1 AND m = n", "year m"),
    ("SELECT year FROM oa_wide WHERE NOT (year < 2000)", "year"),
    ("SELECT year FROM oa_wide WHERE NOT (year IS NULL)", "year"),
    ("SELECT year FROM oa_wide WHERE NOT (year IS NOT NULL)", "year?"),
    ("SELECT m FROM oa_wide WHERE NOT (m = 1 AND n = 1)", "m?"),
    ("SELECT m FROM oa_wide WHERE NOT (m = 1 OR n = 1)", "m"),
    ("SELECT k FROM (oa_wide w LEFT JOIN (SELECT id AS k FROM oa_empty) e ON e.k = w.id)"
     " FULL JOIN (SELECT 500 AS k) f USING (k)", "k?"),
    ("SELECT active FROM oa_wide WHERE active", "active"),
    ("SELECT active FROM oa_wide WHERE NOT active", "active"),
    ("SELECT active FROM oa_wide WHERE active IS TRUE", "active"),
    ("SELECT active FROM oa_wide WHERE active IS NOT TRUE", "active?"),
    ("SELECT year FROM oa_wide WHERE (year IS NULL) IS FALSE", "year"),
    ("SELECT m FROM oa_wide WHERE m IS DISTINCT FROM 1", "m?"),
    ("SELECT m FROM oa_wide WHERE m IS NOT DISTINCT FROM NULL", "m?"),
    ("SELECT m FROM oa_wide WHERE coalesce(m, 1) = 1", "m?"),
    ("SELECT m FROM oa_wide WHERE m + 1 > 0", "m"),
    ("SELECT m FROM oa_wide WHERE abs(m) > 0", "m"),
    ("SELECT m FROM oa_wide WHERE m = ANY (ARRAY[1, NULL, 3])", "m"),
    ("SELECT m FROM oa_wide WHERE m <> ALL (ARRAY[]::int[])", "m?"),
    ("SELECT m FROM oa_wide WHERE m NOT IN (7, 8)", "m"),
    ("SELECT m FROM oa_wide WHERE m BETWEEN 0 AND 9", "m"),
    ("SELECT m FROM oa_wide WHERE m IN (SELECT id FROM oa_other)", "m"),
    ("SELECT m FROM oa_wide WHERE m = n OR m IS NULL", "m?"),
    ("SELECT m FROM oa_wide WHERE (m = 1 OR m = 3)", "m"),
    ("SELECT n === 1 a, oa_strict(n) b, oa_plus_none(n, n) c FROM oa_wide", "a? b? c?"),
    ("SELECT id, oid, label, words FROM oa_vo", "id oid? label? words?"),
    ("SELECT oid, label, words FROM oa_vo WHERE oid > 0", "oid label? words?"),
    ("SELECT id, label FROM oa_vu", "id label?"),
    ("SELECT DISTINCT ON (n) n, m FROM oa_wide ORDER BY n, m DESC", "n m?"),
    ("SELECT id, label FROM oa_other UNION SELECT 5, NULL", "id label?"),
    ("SELECT id, label FROM oa_other UNION ALL SELECT id, must FROM oa_wide UNION ALL SELECT"
     " 1, 'z'",
     "id label?"),
    ("SELECT id FROM oa_wide UNION ALL (SELECT m FROM oa_wide INTERSECT SELECT id FROM "
     "oa_other)",
     "id"),
    ("SELECT m FROM oa_wide EXCEPT SELECT id FROM oa_other", "m?"),
    ("WITH RECURSIVE t (a, b) AS (SELECT 1, 'x'::text UNION ALL SELECT a + 1, CASE WHEN a < "
     "2 THEN b END FROM t WHERE a < 4) SELECT a, b FROM t",
     "a b?"),
    ("WITH RECURSIVE t (a, b, c) AS (SELECT 1, 2, 3 UNION ALL SELECT b, c, NULL FROM t WHERE"
     " a < 4) SELECT a, b, c FROM t",
     "a? b? c?"),
    ("WITH RECURSIVE t (a, p) AS (SELECT 1, NULL::int UNION ALL SELECT t.a + 1, o.id FROM t "
     "LEFT JOIN oa_other o ON o.id = t.a + 2 WHERE t.a < 4) SELECT a, p FROM t",
     "a p?"),
    ("WITH RECURSIVE t (a) AS (SELECT 1 UNION ALL SELECT a + 1 FROM t WHERE a < 3) SEARCH "
     "DEPTH FIRST BY a SET ord SELECT a, ord FROM t",
     "a ord?"),
    ("WITH RECURSIVE t (a) AS (SELECT 1 UNION ALL SELECT a + 1 FROM t WHERE a < 3) CYCLE a "
     "SET looped USING path SELECT a, looped, path FROM t",
     "a looped? path?"),
    ("WITH c AS (SELECT id, m FROM oa_wide) SELECT a.m, b.id FROM c a LEFT JOIN c b ON b.id "
     "= a.m",
     "m? id?"),
    ("WITH c AS (SELECT id FROM oa_wide), d AS (SELECT c.id, o.label FROM c LEFT JOIN "
     "oa_other o ON o.wide_id = c.id) SELECT * FROM d",
     "id label?"),
    ("SELECT doc ->> 'a' a, doc -> 'a' b, doc #>> '{a}' c, doc ? 'a' d, doc || '{}' e, doc "
     "@> '{}' f, jsonb_typeof(doc) g, doc['a'] h, jsonb_array_length('[1]') i FROM oa_wide",
     "a? b? c? d e? f g h? i"),
    ("SELECT arr[1] a, arr[5] b, array_length(arr, 1) c, cardinality(arr) d, arr || 1 e, "
     "array_append(arr, NULL) f, arr[1:2] g, array_position(arr, 7) h, array_to_string(arr, "
     "',') i, array_upper(arr, 1) j, 1 = ANY (arr) k, array_dims(arr) l, arr || arr n FROM "
     "oa_wide WHERE coalesce(array_ndims(arr), 1) = 1",
     "a? b? c? d e f g? h? i? j? k? l? n?"),
    ("SELECT lower(span) a, upper(span) b, isempty(span) c, span * span d, span @> 1 e, "
     "lower_inc(span) f FROM oa_wide",
     "a? b? c? d e f?"),
    ("SELECT at + interval '1 day' a, at - interval '1 day' b, at::date c, date_trunc('day',"
     " at) d, extract(year FROM at) e, date_part('year', at) f, to_char(at, 'YYYY') g, at AT"
     " TIME ZONE 'UTC' h, at::text i, to_char(at, '') j FROM oa_wide",
     "a b c d e? f? g? h i j?"),
    ("SELECT f + 1 a, f::numeric b, -f c, abs(f) d, floor(f) e, round(f) g FROM oa_wide",
     "a b c d e g"),
    ("SELECT sqrt(n) a, n::text b, n::numeric c, n % 2 d, n / 1 e, -n g, n::bool h, div(n, "
     "1) i, n::float8 j, n << 1 k, ~n l, @ (-n) o, |/ n::float8 p FROM oa_wide",
     "a b c d e g h i j k l o p"),
    ("SELECT upper(must) a, must || n b, must LIKE 'a%' c, substr(must, 1) d, "
     "substring(must, 1, 1) e, substring(must FROM 'z') f, split_part(must, ',', 1) g, "
     "regexp_replace(must, 'a', 'b') h, format('%s', must) i, position('a' IN must) j, "
     "left(must, 1) k, overlay(must PLACING 'x' FROM 1) l, must ~ 'a' o, concat_ws(',', "
     "must) p, quote_literal(m) q, trim(must) r, must COLLATE \"C\" s, regexp_match(must, 'z')"
     " t, must::varchar(2) u, (must::char(3)) v, md5(must) w FROM oa_other o JOIN oa_wide ON"
     " true",
     "a? b? c? d? e? f? g? h? i? j? k? l? o? p? q? r? s? t? u? v? w?"),
    ("SELECT concat(NULL) a, concat_ws(NULL, 'a') b, format(NULL) c, quote_nullable(NULL) d,"
     " num_nulls(NULL) e",
     "a b? c? d? e?"),
    ("SELECT greatest(m, NULL) a, least(n, m) b, coalesce(m, year) c, coalesce(m, year, 0) d"
     " FROM oa_wide",
     "a? b c? d"),
    ("SELECT (SELECT label FROM oa_other WHERE id = 99) a, (SELECT max(id) FROM oa_empty) b,"
     " (SELECT count(*) FROM oa_empty) c, EXISTS (SELECT FROM oa_empty) d, n IN (SELECT m "
     "FROM oa_wide) e, n = ANY (SELECT m FROM oa_wide) f, n > ALL (SELECT m FROM oa_wide) g,"
     " ARRAY(SELECT 1 WHERE false) h, (SELECT count(*) FROM oa_empty HAVING false) i, "
     "(SELECT count(*) FROM oa_empty OFFSET 1) j, (SELECT count(*) FROM oa_empty LIMIT 0) k,"
     " (SELECT 1) l, (SELECT count(*) FROM oa_empty GROUP BY id) o FROM oa_wide",
     "a? b? c d e? f? g? h i? j? k? l o?"),
    ("SELECT n IN (1, 2) a, n IN (1, NULL) b, n NOT IN (5, NULL) c, m IN (1) d, must = ANY "
     "('{a,NULL}') e FROM oa_wide",
     "a b? c? d? e?"),
    ("SELECT ROW(n, m) = ROW(1, 2) a, (n, m) < (1, 2) b, (n, id) < (1, 2) c FROM oa_wide",
     "a? b? c?"),
    ("SELECT sum(n) a, avg(n) b, min(must) c, array_agg(m) d, string_agg(must, NULL) e, "
     "bool_and(active) f, bool_and(on_must) g, json_agg(m) h, count(m) i, stddev(n) j, "
     "var_pop(n) k, mode() WITHIN GROUP (ORDER BY m) l, percentile_cont(0.5) WITHIN GROUP "
     "(ORDER BY n) o, jsonb_object_agg(must, m) p, corr(n, m) q, every(on_must) r, bit_or(n)"
     " s, sum(DISTINCT n) t FROM oa_wide GROUP BY id",
     "a b c? d e? f? g h? i j? k? l? o? p? q? r s t"),
    ("SELECT sum(n) a, array_agg(m) d, count(m) i FROM oa_wide WHERE false", "a? d? i"),
    ("SELECT sum(n) a, count(m) i FROM oa_wide WHERE false GROUP BY ()", "a? i"),
    ("SELECT n, (SELECT sum(w.n) FROM oa_empty) a, (SELECT count(w.n)) b FROM oa_wide w "
     "GROUP BY n",
     "n a? b"),
    ("SELECT max(o.id) a, max(w.n) b, sum(o.id + w.n) c FROM oa_wide w LEFT JOIN oa_other o "
     "ON o.wide_id = w.id GROUP BY w.id",
     "a? b c?"),
    ("SELECT o.id, sum(w.n) a FROM oa_other o LEFT JOIN oa_wide w ON w.id = o.wide_id GROUP "
     "BY o.id, w.id HAVING max(w.n) IS NULL",
     "id a?"),
    ("SELECT w FROM oa_wide w", "w"),
    ("SELECT o AS other FROM oa_wide w LEFT JOIN oa_other o ON o.wide_id = w.id", "other?"),
    ("SELECT to_jsonb(o) a, row_to_json(o) b, o::text c, o IS NULL d FROM oa_wide w LEFT "
     "JOIN oa_other o ON o.wide_id = w.id",
     "a? b? c? d"),
    ("SELECT ctid, tableoid, xmin FROM oa_wide", "ctid? tableoid? xmin?"),
    ("SELECT o.ctid, o.tableoid FROM oa_wide w LEFT JOIN oa_other o ON o.wide_id = w.id",
     "ctid? tableoid?"),
    ("SELECT current_setting('no.such', true) a, current_schemas(false) b, pg_backend_pid() "
     "c, current_date d, localtime e, txid_current_if_assigned() f, to_regclass('nope') g, "
     "obj_description(1, 'pg_class') h, inet_client_addr() i, current_schema j",
     "a? b? c d e f? g? h? i? j?"),
    ("SELECT jsonb_path_query_first(doc, '$.x') a, jsonb_build_object('a', m) b, to_jsonb(m)"
     " c, to_jsonb(n) d, jsonb_build_array(m) e, json_build_object() f, "
     "jsonb_strip_nulls(doc) g, jsonb_set(doc, '{a}', NULL) h FROM oa_wide WHERE "
     "jsonb_typeof(doc) = 'object'",
     "a? b? c? d? e? f? g? h?"),
    ("SELECT k.key, k.value FROM oa_wide, jsonb_each(doc) k WHERE jsonb_typeof(doc) = 'object'",
     "key value?"),
    ("SELECT k.key, k.value FROM oa_wide, jsonb_each_text(doc) k WHERE jsonb_typeof(doc) = "
     "'object'",
     "key? value?"),
    ("SELECT e.value, e.ordinality FROM oa_wide, jsonb_array_elements(doc) WITH ORDINALITY e"
     " WHERE jsonb_typeof(doc) = 'array'",
     "value? ordinality"),
    ("SELECT x.a, x.b FROM XMLTABLE('/r/v' PASSING '<r><v a=\"1\"/><v/></r>' COLUMNS a int "
     "PATH '@a', b FOR ORDINALITY) x",
     "a? b?"),
    ("SELECT t.a, t.b FROM ROWS FROM (generate_series(1, 2), unnest(ARRAY[1, 2, 3])) t (a, b)",
     "a? b?"),
    ("SELECT o.label, g FROM oa_other o LEFT JOIN generate_series(1, o.id - 1) g ON true",
     "label g?"),
    ("SELECT g, g.ordinality FROM generate_series(1, 2) WITH ORDINALITY g", "g ordinality"),
    ("SELECT a.id, b.id bid, c.id cid FROM oa_wide a LEFT JOIN oa_other b ON b.wide_id = "
     "a.id LEFT JOIN oa_other c ON c.id = b.id",
     "id bid? cid?"),
    ("SELECT a.id, b.id bid, c.id cid FROM oa_wide a LEFT JOIN oa_other b ON b.wide_id = "
     "a.id JOIN oa_other c ON c.id = b.id",
     "id bid cid"),
    ("SELECT a.id, b.id bid, c.id cid FROM oa_wide a LEFT JOIN (oa_other b LEFT JOIN "
     "oa_other c ON c.id = b.id) ON b.wide_id = a.id",
     "id bid? cid?"),
    ("SELECT a.id, b.id bid, c.id cid FROM oa_wide a RIGHT JOIN (oa_other b LEFT JOIN "
     "oa_wide c ON c.id = b.wide_id) ON b.wide_id = a.id",
     "id? bid cid?"),
    ("SELECT a.id, b.id bid FROM oa_wide a FULL JOIN oa_other b ON b.wide_id = a.id WHERE "
     "b.id > 0",
     "id? bid"),
    ("SELECT a.id, b.id bid FROM oa_wide a FULL JOIN oa_other b ON b.wide_id = a.id WHERE "
     "a.n > 0 OR b.id > 0",
     "id? bid?"),
    ("SELECT a.id, b.id bid FROM oa_wide a LEFT JOIN oa_other b ON b.wide_id = a.id WHERE "
     "coalesce(b.id, 0) = 0",
     "id bid?"),
    ("SELECT j.id, j.bid FROM (oa_wide a LEFT JOIN (SELECT id bid, wide_id FROM oa_other) b "
     "ON b.wide_id = a.id) j",
     "id bid?"),
    ("SELECT id, label FROM oa_wide NATURAL LEFT JOIN oa_other", "id label?"),
    ("SELECT id, x FROM oa_empty NATURAL RIGHT JOIN oa_wide", "id x?"),
    ("SELECT n, count(*) c FROM oa_wide GROUP BY DISTINCT ROLLUP (n), ROLLUP (n)", "n? c"),
    ("SELECT m.id FROM oa_wide w LEFT JOIN oa_wide m ON m.id = w.id AND false", "id?"),
    ("SELECT id, m FROM oa_wide FOR UPDATE", "id m?"),
    ("SELECT a.* FROM oa_wide w, LATERAL (SELECT w.m UNION ALL SELECT w.n) a", "m?"),
    ("SELECT a.x FROM oa_wide w, LATERAL (VALUES (w.n), (w.m)) a (x)", "x?"),
    ("SELECT a.x FROM oa_wide w, LATERAL (VALUES (w.n), (w.id)) a (x)", "x"),
    ("SELECT CAST(must AS oa_must) a, year::int b, n::oa_year + 1900 c, m::oa_year d FROM "
     "oa_wide WHERE n > 1900 OR n IS NULL",
     "a? b? c d?"),
    ("SELECT 'a'::oa_must a, NULL::oa_year b", "a b?"),
    ("SELECT '{1,NULL}'::int[] a, ARRAY[1, NULL] b, ARRAY[[1], [2]] c, '1'::text::int d, "
     "n::text::int e FROM oa_wide",
     "a b c d e"),
    ("SELECT NULL a, NULL::text b, NOT NULL c, NULL AND false d, true OR NULL e, (NULL IS "
     "NULL) f",
     "a? b? c? d? e? f"),
    ("SELECT 1 FROM oa_wide GROUP BY ROLLUP (n)", "?column??"),
    ("SELECT 'x'::text AS k, n FROM oa_wide GROUP BY GROUPING SETS ((1), (2))", "k? n?"),
    ("SELECT 'x' k FROM oa_wide GROUP BY ROLLUP (1)", "k?"),
    ("SELECT q.k FROM (SELECT 'x' k, n FROM oa_wide) q GROUP BY ROLLUP (q.k)", "k?"),
    ("SELECT max(q.k) mk, count(*) n FROM (SELECT 'x' k, n FROM oa_wide) q GROUP BY ROLLUP "
     "(q.k)",
     "mk? n"),
    ("SELECT count(n) OVER (ORDER BY n) a, sum(sum(n)) OVER () b, rank() OVER (ORDER BY "
     "sum(n)) c FROM oa_wide GROUP BY n",
     "a b c"),
    ("SELECT (oa_row()).id a, (oa_row()).label b", "a? b?"),
    ("SELECT (SELECT array_agg(id) FROM oa_empty) a, (SELECT coalesce(sum(id), 0) FROM "
     "oa_empty) b, (SELECT now() FROM oa_empty) c",
     "a? b c?"),
    ("SELECT random() a, gen_random_uuid() b, pg_typeof(n) c, hashtext(must) d, encode(raw, "
     "'hex') e, raw || 'x' g, length(raw) h FROM oa_wide",
     "a b c? d? e? g? h?"),
    ("SELECT make_interval(days => n) a, justify_days(interval '40 days') b, age(at, at) c, "
     "to_timestamp(n) d, make_date(2000, n, 1) e, date '2000-01-01' + n f, at - at g FROM "
     "oa_wide WHERE isfinite(at)",
     "a? b c d e f g"),
    ("SELECT point(1, 2) <-> point(1, 2) a, '(1,2)'::point b, '1.2.3.4'::inet c, "
     "host('1.2.3.4'::inet) d, '10'::bit(2) e, '$1'::money f, to_tsvector('a') @@ "
     "to_tsquery('a') g, to_tsvector(must) h, ts_rank(to_tsvector(must), to_tsquery('a')) i "
     "FROM oa_wide",
     "a? b c d e f g? h? i?"),
    ("SELECT at::time a, at::timetz b, (at AT TIME ZONE 'UTC')::time c, at::date d, at::timestamp"
     " e FROM oa_wide WHERE at::time IS NULL OR n = 1",
     "a? b? c? d e"),
    ("SELECT CASE WHEN o.id IS NOT NULL THEN o.label ELSE '-' END a, CASE WHEN o.id IS NULL THEN "
     "'x' ELSE o.label END b, CASE WHEN o.id IS NULL AND w.n > 0 THEN 'x' ELSE o.label END c, CASE "
     "WHEN o.id > 1 THEN o.label WHEN o.id IS NULL THEN '' ELSE o.label END d, CASE WHEN o.id > 1 "
     "THEN '' ELSE o.label END e, CASE WHEN o.id IS NOT NULL OR w.n > 0 THEN o.label ELSE '' END f"
     ", CASE WHEN o.id IS NULL OR w.m > 1 THEN 0 ELSE o.id END g FROM oa_wide w LEFT JOIN oa_other"
     " o ON o.wide_id = w.id",
     "a b c? d e? f? g?"),
    # What a window function takes is of other rows, too.
    ("SELECT CASE WHEN m IS NOT NULL THEN first_value(m) OVER (ORDER BY id DESC) ELSE 0 END a,"
     " CASE WHEN m IS NOT NULL THEN lag(m, 1, 0) OVER (ORDER BY id) ELSE 0 END b,"
     " CASE WHEN m IS NULL THEN 0 ELSE last_value(m) OVER (ORDER BY id ROWS BETWEEN CURRENT ROW"
     " AND UNBOUNDED FOLLOWING) END c, CASE WHEN m IS NOT NULL THEN CASE WHEN n > 0"
     " THEN lead(m, 1, 0) OVER (ORDER BY id) ELSE m END ELSE 0 END d,"
     " CASE WHEN m IS NOT NULL THEN (SELECT max(w.m) OVER ()) ELSE 0 END e,"
     " CASE WHEN m IS NOT NULL THEN first_value(n) OVER (ORDER BY id) ELSE m END f"
     " FROM oa_wide w", "a? b? c? d? e f?"),
    ("SELECT sum(CASE WHEN m IS NULL THEN 0 ELSE m END) a, sum(CASE WHEN n > 2 THEN m ELSE 0 END) b"
     " FROM oa_wide GROUP BY id",
     "a b?"),
    ("SELECT CASE WHEN n IN (SELECT m FROM oa_wide) THEN m ELSE 1 END a, CASE WHEN m IN (1) IS NOT "
     "TRUE THEN 0 ELSE m END b, CASE WHEN m IS NULL THEN 0 ELSE (SELECT w.m) END c FROM oa_wide w",
     "a? b c"),
    ("SELECT id, n, label FROM oa_wide FULL JOIN oa_other USING (id) FULL JOIN oa_empty USING (id)",
     "id n? label?"),
    ("SELECT id FROM oa_wide FULL JOIN oa_empty USING (id) FULL JOIN (SELECT NULL::int id) z USING"
     " (id)",
     "id?"),
    ("SELECT id FROM (oa_wide LEFT JOIN oa_empty USING (id)) FULL JOIN (oa_other FULL JOIN (SELECT"
     " 1 id) o USING (id)) USING (id)",
     "id"),
    ("SELECT j.id, o.id oid FROM oa_other o LEFT JOIN (oa_wide FULL JOIN oa_empty USING (id)) j ON"
     " j.id = o.wide_id",
     "id? oid"),
    ("SELECT j.id, o.id oid FROM oa_other o FULL JOIN (oa_wide FULL JOIN oa_empty USING (id)) j ON"
     " j.id = o.wide_id",
     "id? oid?"),
    ("SELECT j.id, j.must, j.x FROM oa_other o LEFT JOIN (oa_wide FULL JOIN oa_empty USING (id)) j"
     " ON j.id = o.wide_id WHERE j.id > 0",
     "id must? x?"),
    ("SELECT wide_id id FROM oa_other FULL JOIN (SELECT m wide_id FROM oa_wide) z USING (wide_id)"
     " WHERE wide_id > 0",
     "id"),
    ("SELECT m, n, count(*) c FROM oa_wide GROUP BY m, n HAVING m > 0 AND max(id) > 0", "m n c"),
    ("SELECT m, max(total) t FROM oa_wide GROUP BY m HAVING max(total) > 0 OR m > 0", "m? t?"),
    ("SELECT m, count(*) c FROM oa_wide GROUP BY ROLLUP (m) HAVING m > 0", "m? c"),
    ("SELECT o.id, max(o.label) t FROM oa_wide w LEFT JOIN oa_other o ON o.wide_id = w.id GROUP BY"
     " o.id HAVING o.id > 0",
     "id t"),
    ("SELECT sum(n) OVER w a, first_value(n) OVER w b, sum(n) OVER (ORDER BY id ROWS BETWEEN"
     " CURRENT ROW AND UNBOUNDED FOLLOWING) c, sum(n) OVER (ORDER BY id ROWS BETWEEN 1"
     " PRECEDING AND 1 "
     "FOLLOWING EXCLUDE TIES) d, sum(n) OVER (ORDER BY id ROWS BETWEEN 1 PRECEDING AND CURRENT ROW "
     "EXCLUDE GROUP) e, sum(n) OVER (ORDER BY id ROWS 1 PRECEDING EXCLUDE CURRENT ROW) f, sum(n) "
     "OVER (ORDER BY id GROUPS BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING) g, sum(n) OVER (ORDER "
     "BY at RANGE BETWEEN '1 day' PRECEDING AND CURRENT ROW) h, array_agg(n) OVER (ROWS BETWEEN 2 "
     "PRECEDING AND 1 PRECEDING) i FROM oa_wide WINDOW w AS (ORDER BY id ROWS 2 PRECEDING)",
     "a b c d e? f? g? h? i?"),
    ("SELECT a, b, ordinality FROM ROWS FROM (generate_series(1, 3), unnest(ARRAY['x'])) WITH "
     "ORDINALITY t (a, b)",
     "a? b? ordinality"),
    ("SELECT t.o FROM oa_wide w LEFT JOIN LATERAL ROWS FROM (generate_series(1, w.n),"
     " unnest(w.arr)) WITH ORDINALITY t (a, b, o) ON w.n = 2",
     "o?"),
    ("SELECT w.id, k.a, k.b, (VALUES (1)) c, (VALUES (w.m)) d FROM oa_wide w LEFT JOIN LATERAL ("
     "VALUES (w.n, w.m)) k (a, b) ON true",
     "id a b? c d?"),
    ("SELECT w.id, k.a FROM oa_wide w LEFT JOIN LATERAL (SELECT * FROM (VALUES (w.n)) v (a) WHERE a"
     " > 2) k ON true",
     "id a?"),
]
COMMANDS = [
    ("DELETE FROM oa_ruled WHERE gone > 0 RETURNING id, gone", "id? gone?"),
    ("DELETE FROM oa_wide WHERE m > 0 RETURNING id, m", "id m"),
    ("UPDATE oa_wide SET m = NULL WHERE m > 0 RETURNING CASE WHEN m IS NULL THEN 0 ELSE m END a",
     "a?"),
    ("INSERT INTO oa_other VALUES (50, NULL, 'z', NULL) RETURNING id, wide_id, label, note",
     "id wide_id? label note?"),
    ("INSERT INTO oa_other VALUES (1, NULL, 'z', NULL) ON CONFLICT DO NOTHING RETURNING id, "
     "label",
     "id label"),
    ("INSERT INTO oa_other AS o VALUES (1, NULL, 'z', NULL) ON CONFLICT (id) DO UPDATE SET "
     "note = NULL, label = excluded.label RETURNING id, label, note, o.wide_id",
     "id label note? wide_id?"),
    ("UPDATE oa_other SET note = NULL WHERE note IS NOT NULL RETURNING id, note", "id note?"),
    ("UPDATE oa_other o SET label = 'q' FROM oa_wide w LEFT JOIN oa_empty e ON e.id = w.id "
     "WHERE w.id = o.wide_id RETURNING o.id, w.n, e.x, w.m",
     "id n x? m?"),
    ("UPDATE oa_wide SET m = NULL WHERE m = n RETURNING id, m, total, twice",
     "id m? total? twice"),
    ("UPDATE oa_wide SET m = NULL WHERE m > 0 RETURNING m + 1 AS a, coalesce(m, n) AS b", "a? b"),
    ("DELETE FROM oa_other o USING oa_wide w LEFT JOIN oa_empty e ON e.id = w.id WHERE "
     "o.wide_id = w.id RETURNING o.id, w.id AS wid, e.id AS eid, o.wide_id",
     "id wid eid? wide_id"),
    ("WITH d AS (DELETE FROM oa_other WHERE wide_id = 1 RETURNING *), i AS (INSERT INTO "
     "oa_empty SELECT id, label FROM d RETURNING id, x) SELECT d.id, i.x, d.wide_id, d.note "
     "FROM d LEFT JOIN i ON i.id = d.id + 1",
     "id x? wide_id note?"),
    ("INSERT INTO oa_upd VALUES (60, 'v', NULL) RETURNING id, label, note", "id? label? note?"),
    ("UPDATE oa_upd SET note = NULL WHERE id = 2 RETURNING id, label, note", "id? label? note?"),
    ("WITH u AS (UPDATE oa_wide SET m = NULL WHERE m IS NOT NULL RETURNING m, n) SELECT "
     "max(m) AS a, max(n) AS b, count(*) AS c FROM u",
     "a? b? c"),
    ("WITH u AS (UPDATE oa_wide SET m = NULL WHERE m IS NOT NULL RETURNING m, n) SELECT m, n"
     " FROM u",
     "m? n"),
    ("INSERT INTO oa_wide (id, must, pair_must, on_must, n, doc, arr, at, span, f) SELECT "
     "100 + id, must, pair_must, on_must, n, doc, arr, at, span, f FROM oa_wide RETURNING "
     "id, m, total, twice, must, year",
     "id m? total? twice must? year?"),
]
# Of PostgreSQL 17 and later.
OF_17 = [
    ("SELECT random(1, m) a, random() b FROM oa_wide", "a? b"),
    ("MERGE INTO oa_other o USING (VALUES (1), (70)) v (id) ON o.id = v.id WHEN MATCHED THEN"
     " DELETE WHEN NOT MATCHED THEN INSERT VALUES (v.id, NULL, 'm', NULL) RETURNING o.id, "
     "o.label, v.id AS vid, o.note",
     "id label vid? note?"),
    ("MERGE INTO oa_other o USING (VALUES (1), (70)) v (id) ON o.id = v.id WHEN NOT MATCHED "
     "BY SOURCE THEN DELETE WHEN NOT MATCHED THEN INSERT VALUES (v.id, NULL, 'm', NULL) "
     "RETURNING merge_action() AS act, o.id, v.id AS vid",
     "act id vid?"),
]
# Of PostgreSQL 18 and later.
OF_18 = [
    ("UPDATE oa_other SET note = 'w' RETURNING old.note AS a, new.note AS b, old.label AS c,"
     " note AS d",
     "a? b? c d?"),
]
