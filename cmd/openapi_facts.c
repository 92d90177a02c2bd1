/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A block of PL/pgSQL has PostgreSQL parse the statement as the body of a temporary function,
 * reads that tree, and takes the function back: views and columns are named there by their
 * numbers, so that no text is parsed here. What a block is given, and what it answers, is a
 * setting of the session.
 */
#include "cmd/openapi_facts.h"

#include <assert.h>
#include <string.h>

/*
 * What is known of PostgreSQL's own functions, by their names: facts_class. Not among them are
 * those that may be NULL of arguments that are not: substring by a pattern, to_char, extract,
 * array_length, lower of a range, casts of jsonb, those of a timestamp to a time, geometric
 * operators (path + path).
 */
#define FACTS_ALWAYS_NAMES                                                                         \
	"'now','transaction_timestamp','statement_timestamp','clock_timestamp','timeofday',"       \
	"'random','gen_random_uuid','uuidv4','uuidv7','concat','json_build_object',"               \
	"'json_build_array','jsonb_build_object','jsonb_build_array','array_append',"              \
	"'array_prepend','current_database','version','pg_backend_pid'"
#define FACTS_STRICT_NAMES                                                                         \
	"'length','char_length','character_length','octet_length','bit_length','lower','upper',"   \
	"'initcap','btrim','ltrim','rtrim','replace','translate','left','right','substr',"         \
	"'reverse','repeat','lpad','rpad','md5','abs','round','ceil','ceiling','floor','trunc',"   \
	"'mod','power','sqrt','exp','ln','sign','div','date_trunc','age','timezone',"              \
	"'starts_with','strpos','position','encode','decode','nextval','make_date','chr','ascii'," \
	"'split_part','regexp_replace','overlay','quote_ident','quote_literal','jsonb_typeof',"    \
	"'json_typeof','jsonb_array_length','json_array_length','jsonb_pretty','to_timestamp',"    \
	"'make_interval','justify_days','justify_hours','justify_interval','to_hex','sha256',"     \
	"'host','to_tsvector','ts_rank','width_bucket'"
/* Of any type; the others are not meant where an argument may be of several types. */
#define FACTS_STRICT_OF_ANY "'cardinality','to_json','to_jsonb','row_to_json','array_to_json'"
#define FACTS_OPERATORS                                                                            \
	"'+','-','*','/','%','^','||','=','<>','<','>','<=','>=','~~','!~~','~~*','!~~*','~',"     \
	"'!~','~*','!~*','@>','<@','&&','&','|','#','<<','>>','?','?|','?&','@','|/','^@'"

