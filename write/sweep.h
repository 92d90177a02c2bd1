/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Expired idempotency keys are deleted about once a minute, a thousand at a time, while there is a
 * primary. One loop of a process does it; several processes pass over each other's rows.
 */
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "base/loop.h"
#include "base/metrics.h"
#include "base/random.h"
#include "pg/call.h"
#include "pg/pool.h"

#include <stdbool.h>

struct sweep {
	/* Set by the maker. */
	struct loop *loop;
	struct metrics *metrics;
	struct random *random; /* borrowed, for jitter */
	/* The primary's pool now, or NULL: there is none. */
	struct pool *(*on_pool)(struct sweep *sweep);

	/* Its own. */
	struct loop_timer timer;
	struct call call;
	struct pool *pool; /* while a call is on its way */
	struct arena arena;
	struct buf out;
	bool complained;
};

/* The first sweep comes after a moment. */
void sweep_start(struct sweep *sweep);
/* Nothing to do for one that was not started. */
void sweep_stop(struct sweep *sweep);
