/* SPDX-License-Identifier: Apache-2.0 */
/* What a service asks each minute (router/feed_tables.c), asked once and told. */
#include "cmd/check_reads.h"

#include "base/json.h"
#include "base/limits.h"
#include "cmd/ask.h"
#include "router/feed_reads.h"

#include <assert.h>
#include <stdlib.h>

static void explain_row(struct buf *reads, struct buf *wrong, const struct json *row)
{
	struct text name = json_text(json_get(row, "name"));
	const struct json *why = json_get(row, "wrong");

	if (json_kind(json_get(row, "id")) == JSON_NUMBER) {
		buf_string(reads, reads->len ? ", " : "");
		buf_text(reads, name);
	}
	if (json_kind(why) != JSON_STRING)
		return;
	buf_string(wrong, wrong->len ? "; " : "");
	buf_text(wrong, name);
	buf_literal(wrong, ": ");
	buf_text(wrong, json_text(why));
}

/* As an instance that serves counts them. */
static bool explain_is_too_many(struct text rows)
{
	struct feed_relation *relations = NULL;
	size_t count;
	enum feed_reads_end end = feed_reads_take(rows, &relations, &count);

	if (end == FEED_READS_COUNT)
		free(relations);
	return end == FEED_READS_TOO_MANY;
}

static void explain_say(const struct buf *out, const struct operation *operation,
			struct findings *findings)
{
	struct json *rows = json_read_rows((struct text){ out->ptr, out->len });
	struct buf reads, wrong;

	assert(rows);
	buf_init(&reads);
	buf_init(&wrong);
	for (const struct json *row = json_first(rows); row; row = json_next(row))
		explain_row(&reads, &wrong, row);
	if (!wrong.len && explain_is_too_many((struct text){ out->ptr, out->len }))
		buf_printf(&wrong, "these are more than %d relations", FEED_RELATIONS_OF_QUERY_MAX);
	findings_note(findings, operation->text_place, "%s reads %.*s; %s%.*s", operation->name,
		      reads.len ? (int)reads.len : 8, reads.len ? reads.ptr : "no table",
		      wrong.len ? "the whole read index holds, since " : "by table", (int)wrong.len,
		      wrong.len ? wrong.ptr : "");
	buf_fini(&reads);
	buf_fini(&wrong);
	json_free(rows);
}

static void explain_one(struct asker *asker, const struct operation *operation,
			struct findings *findings)
{
	const char *values[3];
	struct call call = { .kind = CALL_COMMAND, .statement = feed_reads(), .values = values };

	feed_reads_values(operation, &asker->arena, values);
	if (asker_call(asker, &call) == CALL_OK)
		explain_say(&asker->out, operation, findings);
	else
		findings_note(findings, operation->text_place,
			      "%s: what it reads cannot be found out: %s", operation->name,
			      call.end == CALL_ERROR ? call.error.message : "no answer");
}

void check_reads(const char *conninfo, const struct operation *const *operations, unsigned count,
		 struct findings *findings)
{
	struct asker asker;
	char error[512];

	if (!asker_init(&asker, conninfo, NODE_PRIMARY, NULL, error, sizeof(error))) {
		findings_trouble(findings, "%s", error);
		return;
	}
	for (unsigned i = 0; i < count; i++)
		if (operations[i]->kind == REQUEST_QUERY)
			explain_one(&asker, operations[i], findings);
	asker_fini(&asker);
}