static const char facts_block[] =
	"DO $facts$\n"
	"DECLARE\n"
	" asked json := current_setting('cqrsd.openapi');\n"
	" params oid[] := ARRAY(SELECT p.type::oid FROM json_array_elements_text(asked -> 'params')"
	" WITH ORDINALITY AS p (type, n) ORDER BY p.n);\n"
	" columns oid[] := ARRAY(SELECT p.type::oid FROM json_array_elements_text(asked ->"
	" 'columns')"
	" WITH ORDINALITY AS p (type, n) ORDER BY p.n);\n"
	" parsed text; why text; answer json;\n"
	"BEGIN\n"
	" PERFORM set_config('jit', 'off', true);\n"
	" BEGIN\n"
	"  EXECUTE format(E'CREATE FUNCTION pg_temp.cqrsd_tree(%s) RETURNS void LANGUAGE sql"
	" BEGIN ATOMIC %s\\n; END', (SELECT coalesce(string_agg(format_type(p.type, NULL), ', '"
	" ORDER BY p.n), '') FROM unnest(params) WITH ORDINALITY AS p (type, n)), asked ->>"
	" 'statement');\n"
	"  SELECT p.prosqlbody::text INTO parsed FROM pg_proc AS p WHERE p.proname = 'cqrsd_tree'"
	" AND p.pronamespace = pg_my_temp_schema();\n"
	"  RAISE EXCEPTION USING ERRCODE = 'CQ0RB';\n"
	/* What no function may hold, such as a CALL, has no tree. */
	" EXCEPTION WHEN OTHERS THEN IF SQLSTATE <> 'CQ0RB' THEN parsed := NULL; why := SQLERRM;"
	" END IF;\n"
	" END;\n"
	" WITH RECURSIVE trees (relation, tree) AS (SELECT 0::oid,"
	" parsed COLLATE \"C\" WHERE parsed IS NOT NULL"
	" UNION SELECT r.ev_class, r.ev_action::text COLLATE \"C\" FROM trees AS t,"
	" regexp_matches(t.tree, ':relid (\\d+)', 'g') AS m (word)"
	" JOIN pg_class AS c ON c.oid = m.word[1]::oid AND c.relkind = 'v'"
	" JOIN pg_rewrite AS r ON r.ev_class = c.oid AND r.ev_type = '1'),"
	" named (relation) AS (SELECT DISTINCT m.word[1]::oid FROM trees AS t,"
	" regexp_matches(t.tree, ':relid (\\d+)', 'g') AS m (word)),"
	" called (function) AS (SELECT DISTINCT m.word[1]::oid FROM trees AS t,"
	" regexp_matches(t.tree,"
	" ':(?:funcid|opfuncid|aggfnoid|winfnoid) (\\d+)', 'g') AS m (word)),"
	/* A table and all that inherits from it, for each of them. */
	" heirs (top, oid) AS (SELECT n.relation, n.relation FROM named AS n UNION"
	" SELECT h.top, i.inhrelid FROM heirs AS h JOIN pg_inherits AS i ON i.inhparent = h.oid),"
	/* NOT NULL, and proved of all rows (PostgreSQL 18 has NOT VALID). */
	" filled (relation, name) AS (SELECT a.attrelid, a.attname FROM heirs AS h"
	" JOIN pg_class AS c ON c.oid = h.oid AND c.relkind IN ('r', 'p') AND NOT c.relhasrules"
	" JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND a.attnotnull"
	" AND NOT a.attisdropped WHERE NOT EXISTS (SELECT FROM pg_constraint AS k"
	" WHERE k.conrelid = a.attrelid AND k.contype = 'n' AND k.conkey = ARRAY[a.attnum]"
	" AND NOT k.convalidated)),"
	" reached (oid) AS (SELECT unnest(params || columns) UNION SELECT part.oid FROM reached"
	" AS d"
	" JOIN pg_type AS type ON type.oid = d.oid, LATERAL (SELECT type.typbasetype"
	" WHERE type.typtype = 'd' UNION ALL SELECT e.oid FROM pg_type AS e WHERE e.oid ="
	" type.typelem"
	" AND e.typarray = type.oid UNION ALL SELECT atttypid FROM pg_attribute WHERE"
	" type.typtype = 'c' AND attrelid = type.typrelid AND attnum > 0 AND NOT attisdropped)"
	" AS part (oid))\n"
	" SELECT json_build_object('tree', parsed, 'why', why, 'params', params::int8[], 'columns',"
	" columns::int8[], 'types',"
	" (SELECT coalesce(json_agg(json_build_object('oid', y.oid::int8, 'name',"
	" CASE WHEN y.typnamespace = 'pg_catalog'::regnamespace THEN y.typname END, 'sql',"
	" format_type(y.oid, NULL), 'kind', y.typtype, 'base', y.typbasetype::int8, 'typmod',"
	" y.typtypmod, 'element', (SELECT e.oid::int8 FROM pg_type AS e WHERE e.oid = y.typelem"
	" AND e.typarray = y.oid), 'hstore', y.typname = 'hstore' AND EXISTS (SELECT FROM"
	" pg_depend AS d"
	" JOIN pg_extension AS x ON x.oid = d.refobjid WHERE d.classid = 'pg_type'::regclass"
	" AND d.objid = y.oid AND d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e'"
	" AND x.extname = 'hstore'), 'labels', (SELECT coalesce(json_agg(n.enumlabel"
	" ORDER BY n.enumsortorder), '[]') FROM pg_enum AS n WHERE n.enumtypid = y.oid), 'fields',"
	" (SELECT coalesce(json_agg(json_build_array(a.attname, a.atttypid::int8) ORDER BY"
	" a.attnum),"
	" '[]') FROM pg_attribute AS a WHERE y.typtype = 'c' AND a.attrelid = y.typrelid"
	" AND a.attnum > 0 AND NOT a.attisdropped)) ORDER BY y.oid), '[]')"
	" FROM reached AS d JOIN pg_type AS y ON y.oid = d.oid), 'relations',"
	" (SELECT coalesce(json_agg(json_build_object('oid', n.relation::int8, 'tree',"
	" (SELECT t.tree FROM trees AS t WHERE t.relation = n.relation AND n.relation <> 0),"
	" 'plain', EXISTS (SELECT FROM pg_class AS c WHERE c.oid = n.relation"
	" AND c.relkind IN ('r', 'p') AND NOT c.relhasrules), 'notnull',"
	" (SELECT coalesce(json_agg(a.attnum ORDER BY a.attnum), '[]') FROM pg_attribute AS a"
	" WHERE a.attrelid = n.relation AND a.attnum > 0 AND NOT a.attisdropped AND NOT EXISTS"
	" (SELECT FROM heirs AS h WHERE h.top = n.relation AND NOT EXISTS (SELECT FROM filled AS f"
	" WHERE f.relation = h.oid AND f.name = a.attname)))) ORDER BY n.relation), '[]')"
	" FROM named AS n), 'functions', (SELECT coalesce(json_agg(json_build_object('oid',"
	" p.oid::int8, 'class', CASE"
	" WHEN p.prokind = 'a' AND p.proname IN ('count', 'regr_count') THEN 'count'"
	" WHEN p.prokind = 'a' AND p.proname IN ('sum','min','max','avg','string_agg','bool_and',"
	"'bool_or','every','bit_and','bit_or') THEN 'group'"
	" WHEN p.prokind = 'a' AND p.proname IN ('array_agg','json_agg','jsonb_agg',"
	"'json_object_agg','jsonb_object_agg') THEN 'gathers'"
	" WHEN p.prokind = 'w' AND (p.proname IN ('row_number','rank','dense_rank','percent_rank',"
	"'cume_dist','ntile') OR (p.proname IN ('lag','lead') AND p.pronargs = 3)) THEN 'window'"
	" WHEN p.prokind = 'w' AND p.proname IN ('first_value','last_value') THEN 'group'"
	" WHEN p.prokind <> 'f' THEN NULL"
	" WHEN p.proretset THEN CASE WHEN p.proname IN ('generate_series','generate_subscripts',"
	"'json_object_keys','jsonb_object_keys','regexp_split_to_table','regexp_matches',"
	"'json_each','jsonb_each') THEN 'rows' END"
	" WHEN p.proname IN (" FACTS_ALWAYS_NAMES ") AND (p.pronargs = 0 OR NOT p.proisstrict)"
	" THEN 'always'"
	" WHEN NOT p.proisstrict OR EXISTS (SELECT FROM pg_type AS g WHERE g.typcategory = 'G'"
	" AND (g.oid = ANY (p.proargtypes) OR g.oid = p.prorettype)) THEN NULL"
	" WHEN p.proname IN (" FACTS_STRICT_OF_ANY ") OR (p.proname IN (" FACTS_STRICT_NAMES ")"
	" AND NOT EXISTS (SELECT FROM pg_type AS g WHERE g.typtype IN ('p', 'r', 'm')"
	" AND g.oid = ANY (p.proargtypes))) OR (p.proname = 'substring'"
	" AND 23 = ANY (p.proargtypes)) OR EXISTS (SELECT FROM pg_operator AS o WHERE o.oprcode"
	" = p.oid"
	" AND o.oid < 16384 AND o.oprname IN (" FACTS_OPERATORS "))"
	" OR EXISTS (SELECT FROM pg_cast AS c WHERE c.castfunc = p.oid AND c.oid < 16384"
	" AND c.castsource NOT IN (114, 3802)"
	/* The time of an infinite timestamp is NULL. */
	" AND NOT (c.castsource IN (1114, 1184) AND c.casttarget IN (1083, 1266)))"
	" THEN 'strict' END) ORDER BY p.oid), '[]')"
	" FROM called AS f JOIN pg_proc AS p ON p.oid = f.function AND p.oid < 16384"
	" AND p.pronamespace = 'pg_catalog'::regnamespace), 'casts', (SELECT coalesce("
	"json_agg(DISTINCT y.oid::int8), '[]') FROM trees AS t, regexp_matches(t.tree,"
	" ':resulttype (\\d+)', 'g') AS m (word) JOIN pg_type AS y ON y.oid = m.word[1]::oid"
	" AND y.typinput::oid < 16384 AND y.typtype IN ('b', 'e'))) INTO answer;\n"
	" PERFORM set_config('cqrsd.openapi', answer::text, false);\n"
	"END $facts$";

