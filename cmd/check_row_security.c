/* SPDX-License-Identifier: Apache-2.0 */
/* One question to the catalogs for each operation; a row of the answer is one finding. */
#include "cmd/check_row_security.h"

#include "base/json.h"

#include <stdio.h>
#include <string.h>

#define ROW_SECURITY_OWN                                                                           \
	" NOT IN (SELECT oid FROM pg_namespace"                                                    \
	" WHERE nspname IN ('pg_catalog', 'information_schema', 'cqrsd'))"

/* Tables of the plan with those that they are partitions or children of, whose policies hold. */
#define ROW_SECURITY_RELATIONS                                                                     \
	" relation(oid) AS (SELECT c.oid FROM asked,"                                              \
	" jsonb_path_query(j, 'strict $.plan.** ? (exists (@.\"Relation Name\"))') AS node"        \
	" JOIN pg_namespace n ON n.nspname = node ->> 'Schema'"                                    \
	" JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = node ->> 'Relation Name'"      \
	" UNION SELECT i.inhparent FROM relation JOIN pg_inherits i ON i.inhrelid = relation.oid)"

/* A view reads as its owner does, unless it says otherwise; so does each one that it names. */
#define ROW_SECURITY_VIEWED                                                                        \
	" viewed(oid) AS (SELECT c.oid FROM asked, LATERAL (SELECT DISTINCT m[1] AS word FROM"     \
	"  regexp_matches(j ->> 'text', '([A-Za-z_][A-Za-z0-9_$]*)', 'g') AS m) AS named"          \
	" JOIN pg_class c ON c.relname IN (word, lower(word)) AND c.relkind = 'v'"                 \
	" AND c.relnamespace" ROW_SECURITY_OWN                                                     \
	" UNION SELECT d.refobjid FROM viewed JOIN pg_rewrite w ON w.ev_class = viewed.oid"        \
	" JOIN pg_depend d ON d.classid = 'pg_rewrite'::regclass AND d.objid = w.oid"              \
	" AND d.refclassid = 'pg_class'::regclass JOIN pg_class c ON c.oid = d.refobjid"           \
	" WHERE c.relkind = 'v'),"                                                                 \
	" reading(role, view, oid) AS (SELECT r.oid, NULL::oid, relation.oid FROM relation"        \
	" JOIN pg_roles r ON r.rolname = current_user"                                             \
	" UNION SELECT c.relowner, c.oid, d.refobjid FROM viewed JOIN pg_class c"                  \
	" ON c.oid = viewed.oid AND NOT coalesce(c.reloptions::text ~* 'security_invoker="         \
	"(true|on|1|yes)', false) JOIN pg_rewrite w ON w.ev_class = c.oid"                         \
	" JOIN pg_depend d ON d.classid = 'pg_rewrite'::regclass AND d.objid = w.oid"              \
	" AND d.refclassid = 'pg_class'::regclass AND d.refobjid <> c.oid)"

/* What is wrong with who reads. Superusers are named once, not for each relation. */
#define ROW_SECURITY_ROLES                                                                         \
	"SELECT 'role' AS kind, '' AS relation, r.rolname::text AS who FROM pg_roles r"            \
	" WHERE r.rolname = current_user AND (r.rolsuper OR r.rolbypassrls)"                       \
	" UNION SELECT CASE WHEN view IS NULL THEN 'owner' ELSE 'view' END, oid::regclass::text,"  \
	" CASE WHEN view IS NULL THEN rolname::text ELSE view::regclass::text END"                 \
	" FROM (SELECT reading.*, r.rolname, r.rolsuper OR r.rolbypassrls AS bypasses,"            \
	" NOT c.relforcerowsecurity AND pg_has_role(r.oid, c.relowner, 'USAGE') AS owns"           \
	" FROM reading JOIN pg_roles r ON r.oid = reading.role"                                    \
	" JOIN pg_class c ON c.oid = reading.oid WHERE c.relrowsecurity) AS read"                  \
	" WHERE CASE WHEN view IS NULL THEN owns AND NOT bypasses ELSE owns OR bypasses END"

