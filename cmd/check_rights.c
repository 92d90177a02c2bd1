/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which rights the role lacks, and what each costs: docs/operating.md, "The database". Notes where
 * cqrsd serves without them. Read off the system catalogs, which every role may see.
 */
#include "cmd/check_rights.h"

#include <string.h>

static const char check_rights_text[] =
	"SELECT concat_ws(' ', 'role',"
	" CASE WHEN r.rolreplication OR r.rolsuper THEN 'replication' END,"
	" CASE WHEN pg_has_role('pg_read_all_stats', 'USAGE') THEN 'monitor' END,"
	" CASE WHEN has_function_privilege('pg_logical_emit_message(boolean, text, text)',"
	" 'EXECUTE') THEN 'emit' END,"
	" CASE WHEN has_function_privilege('pg_control_checkpoint()', 'EXECUTE')"
	" THEN 'control' END, '.') AS rights FROM pg_roles AS r WHERE r.rolname = current_user";

/* What is lost without the one right, and where there is another one, without both. */
static const struct check_right {
	const char *word, *without, *other, *without_both;
} check_rights_table[] = {
	{ .word = " replication ",
	  .without = "lacks REPLICATION: after a promotion write-lost is told only until the "
		     "promoted server restarts; later, tokens of older timelines are answered by "
		     "the primary" },
	{ .word = " monitor ",
	  .without =
		  "lacks pg_monitor: a standby that goes on to a new timeline is known for it "
		  "only from its next status answer on, and until then may show a state without a "
		  "lost write as fresh; while there is no primary, tokens of a standby may "
		  "require a byte more than it has",
	  .other = " replication ",
	  .without_both =
		  "lacks pg_monitor and REPLICATION: after a promotion a standby gets no "
		  "queries before its first restartpoint on the new timeline; and one that "
		  "goes on to a new timeline may, until its next status answer, show a state "
		  "without a lost write as fresh; while there is no primary, tokens of a standby "
		  "may require a byte more than it has" },
	{ .word = " emit ",
	  .without = "may not call pg_logical_emit_message: with half a record flushed on a quiet "
		     "primary, replicas seem to be behind until the next commit" },
};

static bool check_rights_has(const struct buf *out, const char *word)
{
	return memmem(out->ptr, out->len, word, strlen(word)) != NULL;
}

void check_rights(struct check_node *primary, const struct catalog *catalog,
		  struct findings *findings)
{
	const struct buf *out = &primary->asker.out;
	struct call call;

	(void)catalog;
	/* That a primary gives no answer is among the findings of its first operation. */
	if (asker_ask(&primary->asker, CALL_QUERY, check_rights_text, &call) != CALL_OK)
		return;
	for (size_t i = 0; i < sizeof(check_rights_table) / sizeof(check_rights_table[0]); i++) {
		const struct check_right *right = &check_rights_table[i];
		bool both = right->other && !check_rights_has(out, right->other);

		if (!check_rights_has(out, right->word))
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