static const char facts_given[] = "SELECT set_config('cqrsd.openapi', $1, false) AS given";
static const char facts_asked[] = "SELECT current_setting('cqrsd.openapi')::json AS facts";

enum { OID_TEXT = 25, OID_JSON = 114 };

bool openapi_asker_open(struct openapi_asker *asker, const char *conninfo,
			struct findings *findings)
{
	static const uint32_t text[] = { OID_TEXT }, json[] = { OID_JSON };
	char error[512];

	*asker = (struct openapi_asker){ 0 };
	if (!check_node_open(&asker->node, conninfo, findings))
		return false;
	if (asker->node.in_recovery) {
		findings_trouble(findings, "%s is a standby: the primary is asked for the facts",
				 asker->node.asker.node->name);
		check_node_close(&asker->node);
		return false;
	}
	if (!asker_init(&asker->asker, conninfo, NODE_PRIMARY, NULL, error, sizeof(error))) {
		findings_trouble(findings, "%s", error);
		check_node_close(&asker->node);
		return false;
	}
	statement_make_known(&asker->given, "openapi", facts_given, (struct oids){ text, 1 },
			     (struct oids){ text, 1 });
	statement_make_known(&asker->block, "openapi", facts_block, (struct oids){ NULL, 0 },
			     (struct oids){ NULL, 0 });
	statement_make_known(&asker->asked, "openapi", facts_asked, (struct oids){ NULL, 0 },
			     (struct oids){ json, 1 });
	return true;
}

