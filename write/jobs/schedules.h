/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs what is due by itself: @every and @cron. One loop of a process reads the schedules of the
 * database when the next of them is due, and accepts jobs for those that are. All instances do the
 * same; the row of a schedule decides who accepts, and the primary's clock when.
 *
 *   asleep ──due, or woken──► FETCH ──rows missing, of an older catalog, or unseen──► SET ──► FETCH
 *      ▲                      │  └──some are due──► RUN ──► FETCH
 *      └──────none is─────────┘
 *
 * A row is of the instances with its spec for as long as one of them says that it is there.
 */
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "base/loop.h"
#include "pg/call.h"
#include "pg/pool.h"
#include "router/router.h"
#include "write/jobs/schedule_statement.h"

#include <stdbool.h>
#include <stdint.h>

struct job_schedules {
	struct router *router; /* borrowed; NULL: not started */
	void (*on_accepted)(struct job_schedules *schedules);
	struct loop_timer timer;
	struct call call;
	struct pool *pool; /* while a call is on its way */
	struct arena arena;
	struct buf out;
	struct buf set[SCHEDULE_SET_VALUES], run[SCHEDULE_RUN_VALUES]; /* arrays */
	const char *values[SCHEDULE_RUN_VALUES];
	bool *seen;                       /* by index of the operation: has it a row? */
	struct catalog_ref *catalog_ref;  /* that is read or was read last; NULL: none so far */
	const struct catalog_ref *set_of; /* its schedules were set, and on which timeline */
	uint32_t set_on;
	int primary; /* that was asked last, and its timeline then */
	uint32_t timeline;
	unsigned to_set, to_run; /* elements of the arrays */
	int64_t soonest_us;      /* from now until the next one is due */
	bool complained, draining;
	bool shifted; /* the clock was set apart by cqrsd.job_clock, and that was logged */
};

/* on_accepted: jobs have come. */
void job_schedules_start(struct job_schedules *schedules, struct router *router,
			 void (*on_accepted)(struct job_schedules *schedules));
/* Nothing to do for those that were not started. */
void job_schedules_stop(struct job_schedules *schedules);
/* There may be another primary or another catalog. */
void job_schedules_wake(struct job_schedules *schedules);
/* Nothing is accepted from now on. */
void job_schedules_drain(struct job_schedules *schedules);
