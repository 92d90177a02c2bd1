/* SPDX-License-Identifier: Apache-2.0 */
/* One row for each relation, and for each thing that was found. */
#include "router/cache_reads.h"

#include "base/json.h"
#include "base/limits.h"
#include "router/feed/feed_publication.h"

#include <assert.h>
#include <pthread.h>
#include <string.h>

enum { TEXTOID = 25, INT8OID = 20, TEXTARRAYOID = 1009 };

/* Of a row; "relation" is the one that is no finding. */
static const char *const cache_kinds[CACHE_FINDINGS] = {
	[CACHE_UNSEEN] = "unseen",     [CACHE_USER] = "user",   [CACHE_TIME] = "time",
	[CACHE_VOLATILE] = "volatile", [CACHE_NEVER] = "never",
};

static struct statement cache_reads_statement, cache_reads_decoded;
static pthread_once_t cache_reads_once = PTHREAD_ONCE_INIT;

static void cache_reads_make(void)
{
	static const uint32_t params[] = { TEXTOID, TEXTARRAYOID, TEXTARRAYOID };
	static const uint32_t columns[] = { TEXTOID, INT8OID, TEXTOID, TEXTOID, INT8OID };

	statement_make_known(&cache_reads_statement, "cache.reads",
			     "SELECT kind, id, name, wrong, shape"
			     " FROM cqrsd.cache_reads($1, $2, $3)",
			     (struct oids){ params, 3 }, (struct oids){ columns, 5 });
	statement_make_known(&cache_reads_decoded, "cache.reads_decoded",
			     "SELECT f.kind, f.id, f.name, " PUBLICATION_WRONG
			     " AS wrong, " PUBLICATION_SHAPED " AS shape"
			     " FROM cqrsd.cache_reads($1, $2, $3) AS f" PUBLICATION_JOIN,
			     (struct oids){ params, 3 }, (struct oids){ columns, 5 });
}

struct statement *cache_reads(enum feed_option feed)
{
	pthread_once(&cache_reads_once, cache_reads_make);
	return feed == FEED_LOGICAL ? &cache_reads_decoded : &cache_reads_statement;
}

/* --- rows ------------------------------------------------------------------------------------- */

static void cache_add_why(struct cache_found *found, enum cache_finding finding,
			  struct arena *arena, const char *why)
{
	const char *before = found->why[finding];

	found->why[finding] =
		arena_printf(arena, "%s%s%s", before ? before : "", before ? "; " : "", why);
}

static void cache_add_relation(struct cache_found *found, struct arena *arena,
			       const struct json *row)
{
	struct text name = json_text(json_get(row, "name"));
	const struct json *wrong = json_get(row, "wrong");

	if (json_kind(wrong) == JSON_STRING)
		cache_add_why(found, CACHE_UNSEEN, arena,
			      arena_printf(arena, "%.*s: %.*s", (int)name.len, name.ptr,
					   (int)json_text(wrong).len, json_text(wrong).ptr));
	if (found->count < FEED_RELATIONS_OF_QUERY_MAX)
		found->relations[found->count] = feed_reads_relation(row);
	found->count++;
}

/* False: there is no such row. */
static bool cache_add(struct cache_found *found, struct arena *arena, const struct json *row)
{
	struct text kind = json_text(json_get(row, "kind"));

	if (text_is(kind, "relation")) {
		cache_add_relation(found, arena, row);
		return true;
	}
	for (int i = 0; i < CACHE_FINDINGS; i++)
		if (text_is(kind, cache_kinds[i])) {
			cache_add_why(found, (enum cache_finding)i, arena,
				      json_text(json_get(row, "name")).ptr);
			return true;
		}
	return false;
}

/* Is it an object of our columns? */
static bool cache_row_is_whole(const struct json *row)
{
	const struct json *kind, *name;

	if (json_kind(row) != JSON_OBJECT)
		return false;
	kind = json_get(row, "kind");
	name = json_get(row, "name");
	return kind && json_kind(kind) == JSON_STRING && name && json_kind(name) == JSON_STRING &&
	       json_get(row, "id") && json_get(row, "wrong") && json_get(row, "shape") &&
	       (!text_is(json_text(kind), "relation") ||
		json_kind(json_get(row, "id")) == JSON_NUMBER) &&
	       json_kind(json_get(row, "shape")) == JSON_NUMBER;
}

bool cache_reads_take(struct text rows, struct arena *arena, struct cache_found *found)
{
	struct json *json = json_read_rows(rows);
	bool good = json != NULL;

	*found = (struct cache_found){ 0 };
	if (!json)
		return false;
	found->relations =
		arena_zero(arena, FEED_RELATIONS_OF_QUERY_MAX, sizeof(*found->relations));
	for (const struct json *row = json_first(json); good && row; row = json_next(row))
		good = cache_row_is_whole(row) && cache_add(found, arena, row);
	json_free(json);
	if (found->count > FEED_RELATIONS_OF_QUERY_MAX) {
		found->count = 0;
		cache_add_why(found, CACHE_NEVER, arena,
			      arena_printf(arena, "reads more than %d relations",
					   FEED_RELATIONS_OF_QUERY_MAX));
	}
	/* What keeps an answer from being cached is nothing that the feed would show. */
	if (found->why[CACHE_NEVER])
		cache_add_why(found, CACHE_UNSEEN, arena, found->why[CACHE_NEVER]);
	return good;
}

/* --- what it means ---------------------------------------------------------------------------- */

const char *cache_refusal(const struct operation *operation, const struct cache_found *found,
			  struct arena *arena)
{
	if (found->why[CACHE_NEVER])
		return arena_printf(arena, "it %s", found->why[CACHE_NEVER]);
	if (found->why[CACHE_VOLATILE] && !operation->cache_volatile_ok)
		return arena_printf(arena,
				    "it %s: its answers differ though no table has changed "
				    "(volatile=ok takes that)",
				    found->why[CACHE_VOLATILE]);
	if (found->why[CACHE_TIME] && !operation->cache_volatile_ok)
		return arena_printf(arena,
				    "it %s: its answers age by themselves (volatile=ok takes "
				    "that)",
				    found->why[CACHE_TIME]);
	if (found->why[CACHE_USER] && operation->cache_vary == CACHE_VARY_NONE)
		return arena_printf(arena, "vary=none, but it %s", found->why[CACHE_USER]);
	return NULL;
}

bool cache_varies(const struct operation *operation, const struct cache_found *found)
{
	switch (operation->cache_vary) {
	case CACHE_VARY_USER:
		return true;
	case CACHE_VARY_NONE:
		return false;
	case CACHE_VARY_AS_FOUND:
		return found->why[CACHE_USER] != NULL;
	}
	assert(!"a way to vary");
	return true;
}
