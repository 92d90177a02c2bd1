/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a statement may leave in its session, which no transaction ends and the next request on the
 * same connection would meet. Looked for in its text, in the bodies of the functions, views and
 * triggers that its words may name, and of those that theirs may. Words are compared, nothing is
 * parsed: a warning.
 */
#include "cmd/check.h"

#include <string.h>

#define LEAVES_BEGINS "(^|;|''|\\mbegin|\\mthen|\\melse|\\mloop)\\s*"

static const char leaves_text[] =
	"WITH RECURSIVE body(text) AS (SELECT lower($1) COLLATE \"C\" UNION"
	" SELECT lower(more.text) COLLATE \"C\" FROM body,"
	" LATERAL (SELECT DISTINCT m[1] AS word, m[2] AS paren FROM"
	"  regexp_matches(body.text, '([a-z_][a-z0-9_$]*)[\"]?\\s*(\\()?', 'g') m) AS named,"
	" LATERAL (SELECT CASE WHEN p.prosrc = '' AND p.prokind IN ('f', 'p')"
	"   THEN pg_get_functiondef(p.oid) ELSE p.prosrc END AS text"
	"  FROM pg_proc p JOIN pg_language l ON l.oid = p.prolang"
	"  WHERE p.proname = named.word AND named.paren = '(' AND l.lanname NOT IN"
	" ('internal', 'c')"
	"   AND p.pronamespace NOT IN (SELECT oid FROM pg_namespace"
	"    WHERE nspname IN ('pg_catalog', 'information_schema', 'cqrsd'))"
	" UNION ALL SELECT f.proname || '()' FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid"
	"  JOIN pg_proc f ON f.oid = t.tgfoid"
	"  WHERE $2 AND NOT t.tgisinternal AND c.relname = named.word"
	" UNION ALL SELECT pg_get_viewdef(c.oid) FROM pg_class c"
	"  WHERE c.relkind = 'v' AND c.relname = named.word AND c.relnamespace NOT IN"
	"   (SELECT oid FROM pg_namespace WHERE nspname IN ('pg_catalog', 'information_schema'))"
	" ) AS more)"
	" SELECT string_agg(DISTINCT found.what, ', ') AS found FROM body, LATERAL ("
	" SELECT m[1] FROM regexp_matches(text,"
	"  '\\m(pg_(?:try_)?advisory_lock(?:_shared)?)\\s*\\(', 'g') m"
	" UNION SELECT 'set_config' WHERE regexp_replace(text,"
	"  'set_config\\s*\\([^;()]*(\\([^()]*\\)[^;()]*)*,\\s*true\\s*\\)', '', 'g')"
	"  ~ '\\mset_config\\s*\\('"
	" UNION SELECT 'a temporary table' WHERE text ~ '\\mcreate\\s+(local\\s+|global\\s+)?"
	"temp(orary)?\\s' AND text !~ '\\mon\\s+commit\\s+drop\\M'"
	" UNION SELECT 'LISTEN' WHERE text ~ '" LEAVES_BEGINS "listen\\s'"
	" UNION SELECT 'SET' WHERE text ~ '" LEAVES_BEGINS "set\\s+(session\\s+)?"
	"(?!local\\M|transaction\\M|constraints\\M)[a-z_.]+\\s*(=|to\\M)'"
	" UNION SELECT 'PREPARE' WHERE text ~ '" LEAVES_BEGINS "prepare\\s'"
	" UNION SELECT 'a cursor WITH HOLD' WHERE text ~ '\\mwith\\s+hold\\M'"
	") AS found(what)";

static enum call_end check_ask_leaves(struct check_node *node, const struct operation *operation,
				      struct call *call)
{
	struct arena *arena = &node->asker.arena;
	struct statement *statement = arena_zero(arena, 1, sizeof(*statement));
	const char **values = arena_zero(arena, 2, sizeof(*values));
	struct shape *shape = shape_new(2, 0);
	enum { OID_TEXT = 25, OID_BOOL = 16 };
	enum call_end end;

	shape->param_types[0].oid = OID_TEXT;
	shape->param_types[1].oid = OID_BOOL;
	statement->id = statement_next_id();
	statement->name = "ask";
	statement->text = leaves_text;
	statement->params = 2;
	statement_set_shape(statement, shape);
	values[0] = operation->statement.text;
	values[1] = operation->kind == REQUEST_COMMAND ? "t" : "f";
	*call = (struct call){ .kind = CALL_QUERY, .statement = statement, .values = values };
	end = asker_call(&node->asker, call);
	statement_fini(statement);
	return end;
}

void check_leaves(struct check_node *node, const struct operation *operation,
		  struct findings *findings)
{
	static const char key[] = "{\"found\":\"";
	const struct buf *out = &node->asker.out;
	struct call call;

	/* What goes wrong here is no fault of the statement; that it cannot be asked is told
	 * elsewhere. */
	if (check_ask_leaves(node, operation, &call) != CALL_OK || out->len < sizeof(key) ||
	    strncmp(out->ptr, key, sizeof(key) - 1) != 0)
		return;
	findings_warning(findings, operation->text_place,
			 "it may leave something in its session: %.*s (a function, view or trigger "
			 "that it uses may be what does)",
			 (int)(out->len - (sizeof(key) - 1) - 2), out->ptr + sizeof(key) - 1);
}
