/* SPDX-License-Identifier: Apache-2.0 */
/* The head of the table of keys; a conn to each node until one tells it. */
#include "cmd/keys_known.h"

#include "cmd/ask.h"
#include "router/cluster/key_rows.h"

#include <string.h>

#define KEYS_SEARCH_PATH "pg_catalog,pg_temp"

static enum keys_known keys_known_read(const struct asker *asker)
{
	struct key_answer answer;
	enum keys_known known;

	if (!key_rows_read((struct text){ asker->out.ptr, asker->out.len }, &answer))
		return KEYS_KNOWN_NOTHING;
	known = answer.changes ? KEYS_KNOWN_SOME : KEYS_KNOWN_NEVER;
	key_answer_fini(&answer);
	return known;
}

/* A schema without the table never had a key. */
static bool keys_known_has_no_table(const struct call *call)
{
	return call->end == CALL_ERROR && (strcmp(call->error.sqlstate, "42P01") == 0 ||
					   strcmp(call->error.sqlstate, "3F000") == 0);
}

static enum keys_known keys_known_of(const char *conninfo)
{
	enum keys_known known = KEYS_KNOWN_NOTHING;
	struct asker asker;
	struct call call;
	char error[256];

	if (!asker_init(&asker, conninfo, NODE_REPLICA, KEYS_SEARCH_PATH, error, sizeof(error)))
		return KEYS_KNOWN_NOTHING;
	if (asker_ask(&asker, CALL_QUERY, key_rows_head_text, &call) == CALL_OK)
		known = keys_known_read(&asker);
	else if (keys_known_has_no_table(&call))
		known = KEYS_KNOWN_NEVER;
	asker_fini(&asker);
	return known;
}

enum keys_known keys_known_ask(const struct options *options)
{
	enum keys_known known = keys_known_of(options->primary);

	for (size_t i = 0; known == KEYS_KNOWN_NOTHING && i < options->replicas.count; i++)
		known = keys_known_of(options->replicas.items[i]);
	return known;
}
