/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Marks of the feed, about once a second while it is in use, and the deletion of its old rows, once
 * a minute, or piece by piece between marks while there are many: two functions that the schema
 * has, called on the primary. Of several instances one does it. On the loop's thread.
 */
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "base/loop.h"
#include "pg/call.h"
#include "pg/pool.h"
#include "router/feed/reader.h"

#include <stdbool.h>
#include <stdint.h>

struct feed_marker {
	const struct feed_env *env;
	struct loop_timer timer;
	struct call call;
	struct pool *pool; /* while a call is on its way */
	struct arena arena;
	struct buf out;
	int64_t mark_us, sweep_us; /* when a mark is written, and rows are deleted, next */
	bool runs, complained;
};

void feed_marker_init(struct feed_marker *marker, const struct feed_env *env);
void feed_marker_run(struct feed_marker *marker);
void feed_marker_stop(struct feed_marker *marker);
void feed_marker_fini(struct feed_marker *marker);
