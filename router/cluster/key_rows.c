/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One text answers: a head of words, and a line per key. Privileges are read off the catalogs, so
 * that a right that is missing is an answer and no error. Revoked keys and those that have expired
 * come for a month, so that the log can tell them from unknown ones.
 */
#include "router/cluster/key_rows.h"

#include "base/json.h"
#include "base/limits.h"
#include "router/cluster/questions.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define STRING_OF(number) #number
#define STRING(number) STRING_OF(number)

/* clang-format off */
#define RELATION(name, with) \
	"EXISTS (SELECT FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n" \
	" ON n.oid = c.relnamespace WHERE n.nspname = 'cqrsd' AND c.relname = '" name "'" with ")"
#define READABLE \
	" AND has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(c.oid, 'SELECT')"
#define HEAD \
	"concat_ws(' ', pg_is_in_recovery()::int, CASE WHEN pg_is_in_recovery() THEN" \
	" coalesce((extract(epoch FROM clock_timestamp() - pg_last_xact_replay_timestamp())" \
	" * 1000000)::bigint, -1) ELSE 0 END, r.changes, r.mark)"
#define RECENT(column) \
	"(k." column " IS NULL OR k." column " > now() - interval '30 days')"

const char key_rows_access_text[] =
	"SELECT CASE WHEN NOT " RELATION("keyring", "") " THEN 'missing'"
	" WHEN NOT " RELATION("keyring", READABLE) " THEN 'refused'"
	" WHEN NOT " RELATION("api_key", READABLE) " THEN 'head' ELSE 'rows' END AS access";
const char key_rows_head_text[] = "SELECT " HEAD " AS keys FROM cqrsd.keyring AS r";
static const char key_rows_text[] =
	"SELECT " HEAD " || CASE WHEN r.mark::text = $1 THEN '' ELSE chr(10) || coalesce("
	"(SELECT string_agg(line, chr(10)) FROM (SELECT " KEY_ROWS_LINE " AS line"
	" FROM cqrsd.api_key AS k WHERE " RECENT("revoked_at") " AND " RECENT("expires_at")
	" ORDER BY k.revoked_at IS NOT NULL, k.created_at, k.id LIMIT " STRING(KEYS_MAX)
	") AS lines), '') END AS keys FROM cqrsd.keyring AS r";
/* clang-format on */

static const struct {
	const char *name, *text;
	unsigned params;
} key_questions[KEY_QUESTIONS] = {
	[KEYS_ACCESS] = { "monitor.keys_access", key_rows_access_text, 0 },
	[KEYS_HEAD] = { "monitor.keys_head", key_rows_head_text, 0 },
	[KEYS_ROWS] = { "monitor.keys", key_rows_text, 1 },
};

void key_rows_init(struct statement statements[KEY_QUESTIONS])
{
	for (unsigned i = 0; i < KEY_QUESTIONS; i++)
		question_init(&statements[i], key_questions[i].name, key_questions[i].text,
			      key_questions[i].params, 1);
}

void key_rows_fini(struct statement statements[KEY_QUESTIONS])
{
	for (unsigned i = 0; i < KEY_QUESTIONS; i++)
		statement_fini(&statements[i]);
}

/* --- answers --------------------------------------------------------------------------------- */

/* The document to be freed; NULL: it is none with one text. */
static struct json *key_rows_cell(struct text row, struct text *cell)
{
	struct json_error error;
	struct json *json = row.ptr ? json_read(row, &error) : NULL;
	const struct json *only = json && json_kind(json) == JSON_OBJECT ? json_first(json) : NULL;

	if (only && json_kind(only) == JSON_STRING) {
		*cell = json_text(only);
		return json;
	}
	if (json)
		json_free(json);
	return NULL;
}

bool key_rows_read_access(struct text row, enum key_access *access)
{
	static const char *const words[] = {
		[KEY_ACCESS_MISSING] = "missing",
		[KEY_ACCESS_REFUSED] = "refused",
		[KEY_ACCESS_HEAD] = "head",
		[KEY_ACCESS_ROWS] = "rows",
	};
	struct text cell;
	struct json *json = key_rows_cell(row, &cell);

	*access = KEY_ACCESS_UNKNOWN;
	if (!json)
		return false;
	for (unsigned i = KEY_ACCESS_MISSING; i <= KEY_ACCESS_ROWS; i++)
		if (text_is(cell, words[i]))
			*access = (enum key_access)i;
	json_free(json);
	return *access != KEY_ACCESS_UNKNOWN;
}

/* The text of a JSON string ends with a NUL, so that sscanf may read it. */
bool key_rows_read(struct text row, struct key_answer *answer)
{
	struct text cell;
	const char *end;
	int in_recovery;

	*answer = (struct key_answer){ .document = key_rows_cell(row, &cell) };
	if (!answer->document)
		return false;
	if (sscanf(cell.ptr, "%1d %" SCNd64 " %" SCNd64 " %39[0-9a-f-]", &in_recovery,
		   &answer->replayed_us, &answer->changes, answer->mark) != 4 ||
	    answer->changes < 0) {
		key_answer_fini(answer);
		return false;
	}
	answer->in_recovery = in_recovery != 0;
	end = memchr(cell.ptr, '\n', cell.len);
	if (end)
		answer->lines = (struct text){ end + 1, cell.len - (size_t)(end + 1 - cell.ptr) };
	return true;
}

void key_answer_fini(struct key_answer *answer)
{
	json_free(answer->document);
	answer->document = NULL;
}
