/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How many jobs wait, of all instances and commands: counted on the primary about once a second
 * while jobs are accepted, and less often where counting takes long, by one loop for all loops of a
 * process. A bound against a queue that grows without end: in between it may be passed by what is
 * accepted in that time.
 */
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "base/check.h"
#include "base/loop.h"
#include "pg/call.h"
#include "pg/pool.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* Of a process; all zeros at the beginning. */
struct job_depth {
	_Atomic int64_t jobs;   /* as counted last, but no more than were asked for */
	_Atomic int64_t due_us; /* when they are counted next, by the clock of the loops */
};

/* Of one loop. */
struct job_counting {
	struct loop *loop;
	struct job_depth *depth; /* borrowed */

	/* Its own. */
	struct call call;
	struct pool *pool; /* while a call is on its way */
	struct arena arena;
	struct buf out;
	const char *values[1];
	bool complained; /* that the count failed */
};

void job_counting_init(struct job_counting *counting, struct loop *loop, struct job_depth *depth);
void job_counting_fini(struct job_counting *counting);
/* Are there that many? Counts again at the primary, whose pool it is, when that is due. */
bool job_counting_is_full(struct job_counting *counting, struct pool *pool,
			  int64_t jobs_max) must_check;
