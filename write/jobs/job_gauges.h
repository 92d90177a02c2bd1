/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How many jobs wait and since when, and how many dead letters there are, as gauges: counted on the
 * primary by one loop of a process, every 10 s, and less often where counting takes long. What a
 * process shows is of all instances. Where nothing was learnt, there is no series.
 */
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "base/loop.h"
#include "pg/call.h"
#include "pg/pool.h"
#include "router/router.h"

#include <stdbool.h>
#include <stdint.h>

struct job_gauges {
	struct router *router; /* borrowed */

	/* Its own. */
	struct loop_timer timer;
	struct call call;
	struct pool *pool; /* while a call is on its way */
	struct arena arena;
	struct buf out;
	const char *values[1];
	bool complained;
};

void job_gauges_start(struct job_gauges *gauges, struct router *router);
/* Nothing to do for those that were not started. */
void job_gauges_stop(struct job_gauges *gauges);
