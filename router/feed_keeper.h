/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The feed while commands of the catalog have @invalidates: on the process's first loop. Marks are
 * written and old rows are deleted, though nothing may read them here; and once for each catalog it
 * is asked whether the role may write rows at all, since without that these commands fail.
 */
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "base/check.h"
#include "base/loop.h"
#include "base/statement.h"
#include "base/text.h"
#include "catalog/catalog.h"
#include "pg/call.h"
#include "pg/pool.h"
#include "router/feed/marker.h"
#include "router/router.h"

#include <stdbool.h>

struct feed_keeper {
	struct router *router; /* NULL: not started */
	struct feed_env env;
	struct feed_marker marker;
	struct loop_timer timer;
	struct call call;
	struct pool *pool; /* while a call is on its way */
	struct arena arena;
	struct buf out;
	struct catalog *known; /* for which it was asked, held; else NULL */
};

void feed_keeper_start(struct feed_keeper *keeper, struct router *router);
/* Nothing to do for what was not started. */
void feed_keeper_stop(struct feed_keeper *keeper);

/* The first command that has @invalidates, or NULL. */
const struct operation *feed_writer(const struct catalog *catalog) must_check;
/* Of the primary: may the role write rows? Read off the system catalogs, which every role may see.
 * Lives as long as the process. */
struct statement *feed_right(void);
/* Why it may not, by the row; NULL: it may. */
const char *feed_right_lacks(struct text row) must_check;
