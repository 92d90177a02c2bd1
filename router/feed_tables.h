/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which tables each query of the catalog reads, and whether the feed sees all that changes them, by
 * the triggers of watched tables or by what the publication has (--feed logical): on
 * the process's first loop, asked of the primary query by query (cqrsd.feed_reads), when a catalog
 * comes, when others are watched, when the schema of such a table has changed, and now and then.
 * Each of these questions leaves dead rows in the catalogs of PostgreSQL. What was found is written
 * to the statements (base/tag_set.h), under a new version where it is not what was found before;
 * the feed is read as long as there is a query that it is of use to. Of a query with @cache it is
 * asked, too, whether its answers may be kept, and for whom (router/cache_reads.h); and then of
 * each command what it writes to.
 *
 *   due ──► which triggers are there? ──new──► one query after the other ──► written
 *    ▲             │ as before                                                   │
 *    └── a minute ─┴────────────── or the reader sees a change ──────────────────┘
 *
 * While answers are kept, each change of the schema makes a round due
 * (router/schema_watch.h).
 *
 * A round that came to nothing, or that the reader's replica does not show yet, is made again, each
 * time after twice as long.
 */
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "base/limits.h"
#include "base/loop.h"
#include "pg/call.h"
#include "router/feed/alone.h"
#include "router/feed/marker.h"
#include "router/feed/reader.h"
#include "router/feed_reads.h"
#include "router/router.h"
#include "router/schema_watch.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct feed_found;

struct feed_tables {
	struct router *router; /* NULL: not started */
	enum feed_option feed;
	struct feed_env env;
	struct feed_reader reader;
	struct feed_marker marker;
	struct feed_alone alone; /* where answers are kept, and the feed is not read */
	struct schema_watch schema;

	struct loop_timer timer;
	struct call call;
	struct pool *pool; /* while a call is on its way */
	struct arena arena;
	struct buf out;
	const char *values[3];
	struct catalog *catalog;  /* of the round under way, held; else NULL */
	struct catalog *known;    /* of the last round, held; else NULL */
	struct feed_found *found; /* [catalog->count] */
	unsigned next;
	uint32_t version;
	uint32_t sets; /* of relations, that were written: the version of the last */
	int64_t triggers, known_triggers; /* of tables that are watched: a sum; of the last round */
	unsigned minutes;                 /* since then */
	unsigned changes, changes_of;     /* of the schema: seen; when the last round began */
	/* Of queries that count: the reader's. */
	uint64_t ids[FEED_RELATIONS_MAX];
	size_t ids_count;
	int64_t shape;
	int64_t began_us, pause_us; /* of a round; before the next one that is made again */
	bool due;                   /* there is a round to be made, whatever the triggers are */
	bool failed;                /* a query of this round could not be asked for now */
	bool complained, crowded;
};

/* Do --feed and a query by the read index that may come want it, or may answers be kept? */
bool feed_tables_wanted(const struct options *options, unsigned nodes_count);
void feed_tables_start(struct feed_tables *tables, struct router *router);
/* The router has another catalog: a round is made at once. Nothing to do for what was not
 * started. */
void feed_tables_reload(struct feed_tables *tables);
/* Nothing to do for what was not started. */
void feed_tables_stop(struct feed_tables *tables);