void openapi_asker_close(struct openapi_asker *asker)
{
	statement_fini(&asker->given);
	statement_fini(&asker->block);
	statement_fini(&asker->asked);
	asker_fini(&asker->asker);
	check_node_close(&asker->node);
}

static void openapi_add_oids(struct buf *out, const struct pg_type *types, unsigned count)
{
	buf_byte(out, '[');
	for (unsigned i = 0; i < count; i++)
		buf_printf(out, "%s%u", i ? "," : "", types[i].oid);
	buf_byte(out, ']');
}

/* What the block reads: {"statement", "params", "columns"}. */
static const char *openapi_question(struct arena *arena, const struct operation *operation,
				    const struct shape *shape)
{
	const char *text = operation->statement->text, *question;
	struct buf out;

	buf_init(&out);
	buf_literal(&out, "{\"statement\":");
	buf_json_string(&out, text, strlen(text));
	buf_literal(&out, ",\"params\":");
	openapi_add_oids(&out, shape->param_types, shape->params);
	buf_literal(&out, ",\"columns\":");
	openapi_add_oids(&out, shape->column_types, shape->columns);
	buf_byte(&out, '}');
	question = arena_copy(arena, out.ptr, out.len);
	buf_fini(&out);
	return question;
}

/* Of the row {"facts":…}. */
static const char *openapi_answer(struct openapi_asker *asker)
{
	static const char before[] = "{\"facts\":";
	const struct buf *out = &asker->asker.out;
	size_t skip = sizeof(before) - 1;

	if (out->len <= skip + 1 || memcmp(out->ptr, before, skip) != 0)
		return NULL;
	return arena_copy(&asker->asker.arena, out->ptr + skip, out->len - skip - 1);
}

static enum call_end openapi_send(struct openapi_asker *asker, struct statement *statement,
				  const char *value, struct call *call)
{
	*call = (struct call){ .kind = CALL_COMMAND, .statement = statement, .values = &value };
	return asker_call(&asker->asker, call);
}

static const char *openapi_ask_once(struct openapi_asker *asker, const char *question,
				    struct call *call)
{
	if (openapi_send(asker, &asker->given, question, call) != CALL_OK ||
	    openapi_send(asker, &asker->block, NULL, call) != CALL_OK ||
	    openapi_send(asker, &asker->asked, NULL, call) != CALL_OK)
		return NULL;
	return openapi_answer(asker);
}

/* All three on one connection: where that was lost in between, again. */
static const char *openapi_ask_shape(struct openapi_asker *asker, const struct operation *operation,
				     const struct shape *shape, struct findings *findings)
{
	const char *question = openapi_question(&asker->asker.arena, operation, shape);
	const char *answer;
	struct call call;

	answer = openapi_ask_once(asker, question, &call);
	if (!answer)
		answer = openapi_ask_once(asker, question, &call);
	if (answer)
		return answer;
	if (call.end == CALL_ERROR)
		findings_error(findings, operation->text_place, "its types cannot be asked for: %s",
			       call.error.message);
	else
		findings_trouble(findings, "%s: %s", asker->asker.node->name,
				 call.lost_reason ? call.lost_reason : "no answer");
	return NULL;
}

const char *openapi_asker_ask(struct openapi_asker *asker, const struct operation *operation,
			      struct findings *findings)
{
	const char *answer = NULL;
	struct statement statement;

	check_statement_init(&statement, operation);
	if (check_describe(&asker->node, operation, &statement, findings) == CHECK_FINE)
		answer = openapi_ask_shape(asker, operation, statement_shape(&statement), findings);
	statement_fini(&statement);
	return answer;
}
