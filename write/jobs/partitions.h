/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Partitions of finished jobs are made ahead, for as long as jobs are kept, and dropped when their
 * day is over: about once an hour, by one loop of a process. Several processes may do it at once.
 */
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "base/loop.h"
#include "base/random.h"
#include "pg/call.h"
#include "pg/pool.h"

#include <stdbool.h>

#define JOB_PARTITIONS_AHEAD 2 /* days, beyond those that jobs are kept */

struct job_partitions {
	/* Set by the maker. */
	struct loop *loop;
	struct random *random; /* borrowed, for jitter */
	/* The primary's pool now, or NULL: there is none, or nothing to do. Sets days: how many of
	 * them, from now on, are to have their partition. */
	struct pool *(*on_pool)(struct job_partitions *partitions);

	unsigned days;

	/* Its own. */
	char days_text[12];
	const char *values[1];
	struct loop_timer timer;
	struct call call;
	struct pool *pool; /* while a call is on its way */
	struct arena arena;
	struct buf out;
	bool complained;
};

void job_partitions_start(struct job_partitions *partitions);
/* Nothing to do for one that was not started. */
void job_partitions_stop(struct job_partitions *partitions);
