/* SPDX-License-Identifier: Apache-2.0 */
/* What a service asks when it loads a catalog (router/cache_reads.h), asked before that. */
#include "cmd/check_cache.h"

#include "base/json.h"
#include "cmd/ask.h"
#include "router/cache_reads.h"

#include <assert.h>
#include <stdlib.h>

/* One row: what the primary lacks for these questions; NULL: nothing. */
static const char check_cache_lacks[] =
	"SELECT CASE WHEN NOT EXISTS (SELECT FROM pg_proc AS p JOIN pg_namespace AS n"
	" ON n.oid = p.pronamespace WHERE n.nspname = 'cqrsd' AND p.proname = 'cache_reads')"
	" THEN 'run cqrsd migrate'"
	" WHEN NOT has_schema_privilege('cqrsd', 'USAGE')"
	" THEN 'the role needs USAGE on the schema cqrsd'"
	" WHEN NOT has_database_privilege(current_database(), 'TEMP')"
	" THEN 'the role needs TEMP on the database' END AS lacks";

/* A query whose answers may be cached, and what it reads. */
struct check_cached {
	const struct operation *operation;
	struct cache_found found;
};

struct check_caching {
	struct asker asker;
	struct arena arena;
	struct findings *findings;
	struct check_cached cached[OPERATIONS_MAX]; /* [count] */
	unsigned count;
	enum feed_option feed;
	bool explain;
};

/* --- queries ---------------------------------------------------------------------------------- */

/* False: it could not be asked, which is among the findings. */
static bool check_cache_ask(struct check_caching *caching, const struct operation *operation,
			    struct statement *statement, const char *what)
{
	const char *values[3];
	struct call call = { .kind = CALL_COMMAND, .statement = statement, .values = values };

	feed_reads_values(operation, &caching->arena, values);
	switch (asker_call(&caching->asker, &call)) {
	case CALL_OK:
		return true;
	case CALL_ERROR:
	case CALL_TOO_LARGE:
		findings_warning(caching->findings, operation->text_place,
				 "%s: %s cannot be found out: %s", operation->name, what,
				 call.error.message);
		return false;
	case CALL_UNSENT:
	case CALL_LOST:
		findings_trouble(caching->findings, "%s: no answer", caching->asker.node->name);
		return false;
	}
	assert(!"an end of a call");
	return false;
}

static void check_cache_explain(struct check_caching *caching, const struct operation *operation,
				const struct cache_found *found)
{
	const char *user = found->why[CACHE_USER], *unseen = found->why[CACHE_UNSEEN];

	findings_note(caching->findings, operation->text_place,
		      "answers of %s are cached for %s%s%s%s%s%s", operation->name,
		      cache_varies(operation, found) ? "each caller apart" : "all callers",
		      user ? ", since it " : "", user ? user : "",
		      unseen ? "; what others than cqrsd write is not seen (" : "",
		      unseen ? unseen : "", unseen ? ")" : "");
}

static void check_cache_query(struct check_caching *caching, const struct operation *operation)
{
	const struct buf *out = &caching->asker.out;
	struct check_cached *cached = &caching->cached[caching->count];
	const char *refusal;

	if (!check_cache_ask(caching, operation, cache_reads(caching->feed),
			     "whether it may be cached"))
		return;
	if (!cache_reads_take((struct text){ out->ptr, out->len }, &caching->arena,
			      &cached->found)) {
		findings_trouble(caching->findings,
				 "%s: cqrsd.cache_reads is of another version: run cqrsd migrate",
				 caching->asker.node->name);
		return;
	}
	refusal = cache_refusal(operation, &cached->found, &caching->arena);
	if (refusal) {
		findings_error(caching->findings, operation->text_place,
			       "@cache of %s is refused: %s", operation->name, refusal);
		return;
	}
	if (caching->explain)
		check_cache_explain(caching, operation, &cached->found);
	cached->operation = operation;
	caching->count++;
}

/* --- commands --------------------------------------------------------------------------------- */

/* Can both be one group, for some values? */
static bool check_tags_meet(const struct tag *one, const struct tag *other)
{
	if (one->parts_count != other->parts_count)
		return false;
	for (unsigned i = 0; i < one->parts_count; i++) {
		const struct tag_part *a = &one->parts[i], *b = &other->parts[i];

		if (!a->param && !b->param && !text_equal(a->name, b->name))
			return false;
	}
	return true;
}