#define ROW_SECURITY_READ "(SELECT oid FROM reading)"

/* What is wrong with the policies. Deparsed, a sub-select is "( SELECT …". */
#define ROW_SECURITY_POLICIES                                                                      \
	" UNION SELECT 'off', c.oid::regclass::text, '' FROM pg_class c WHERE NOT"                 \
	" c.relrowsecurity AND EXISTS (SELECT FROM pg_policy p WHERE p.polrelid = c.oid)"          \
	" AND c.oid IN " ROW_SECURITY_READ                                                         \
	" UNION SELECT 'immutable', p.polrelid::regclass::text, f.oid::regprocedure::text"         \
	" FROM pg_policy p JOIN pg_depend d ON d.classid = 'pg_policy'::regclass"                  \
	" AND d.objid = p.oid AND d.refclassid = 'pg_proc'::regclass"                              \
	" JOIN pg_proc f ON f.oid = d.refobjid AND f.provolatile = 'i'"                            \
	" AND f.pronamespace" ROW_SECURITY_OWN                                                     \
	" AND pg_get_functiondef(f.oid) ~* 'current_setting' WHERE p.polrelid IN"                  \
	" " ROW_SECURITY_READ                                                                      \
	" UNION SELECT found.kind, p.polrelid::regclass::text, p.polname::text FROM pg_policy p,"  \
	" LATERAL (SELECT concat_ws(' ', pg_get_expr(p.polqual, p.polrelid),"                      \
	" pg_get_expr(p.polwithcheck, p.polrelid)) AS text) AS written, LATERAL (VALUES"           \
	" ('raises', text ~ '[(]current_setting[(]''request[.]jwt[.]claims''::text(, true)?[)][)]" \
	"::json' OR text ~ 'current_setting[(]''request[.][a-z.]*''::text[)]'),"                   \
	" ('each row', text ~ 'current_setting[(]''request[.]' AND text !~ '[(] SELECT '))"        \
	" AS found(kind, holds) WHERE found.holds AND p.polrelid IN " ROW_SECURITY_READ

#define ROW_SECURITY_NONE                                                                          \
	" UNION SELECT 'none', j ->> 'name', '' FROM asked WHERE NOT EXISTS"                       \
	" (SELECT FROM pg_policy p WHERE p.polrelid IN " ROW_SECURITY_READ ")"

static const char row_security_text[] =
	"WITH RECURSIVE asked AS (SELECT $1::jsonb AS j)," ROW_SECURITY_RELATIONS
	"," ROW_SECURITY_VIEWED " " ROW_SECURITY_ROLES ROW_SECURITY_POLICIES ROW_SECURITY_NONE;

#define ROW_SECURITY_FORM                                                                          \
	"(SELECT NULLIF(current_setting('request.jwt.claims', true), '')::jsonb ->> 'tenant')"

