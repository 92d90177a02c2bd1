/* SPDX-License-Identifier: Apache-2.0 */
/*
 * May answers of a query be kept, and for whom? What PostgreSQL finds of its statement, by
 * cqrsd.cache_reads of the schema, and what that means for its @cache. Pure, but for the question
 * itself, whose values are those of feed_reads (router/feed_reads.h).
 */
#pragma once

#include "base/arena.h"
#include "base/check.h"
#include "base/statement.h"
#include "base/text.h"
#include "catalog/catalog.h"
#include "router/feed_reads.h"

#include <stdbool.h>
#include <stddef.h>

/* As feed_reads: what stands in the way by --feed is one of the things that are found. */
struct statement *cache_reads(enum feed_option feed);

enum cache_finding {
	CACHE_UNSEEN,   /* the feed does not see all that changes what it reads */
	CACHE_USER,     /* it may see who asks */
	CACHE_TIME,     /* it sees the time */
	CACHE_VOLATILE, /* it sees what no table holds */
	CACHE_NEVER,    /* nothing says when its answer changes */
	CACHE_FINDINGS,
};

struct cache_found {
	struct feed_relation *relations; /* [count], all that it reads: an oid is a tag */
	size_t count;
	/* What was found, as in "reads t, which is temporary; calls f()"; NULL: it is not so. */
	const char *why[CACHE_FINDINGS];
};

/* Its rows, as pg/ encodes them; all of found is of the arena. False: not what it answers. */
bool cache_reads_take(struct text rows, struct arena *arena, struct cache_found *found) must_check;

/* Why the operation, which is @cache, may not have its answers kept: a clause, of the arena. NULL:
 * it may. */
const char *cache_refusal(const struct operation *operation, const struct cache_found *found,
			  struct arena *arena) must_check;
/* Are its answers kept for each caller apart? */
bool cache_varies(const struct operation *operation, const struct cache_found *found) must_check;