static bool check_cache_narrows(const struct operation *command, const struct operation *query)
{
	for (unsigned i = 0; i < command->tags_count; i++)
		for (unsigned j = 0; j < query->tags_count; j++)
			if (check_tags_meet(&command->tags[i], &query->tags[j]))
				return true;
	return false;
}

static bool check_cache_reads(const struct cache_found *found, uint64_t relation)
{
	for (size_t i = 0; i < found->count; i++)
		if (found->relations[i].id == relation)
			return true;
	return false;
}

/* rows: what the command writes to. The first table of these that the query reads; ptr NULL: none.
 */
static struct text check_cache_shared(const struct json *rows, const struct cache_found *found)
{
	for (const struct json *row = json_first(rows); row; row = json_next(row)) {
		const struct json *id = json_get(row, "id");
		uint64_t relation;

		if (json_kind(id) == JSON_NUMBER &&
		    text_number(json_source(id), UINT32_MAX, &relation) &&
		    check_cache_reads(found, relation))
			return json_text(json_get(row, "name"));
	}
	return (struct text){ NULL, 0 };
}

static void check_cache_command(struct check_caching *caching, const struct operation *command)
{
	const struct buf *out = &caching->asker.out;
	struct json *rows;

	if (!check_cache_ask(caching, command, feed_writes(), "what it writes to"))
		return;
	rows = json_read_rows((struct text){ out->ptr, out->len });
	assert(rows);
	for (unsigned i = 0; i < caching->count; i++) {
		const struct check_cached *cached = &caching->cached[i];
		struct text table = check_cache_shared(rows, &cached->found);

		if (!table.ptr || !cached->operation->tags_count ||
		    check_cache_narrows(command, cached->operation))
			continue;
		findings_warning(caching->findings, command->text_place,
				 "%s writes to %.*s, which %s reads, and has no @invalidates that "
				 "meets the @tags of it: each run makes all its cached answers "
				 "stale",
				 command->name, (int)table.len, table.ptr, cached->operation->name);
	}
	json_free(rows);
}

/* --- all -------------------------------------------------------------------------------------- */

static const struct operation *check_cache_first(const struct operation *const *operations,
						 unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		if (operations[i]->cache_us > 0)
			return operations[i];
	return NULL;
}

/* False: it is among the findings. */
static bool check_cache_can_ask(struct check_caching *caching, const struct operation *first)
{
	const struct buf *out = &caching->asker.out;
	struct call call;
	const struct json *lacks;
	struct json *rows;
	bool can;

	if (asker_ask(&caching->asker, CALL_QUERY, check_cache_lacks, &call) != CALL_OK) {
		findings_unasked(caching->findings, caching->asker.node->name,
				 "what cached queries read", &call);
		return false;
	}
	rows = json_read_rows((struct text){ out->ptr, out->len });
	assert(rows);
	lacks = json_get(json_first(rows), "lacks");
	can = json_kind(lacks) == JSON_NULL;
	if (!can)
		findings_error(caching->findings, first->place,
			       "%s is @cache, and %s does not say what it reads: %s", first->name,
			       caching->asker.node->name, json_text(lacks).ptr);
	json_free(rows);
	return can;
}

static void check_cache_all(struct check_caching *caching,
			    const struct operation *const *operations, unsigned count)
{
	bool tagged = false;

	for (unsigned i = 0; i < count; i++)
		if (operations[i]->cache_us > 0)
			check_cache_query(caching, operations[i]);
	for (unsigned i = 0; i < caching->count; i++)
		tagged = tagged || caching->cached[i].operation->tags_count > 0;
	for (unsigned i = 0; tagged && i < count; i++)
		if (operations[i]->kind == REQUEST_COMMAND)
			check_cache_command(caching, operations[i]);
}

void check_cache(const char *conninfo, const struct operation *const *operations, unsigned count,
		 enum feed_option feed, bool explain, struct findings *findings)
{
	const struct operation *first = check_cache_first(operations, count);
	struct check_caching *caching;
	char error[512];

	if (!first)
		return;
	caching = calloc(1, sizeof(*caching));
	assert(caching);
	caching->findings = findings;
	caching->feed = feed;
	caching->explain = explain;
	arena_init(&caching->arena);
	if (asker_init(&caching->asker, conninfo, NODE_PRIMARY, NULL, error, sizeof(error))) {
		if (check_cache_can_ask(caching, first))
			check_cache_all(caching, operations, count);
		asker_fini(&caching->asker);
	} else {
		findings_trouble(findings, "%s", error);
	}
	arena_fini(&caching->arena);
	free(caching);
}
