/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who waits for what becomes of jobs, on one loop. News come in two ways:
 *
 *   a worker of this process has ended the job: told at once, by letters to the other loops
 *   the primary is asked for all watched jobs of the loop together, with one statement, after 5 ms,
 *   and less and less often while nothing changes, up to 50 ms: jobs of other instances, and
 *   whatever a letter did not tell
 *
 * News say that something may have changed, not what: who watches asks for the job. On the loop's
 * thread, but where it says otherwise.
 */
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "base/check.h"
#include "base/limits.h"
#include "base/list.h"
#include "base/loop.h"
#include "pg/call.h"
#include "pg/pool.h"
#include "write/jobs/job_id.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define JOB_WATCH_BUCKETS 256
#define JOB_STAGE_ANY (-1) /* only the end is of interest */

enum job_news {
	JOB_NEWS_CHANGED, /* it may have ended, or be at another stage */
	JOB_NEWS_DRAIN,   /* the service ends: nothing is watched any more */
};

/* Embedded by who watches. */
struct job_watch {
	struct list_link link;
	uint64_t round; /* of news, when it began */
	struct job_number job;
	int stage; /* JOB_STAGE of write/jobs/job_state.h, as known; or JOB_STAGE_ANY */
	/* It is watched no more; may watch again, this one or others. */
	void (*on_news)(struct job_watch *watch, enum job_news news);
};

struct job_watches;

/* The loops of a process; all zeros at the beginning. */
struct job_board {
	_Atomic(struct job_watches *) loops[LOOPS_MAX];
};

/* From one loop to another: jobs that have ended. One is on its way at a time. */
struct job_letter {
	struct letter letter;
	atomic_bool on_way;
	atomic_bool missed; /* more have ended than it tells */
	unsigned count;
	int64_t n[GROUP_CALLS_MAX];
	struct job_watches *to;
};

/* Lives as long as any loop of the process. */
struct job_watches {
	/* Set by the maker. */
	struct loop *loop;
	struct job_board *board;                              /* borrowed */
	struct pool *(*on_pool)(struct job_watches *watches); /* of the primary; NULL: none */

	/* Its own. */
	atomic_uint count; /* of what is watched; other loops read it */
	uint64_t round;    /* of news: who watches again meanwhile gets the next one */
	unsigned place;    /* on the board */
	struct list buckets[JOB_WATCH_BUCKETS];
	struct job_letter letters[LOOPS_MAX]; /* to each place */
	struct loop_timer timer;
	int64_t pause_us;
	struct call call;
	struct pool *pool; /* while a call is on its way */
	struct arena arena;
	struct buf arrays[3], out;
	const char *values[3];
	bool draining;
};

void job_watches_init(struct job_watches *watches);
/* Nothing may be watched any more. */
void job_watches_fini(struct job_watches *watches);

/* job, stage and on_news are set. False: too many are watched, or the service ends. */
bool job_watch_begin(struct job_watches *watches, struct job_watch *watch) must_check;
/* Nothing to do where it is not watched. */
void job_watch_end(struct job_watches *watches, struct job_watch *watch);

/* Jobs have ended here: tells all loops. At most GROUP_CALLS_MAX. */
void job_watches_tell(struct job_watches *watches, const int64_t *n, unsigned count);
/* The primary may be another one: it is asked at once. */
void job_watches_renew(struct job_watches *watches);
/* Tells all who watch, and watches nothing from here on. */
void job_watches_drain(struct job_watches *watches);
