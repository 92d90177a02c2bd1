/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which tables each query of the catalog reads, and whether the feed sees all that changes them: on
 * the process's first loop, asked of the primary query by query (cqrsd.feed_reads), when a catalog
 * comes, when others are watched, when the schema of such a table has changed, and now and then.
 * Each of these questions leaves dead rows in the catalogs of PostgreSQL. What was found is
 * published at the statements (struct statement_tags), under a new version; the feed is read as
 * long as there is a query that it is of use to.
 *
 *   due ──► which triggers are there? ──new──► one query after the other ──► published
 *    ▲             │ as before                                                   │
 *    └── a minute ─┴────────────── or the reader sees a change ──────────────────┘
 */
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "base/loop.h"
#include "pg/call.h"
#include "router/feed/marker.h"
#include "router/feed/reader.h"
#include "router/router.h"

#include <stdbool.h>
#include <stdint.h>

struct feed_found;

struct feed_tables {
	struct router *router; /* NULL: not started */
	struct feed_env env;
	struct feed_reader reader;
	struct feed_marker marker;

	struct loop_timer timer;
	struct call call;
	struct pool *pool; /* while a call is on its way */
	struct arena arena;
	struct buf out;
	const char *values[3];
	struct catalog *catalog;  /* of the round under way, held; else NULL */
	struct catalog *known;    /* by which the last round was; only compared */
	struct feed_found *found; /* [catalog->count] */
	unsigned next;
	uint32_t version;
	int64_t triggers; /* of tables that are watched: a sum, as of the last round */
	unsigned minutes; /* since then */
	uint64_t *ids;    /* of all relations of queries that count; the reader's */
	int64_t began_us;
	bool changed, complained;
};

/* Does --feed want it, and may a query by the read index come? */
bool feed_tables_wanted(const struct options *options, unsigned nodes_count);
void feed_tables_start(struct feed_tables *tables, struct router *router);
/* Nothing to do for what was not started. */
void feed_tables_stop(struct feed_tables *tables);
