/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which rights the role lacks, and what each costs: docs/operating.md, "The database". Notes where
 * cqrsd serves without them. Read off the system catalogs, which every role may see.
 */
#include "cmd/check_rights.h"

#include <string.h>

/* By oid: a name that another version of PostgreSQL does not have would be an error. */
#define FUNCTION_OF_POSTGRES(name, more)                                                           \
	"SELECT bool_or(has_function_privilege(p.oid, 'EXECUTE')) FROM pg_catalog.pg_proc AS p"    \
	" WHERE p.pronamespace = 'pg_catalog'::regnamespace AND p.proname = '" name "'" more

/* The function, and whether its owner may do what it does. */
#define FUNCTION_OF_HISTORY                                                                        \
	"EXISTS (SELECT FROM pg_catalog.pg_proc AS p JOIN pg_catalog.pg_namespace AS n"            \
	" ON n.oid = p.pronamespace JOIN pg_catalog.pg_proc AS f"                                  \
	" ON f.pronamespace = 'pg_catalog'::regnamespace AND f.proname = 'pg_read_binary_file'"    \
	" AND f.pronargs = 4 WHERE n.nspname = 'cqrsd' AND p.proname = 'timeline_history'"         \
	" AND has_schema_privilege(n.oid, 'USAGE') AND has_function_privilege(p.oid, 'EXECUTE')"   \
	" AND has_function_privilege(p.proowner, f.oid, 'EXECUTE'))"

#define MAY_NAME_LIVES                                                                             \
	"EXISTS (SELECT FROM pg_catalog.pg_class AS t JOIN pg_catalog.pg_namespace AS n"           \
	" ON n.oid = t.relnamespace WHERE n.nspname = 'cqrsd' AND t.relname = 'log_life'"          \
	" AND has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(t.oid, 'SELECT')"       \
	" AND has_table_privilege(t.oid, 'INSERT'))"

#define MAY_EMIT                                                                                   \
	FUNCTION_OF_POSTGRES("pg_logical_emit_message", " AND p.proargtypes[2] = 'text'::regtype")
#define MAY_CONTROL FUNCTION_OF_POSTGRES("pg_control_checkpoint", "")

static const char check_rights_text[] =
	"SELECT concat_ws(' ', 'role',"
	" CASE WHEN r.rolreplication OR r.rolsuper THEN 'replication' END,"
	" CASE WHEN r.rolsuper THEN 'superuser' END,"
	" CASE WHEN " FUNCTION_OF_HISTORY " THEN 'history' END,"
	" CASE WHEN (SELECT pg_has_role(s.oid, 'USAGE') FROM pg_catalog.pg_roles AS s"
	" WHERE s.rolname = 'pg_read_all_stats') THEN 'stats' END,"
	" CASE WHEN " MAY_NAME_LIVES " THEN 'lives' END,"
	" CASE WHEN (" MAY_EMIT ") THEN 'emit' END,"
	" CASE WHEN (" MAY_CONTROL ") THEN 'control' END, '.') AS rights"
	" FROM pg_catalog.pg_roles AS r WHERE r.rolname = current_user";

/* What is lost without the one right, and where there is another one, without both. */
static const struct check_right {
	const char *word, *instead; /* either will do; instead: or NULL */
	const char *without, *other, *without_both;
} check_rights_table[] = {
	{ .word = " replication ",
	  .instead = " history ",
	  .without = "lacks EXECUTE on cqrsd.timeline_history (of migration 004), and lacks "
		     "REPLICATION: after a promotion write-lost is reported only until the "
		     "promoted server restarts; later, tokens of older timelines are answered by "
		     "the primary" },
	{ .word = " stats ",
	  .without =
		  "lacks pg_read_all_stats: a standby that goes on to a new timeline is known for "
		  "it only from its next status answer on, and until then may show a state without "
		  "a lost write as fresh; while there is no primary, tokens of a standby may "
		  "require a byte more than it has",
	  .other = " replication ",
	  .without_both =
		  "lacks pg_read_all_stats and REPLICATION: after a promotion a standby gets no "
		  "queries before its first restartpoint on the new timeline; and one that "
		  "goes on to a new timeline may, until its next status answer, show a state "
		  "without a lost write as fresh; while there is no primary, tokens of a standby "
		  "may require a byte more than it has" },
	{ .word = " lives ",
	  .without = "lacks SELECT and INSERT on cqrsd.log_life (of migration 005): an instance "
		     "that starts after the primary came back from an older copy takes tokens of "
		     "what is lost for tokens of what goes on" },
	{ .word = " emit ",
	  .without = "may not call pg_logical_emit_message: with half a record flushed on a quiet "
		     "primary, replicas seem to be behind until the next commit" },
};

static bool check_rights_has(const struct buf *out, const char *word)
{
	return memmem(out->ptr, out->len, word, strlen(word)) != NULL;
}

/* Which of the two ways to the histories of timelines is in force. */
static void check_rights_history(const struct check_node *primary, struct findings *findings)
{
	const struct buf *out = &primary->asker.out;
	bool narrow = check_rights_has(out, " history ");
	bool wide = check_rights_has(out, " replication ");

	if (narrow)
		findings_note(findings, (struct place){ 0 },
			      "%s: histories of timelines are read by cqrsd.timeline_history%s",
			      primary->asker.node->name,
			      wide && !check_rights_has(out, " superuser ")
				      ? "; the role needs no REPLICATION for it, by which it may "
					"copy the whole cluster"
				      : "");
	else if (wide)
		findings_note(findings, (struct place){ 0 },
			      "%s: histories of timelines are read by REPLICATION, by which the "
			      "role may copy the whole cluster: without it, GRANT EXECUTE ON "
			      "FUNCTION cqrsd.timeline_history(integer), which cqrsd migrate makes "
			      "for a role that may execute pg_read_binary_file",
			      primary->asker.node->name);
}

void check_rights(struct check_node *primary, const struct catalog *catalog,
		  struct findings *findings)
{
	const struct buf *out = &primary->asker.out;
	struct call call;

	(void)catalog;
	/* That a primary gives no answer is among the findings of its first operation. */
	if (asker_ask(&primary->asker, CALL_QUERY, check_rights_text, &call) != CALL_OK) {
		findings_unasked(findings, primary->asker.node->name, "the rights of the role",
				 &call);
		return;
	}
	check_rights_history(primary, findings);
	for (size_t i = 0; i < sizeof(check_rights_table) / sizeof(check_rights_table[0]); i++) {
		const struct check_right *right = &check_rights_table[i];
		bool both = right->other && !check_rights_has(out, right->other);

		if (!check_rights_has(out, right->word) &&
		    !(right->instead && check_rights_has(out, right->instead)))
			findings_note(findings, (struct place){ 0 }, "%s: the role %s",
				      primary->asker.node->name,
				      both ? right->without_both : right->without);
	}
	if (!check_rights_has(out, " control "))
		findings_trouble(findings,
				 "%s: the role may not call pg_control_checkpoint: no node can "
				 "be looked at",
				 primary->asker.node->name);
}