/* relation and who stand for the first and the second %.*s. */
static const struct row_security_kind {
	const char *name;
	void (*find)(struct findings *findings, struct place place, const char *format, ...);
	const char *format;
	bool shows_form; /* how a policy should look is worth a note */
} row_security_kinds[] = {
	{ .name = "role",
	  .find = findings_error,
	  .format = "@claims protect nothing here:%.*s role %.*s is a superuser or has "
		    "BYPASSRLS, so that no policy holds for it; serve as a role that is "
		    "neither" },
	{ .name = "owner",
	  .find = findings_error,
	  .format = "the policies of %.*s do not hold for role %.*s, which owns it: ALTER "
		    "TABLE … FORCE ROW LEVEL SECURITY, or serve as another role",
	  .shows_form = true },
	{ .name = "view",
	  .find = findings_error,
	  .format = "the policies of %.*s do not hold in view %.*s, which reads as its "
		    "owner, for whom they do not hold: ALTER VIEW … SET (security_invoker = "
		    "true), or give it to another role" },
	{ .name = "off",
	  .find = findings_error,
	  .format = "%.*s has policies that do not hold%.*s: ALTER TABLE … ENABLE ROW LEVEL "
		    "SECURITY",
	  .shows_form = true },
	{ .name = "immutable",
	  .find = findings_error,
	  .format = "a policy of %.*s calls %.*s, which is declared IMMUTABLE: a plan that "
		    "is kept holds what it returned for an earlier caller; declare it STABLE" },
	{ .name = "raises",
	  .find = findings_warning,
	  .format = "policy of %.*s, \"%.*s\": it raises an error for a call without claims, "
		    "for which the setting is '' or not there",
	  .shows_form = true },
	{ .name = "each row",
	  .find = findings_warning,
	  .format = "policy of %.*s, \"%.*s\": it reads the setting for each row anew, not "
		    "once in a SELECT",
	  .shows_form = true },
	{ .name = "none",
	  .find = findings_note,
	  .format = "no table that the plan of %.*s names has a policy%.*s: its claims "
		    "change nothing, unless a function reads them" },
};

void row_security_init(struct row_security *security)
{
	buf_init(&security->reported);
}

void row_security_fini(struct row_security *security)
{
	buf_fini(&security->reported);
}

/* Remembers it; false: it was reported before. */
static bool row_security_is_new(struct row_security *security, struct text source)
{
	if (memmem(security->reported.ptr, security->reported.len, source.ptr, source.len))
		return false;
	buf_text(&security->reported, source);
	return true;
}

static void row_security_tell(struct row_security *security, const struct json *row,
			      struct place place, struct findings *findings)
{
	struct text kind = json_text(json_get(row, "kind"));
	struct text relation = json_text(json_get(row, "relation"));
	struct text who = json_text(json_get(row, "who"));

	for (size_t i = 0; i < sizeof(row_security_kinds) / sizeof(row_security_kinds[0]); i++) {
		const struct row_security_kind *known = &row_security_kinds[i];

		if (!text_is(kind, known->name) || !row_security_is_new(security, json_source(row)))
			continue;
		known->find(findings, place, known->format, (int)relation.len, relation.ptr,
			    (int)who.len, who.ptr);
		if (known->shows_form && row_security_is_new(security, TEXT(ROW_SECURITY_FORM)))
			findings_note(findings, place,
				      "a policy that holds, and reads the claims once: CREATE "
				      "POLICY tenant ON … USING (tenant = " ROW_SECURITY_FORM ")");
	}
}

static void row_security_tell_all(struct row_security *security, const struct buf *out,
				  const struct operation *operation, struct findings *findings)
{
	struct json *rows = json_read_rows((struct text){ out->ptr, out->len });

	if (!rows)
		return;
	for (const struct json *row = json_first(rows); row; row = json_next(row))
		if (operation->claims == CATALOG_CLAIMS_SET ||
		    !text_is(json_text(json_get(row, "kind")), "none"))
			row_security_tell(security, row, operation->text_place, findings);
	json_free(rows);
}

void check_row_security(struct row_security *security, struct check_node *node,
			const struct operation *operation, struct text plan,
			struct findings *findings)
{
	const char *text = operation->statement->text;
	const char *question;
	struct buf buf;
	struct call call;

	buf_init(&buf);
	buf_printf(&buf, "{\"name\":\"%s\",\"text\":", operation->name);
	buf_json_string(&buf, text, strlen(text));
	buf_literal(&buf, ",\"plan\":");
	buf_text(&buf, plan.len ? plan : TEXT("null"));
	buf_byte(&buf, '}');
	question = arena_copy(&node->asker.arena, buf.ptr, buf.len);
	buf_fini(&buf);
	if (asker_ask_about(&node->asker, row_security_text, question, &call) != CALL_OK) {
		findings_unasked(findings, node->asker.node->name,
				 "whether row level security holds", &call);
		return;
	}
	row_security_tell_all(security, &node->asker.out, operation, findings);
}
