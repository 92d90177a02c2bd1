/* SPDX-License-Identifier: Apache-2.0 */
/* The questions are those of a service (router/cluster/key_rows.h). */
#include "cmd/check_api_keys.h"

#include "router/cluster/key_rows.h"

#include <string.h>

#define GRANT "GRANT SELECT ON cqrsd.api_key, cqrsd.keyring to it"

static const char check_api_keys_use[] =
	"SELECT CASE WHEN has_column_privilege('cqrsd.api_key', 'last_used', 'UPDATE')"
	" THEN 'noted' ELSE 'lost' END AS used";

/* False: it is among the findings. */
static bool check_api_keys_ask(struct check_node *primary, const char *text,
			       struct findings *findings)
{
	struct call call;

	if (asker_ask(&primary->asker, CALL_QUERY, text, &call) == CALL_OK)
		return true;
	findings_unasked(findings, primary->asker.node->name, "API keys", &call);
	return false;
}

static struct text check_api_keys_row(const struct check_node *primary)
{
	return (struct text){ primary->asker.out.ptr, primary->asker.out.len };
}

/* The role sees whether there are keys, and cannot read them. */
static void check_api_keys_head(struct check_node *primary, struct findings *findings)
{
	const char *name = primary->asker.node->name;
	struct key_answer answer;
	bool any = false;

	if (!check_api_keys_ask(primary, key_rows_head_text, findings))
		return;
	if (key_rows_read(check_api_keys_row(primary), &answer)) {
		any = answer.changes > 0;
		key_answer_fini(&answer);
	}
	if (any)
		findings_trouble(findings,
				 "%s: the role may not read the API keys: a service with it "
				 "answers 503 keys-unknown; " GRANT,
				 name);
	else
		findings_note(findings, (struct place){ 0 },
			      "%s: the role may not read API keys, of which there are none yet: "
			      "before the first one is made, " GRANT,
			      name);
}

static void check_api_keys_rows(struct check_node *primary, struct findings *findings)
{
	const struct buf *out = &primary->asker.out;

	if (!check_api_keys_ask(primary, check_api_keys_use, findings) ||
	    memmem(out->ptr, out->len, "noted", strlen("noted")))
		return;
	findings_note(findings, (struct place){ 0 },
		      "%s: the role may not note when an API key was used last: GRANT UPDATE "
		      "(last_used) ON cqrsd.api_key to it allows that",
		      primary->asker.node->name);
}

void check_api_keys(struct check_node *primary, const struct catalog *catalog,
		    struct findings *findings)
{
	const char *name = primary->asker.node->name;
	enum key_access access;

	(void)catalog;
	if (!check_api_keys_ask(primary, key_rows_access_text, findings) ||
	    !key_rows_read_access(check_api_keys_row(primary), &access))
		return;
	switch (access) {
	case KEY_ACCESS_UNKNOWN:
		return;
	case KEY_ACCESS_MISSING:
		findings_note(findings, (struct place){ 0 },
			      "%s has no API keys yet: run cqrsd migrate to have them", name);
		return;
	case KEY_ACCESS_REFUSED:
		findings_note(findings, (struct place){ 0 },
			      "%s: the role may not see whether there are API keys: a service "
			      "with it answers 503 keys-unknown unless --auth none; GRANT USAGE "
			      "ON SCHEMA cqrsd and SELECT ON cqrsd.api_key, cqrsd.keyring to it",
			      name);
		return;
	case KEY_ACCESS_HEAD:
		check_api_keys_head(primary, findings);
		return;
	case KEY_ACCESS_ROWS:
		check_api_keys_rows(primary, findings);
		return;
	}
}
