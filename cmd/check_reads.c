/* SPDX-License-Identifier: Apache-2.0 */
/* Of queries what a service asks each minute (router/feed_tables.c). */
#include "cmd/check_reads.h"

#include "base/json.h"
#include "base/limits.h"
#include "cmd/ask.h"

#include <assert.h>
#include <stdlib.h>

/* What PostgreSQL has found out of one operation. */
struct explained {
	struct buf relations; /* their names */
	struct buf wrong;     /* what may read or write to more than these, and why */
};

static void explained_add(struct explained *explained, const struct json *row)
{
	struct text name = json_text(json_get(row, "name"));
	const struct json *why = json_get(row, "wrong");

	if (json_kind(json_get(row, "id")) == JSON_NUMBER) {
		buf_string(&explained->relations, explained->relations.len ? ", " : "");
		buf_text(&explained->relations, name);
	}
	if (json_kind(why) != JSON_STRING)
		return;
	buf_string(&explained->wrong, explained->wrong.len ? "; " : "");
	buf_text(&explained->wrong, name);
	buf_literal(&explained->wrong, ": ");
	buf_text(&explained->wrong, json_text(why));
}

static void explained_read(struct explained *explained, const struct buf *out)
{
	struct json *rows = json_read_rows((struct text){ out->ptr, out->len });

	assert(rows);
	buf_init(&explained->relations);
	buf_init(&explained->wrong);
	for (const struct json *row = json_first(rows); row; row = json_next(row))
		explained_add(explained, row);
	if (!explained->relations.len)
		buf_literal(&explained->relations, "no table");
	json_free(rows);
}

static void explained_free(struct explained *explained)
{
	buf_fini(&explained->relations);
	buf_fini(&explained->wrong);
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

static void explain_query(const struct buf *out, const struct operation *operation,
			  enum feed_option feed, struct findings *findings)
{
	struct explained reads;

	explained_read(&reads, out);
	if (feed == FEED_OFF) {
		buf_clear(&reads.wrong);
		buf_literal(&reads.wrong, "--feed is off");
	}
	if (!reads.wrong.len && explain_is_too_many((struct text){ out->ptr, out->len }))
		buf_printf(&reads.wrong, "these are more than %d relations",
			   FEED_RELATIONS_OF_QUERY_MAX);
	findings_note(findings, operation->text_place, "%s reads %.*s; %s%.*s", operation->name,
		      (int)reads.relations.len, reads.relations.ptr,
		      reads.wrong.len ? "the whole read index holds, since " : "by table",
		      (int)reads.wrong.len, reads.wrong.len ? reads.wrong.ptr : "");
	explained_free(&reads);
}

static void explain_command(const struct buf *out, const struct operation *operation,
			    struct findings *findings)
{
	struct explained writes;

	explained_read(&writes, out);
	findings_note(findings, operation->text_place, "%s writes to %.*s%s%.*s", operation->name,
		      (int)writes.relations.len, writes.relations.ptr,
		      writes.wrong.len ? ", and may write to any other, since " : "",
		      (int)writes.wrong.len, writes.wrong.len ? writes.wrong.ptr : "");
	explained_free(&writes);
}

static void explain_one(struct asker *asker, const struct operation *operation,
			enum feed_option feed, struct findings *findings)
{
	bool query = operation->kind == REQUEST_QUERY;
	const char *values[3];
	struct call call = { .kind = CALL_COMMAND,
			     .statement = query ? feed_reads(feed) : feed_writes(),
			     .values = values };

	feed_reads_values(operation, &asker->arena, values);
	if (asker_call(asker, &call) != CALL_OK)
		findings_note(findings, operation->text_place,
			      "%s: what it %s cannot be found out: %s", operation->name,
			      query ? "reads" : "writes to",
			      call.end == CALL_ERROR ? call.error.message : "no answer");
	else if (query)
		explain_query(&asker->out, operation, feed, findings);
	else
		explain_command(&asker->out, operation, findings);
}

/* As an instance finds it out that begins to serve. */
static void explain_publication(struct asker *asker, struct findings *findings)
{
	struct call call;
	struct json *rows;
	struct text wrong;

	if (asker_ask(asker, CALL_QUERY, feed_decoded_check(), &call) != CALL_OK)
		return;
	rows = json_read_rows((struct text){ asker->out.ptr, asker->out.len });
	assert(rows);
	wrong = json_text(json_get(json_first(rows), "wrong"));
	if (wrong.len)
		findings_trouble(findings, "--feed logical: %.*s", (int)wrong.len, wrong.ptr);
	json_free(rows);
}

void check_reads(const char *conninfo, const struct operation *const *operations, unsigned count,
		 enum feed_option feed, struct findings *findings)
{
	struct asker asker;
	char error[512];

	if (!asker_init(&asker, conninfo, NODE_PRIMARY, NULL, error, sizeof(error))) {
		findings_trouble(findings, "%s", error);
		return;
	}
	if (feed == FEED_LOGICAL)
		explain_publication(&asker, findings);
	for (unsigned i = 0; i < count; i++)
		explain_one(&asker, operations[i], feed, findings);
	asker_fini(&asker);
}
