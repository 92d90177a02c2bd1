/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Can the primary keep idempotency keys for the role that asks? Read off the system catalogs, which
 * every role may see, so that a right that is missing is an answer and no error.
 */
#include "cmd/check_keys.h"

#include <string.h>

static const char check_keys_text[] =
	"SELECT CASE WHEN c.oid IS NULL OR p.oid IS NULL THEN 'missing'"
	" WHEN has_schema_privilege(n.oid, 'USAGE') AND has_function_privilege(p.oid, 'EXECUTE')"
	" AND has_table_privilege(c.oid, 'SELECT') AND has_table_privilege(c.oid, 'INSERT')"
	" AND has_table_privilege(c.oid, 'UPDATE') AND has_table_privilege(c.oid, 'DELETE')"
	" THEN 'kept' ELSE 'refused' END AS keys FROM (SELECT 1) AS one"
	" LEFT JOIN pg_namespace n ON n.nspname = 'cqrsd'"
	" LEFT JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = 'idempotency_key'"
	" LEFT JOIN pg_proc p ON p.pronamespace = n.oid AND p.proname = 'claim_key'";

static bool check_keys_say(const struct buf *out, const char *word)
{
	return memmem(out->ptr, out->len, word, strlen(word)) != NULL;
}

/* The first command that cannot run without a key, or NULL; any: one may come with a key. */
static const struct operation *check_keys_needed(const struct catalog *catalog, bool *any)
{
	*any = false;
	for (unsigned i = 0; i < catalog->count; i++) {
		const struct operation *operation = &catalog->operations[i];

		if (operation->kind != REQUEST_COMMAND)
			continue;
		*any |= operation->idempotency != IDEMPOTENCY_NONE;
		if (operation->idempotency == IDEMPOTENCY_REQUIRED)
			return operation;
	}
	return NULL;
}

void check_keys(struct check_node *primary, const struct catalog *catalog,
		struct findings *findings)
{
	bool any;
	const struct operation *needs = check_keys_needed(catalog, &any);
	const char *why = "run cqrsd migrate";
	struct call call;

	/* That a primary gives no answer is among the findings of its first operation. */
	if (!any)
		return;
	if (asker_ask(&primary->asker, CALL_QUERY, check_keys_text, &call) != CALL_OK) {
		findings_unasked(findings, primary->asker.node->name,
				 "whether idempotency keys are kept", &call);
		return;
	}
	if (check_keys_say(&primary->asker.out, "\"kept\""))
		return;
	if (check_keys_say(&primary->asker.out, "\"refused\""))
		why = "the role lacks rights on the schema cqrsd";
	if (needs)
		findings_error(findings, needs->place,
			       "it must come with an Idempotency-Key, and %s keeps none: %s",
			       primary->asker.node->name, why);
	else
		findings_note(findings, (struct place){ 0 },
			      "%s keeps no idempotency keys: commands that come with one will be "
			      "refused: %s",
			      primary->asker.node->name, why);
}
