/* SPDX-License-Identifier: Apache-2.0 */
/* Of queries what a service asks each minute (router/feed_tables.c), which has room for the
 * relations of those that come first in its catalog. */
#include "cmd/check_reads.h"

#include "base/json.h"
#include "base/limits.h"
#include "cmd/ask.h"
#include "router/feed_found.h"

#include <assert.h>
#include <stdlib.h>

/* What PostgreSQL has found out of one operation. */
struct explained {
	const struct operation *operation;
	struct buf relations; /* their names */
	struct buf wrong;     /* what may read or write to more than these, and why */
	struct buf unknown;   /* why nothing was found out; else empty */
	struct feed_found found;
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
	buf_fini(&explained->unknown);
	free(explained->found.relations);
}

/* As an instance that serves counts it. */
static void explain_query(struct explained *reads, const struct buf *out, enum feed_option feed)
{
	enum feed_reads_end end;

	explained_read(reads, out);
	if (feed == FEED_OFF) {
		buf_clear(&reads->wrong);
		buf_literal(&reads->wrong, "--feed is off");
		return;
	}
	end = feed_reads_take((struct text){ out->ptr, out->len }, &reads->found.relations,
			      &reads->found.count);
	reads->found.counts = end == FEED_READS_COUNT;
	if (end == FEED_READS_TOO_MANY && !reads->wrong.len)
		buf_printf(&reads->wrong, "these are more than %d relations",
			   FEED_RELATIONS_OF_QUERY_MAX);
}

static void explain_one(struct asker *asker, struct explained *explained, enum feed_option feed)
{
	bool query = explained->operation->kind == REQUEST_QUERY;
	const char *values[3];
	struct call call = { .kind = CALL_COMMAND,
			     .statement = query ? feed_reads(feed) : feed_writes(),
			     .values = values };

	feed_reads_values(explained->operation, &asker->arena, values);
	if (asker_call(asker, &call) != CALL_OK)
		buf_string(&explained->unknown,
			   call.end == CALL_ERROR ? call.error.message : "no answer");
	else if (query)
		explain_query(explained, &asker->out, feed);
	else
		explained_read(explained, &asker->out);
}

/* --- room ------------------------------------------------------------------------------------- */

static int compare_in_catalog(const void *left, const void *right)
{
	const struct operation *one = (*(struct explained *const *)left)->operation;
	const struct operation *other = (*(struct explained *const *)right)->operation;

	return one < other ? -1 : one > other;
}

static void explain_room(struct explained *explained, unsigned count)
{
	struct explained **in_catalog = calloc(count + 1, sizeof(*in_catalog));
	struct feed_union *all = calloc(1, sizeof(*all));

	assert(in_catalog);
	assert(all);
	for (unsigned i = 0; i < count; i++)
		in_catalog[i] = &explained[i];
	qsort(in_catalog, count, sizeof(in_catalog[0]), compare_in_catalog);
	for (unsigned i = 0; i < count; i++) {
		const struct feed_found *found = &in_catalog[i]->found;

		if (!found->counts)
			continue;
		if (!feed_union_has_room(all, found)) {
			buf_printf(&in_catalog[i]->wrong,
				   "with those of the queries before it in the catalog these are "
				   "more than %d relations",
				   FEED_RELATIONS_MAX);
			continue;
		}
		for (size_t j = 0; j < found->count; j++)
			feed_union_add(all, &found->relations[j]);
	}
	free(all);
	free(in_catalog);
}

/* --- what is said ----------------------------------------------------------------------------- */

static void explain_say(const struct explained *explained, struct findings *findings)
{
	const struct operation *operation = explained->operation;
	bool query = operation->kind == REQUEST_QUERY;
	bool wrong = explained->wrong.len;
	const char *so = "";

	if (explained->unknown.len) {
		findings_note(findings, operation->text_place,
			      "%s: what it %s cannot be found out: %.*s", operation->name,
			      query ? "reads" : "writes to", (int)explained->unknown.len,
			      explained->unknown.ptr);
		return;
	}
	if (query)
		so = wrong ? "; the whole read index holds, since " : "; by table";
	else if (wrong)
		so = ", and may write to any other, since ";
	findings_note(findings, operation->text_place, "%s %s %.*s%s%.*s", operation->name,
		      query ? "reads" : "writes to", (int)explained->relations.len,
		      explained->relations.ptr, so, (int)explained->wrong.len,
		      wrong ? explained->wrong.ptr : "");
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
	struct explained *explained;
	char error[512];

	if (!asker_init(&asker, conninfo, NODE_PRIMARY, NULL, error, sizeof(error))) {
		findings_trouble(findings, "%s", error);
		return;
	}
	explained = calloc(count + 1, sizeof(*explained));
	assert(explained);
	if (feed == FEED_LOGICAL)
		explain_publication(&asker, findings);
	for (unsigned i = 0; i < count; i++) {
		explained[i].operation = operations[i];
		explain_one(&asker, &explained[i], feed);
	}
	explain_room(explained, count);
	for (unsigned i = 0; i < count; i++) {
		explain_say(&explained[i], findings);
		explained_free(&explained[i]);
	}
	free(explained);
	asker_fini(&asker);
}
