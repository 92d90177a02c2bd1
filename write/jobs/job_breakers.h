/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The breakers of commands, for all instances: rows of cqrsd.job_pause with a retry_at. One loop of
 * a process writes down what its loops have found (write/jobs/job_health.h), and asks each second
 * what others have.
 *
 *   TELLING ──► a row: the command is claimed by no instance from here on. Where the role may not
 *       write it, or could not close it again, it closes here, and the jobs run on
 *   a row whose retry_at is over, while a job is due ──► retry_at is moved by the first to come,
 *       behind the time that a job may take: this process tries one
 *   FAILED ──► retry_at: from 1 s on twice as far each time, up to a minute
 *   CLOSING ──► the row is deleted, as cqrsd jobs resume does
 *
 * A trial that ends with its process leaves a row as it was: another one comes at its retry_at.
 * What was not written is written later, as long as the row stands.
 */
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "base/loop.h"
#include "pg/call.h"
#include "pg/pool.h"
#include "router/router.h"
#include "write/jobs/occupancy.h"

#include <stdbool.h>
#include <stdint.h>

enum breakers_call { BREAKERS_ASK, BREAKERS_OPEN, BREAKERS_TRY, BREAKERS_FAIL, BREAKERS_CLOSE };

struct job_breakers {
	struct router *router;           /* borrowed, as the next */
	struct job_occupancy *occupancy; /* of the process */

	/* Its own. */
	struct loop_timer timer;
	int64_t ask_us; /* when the rows are asked for */
	struct call call;
	enum breakers_call sent;
	struct job_slots *of;    /* whom it is about, but for ASK */
	struct job_slots *wrote; /* whom the last write was about; NULL: none */
	struct pool *pool;       /* while a call is on its way */
	struct arena arena;
	struct buf out;
	const char *values[2];
	bool draining;       /* no job is tried any more */
	unsigned complained; /* bits of calls: the log has that they fail */
};

void job_breakers_start(struct job_breakers *breakers, struct router *router,
			struct job_occupancy *occupancy);
void job_breakers_drain(struct job_breakers *breakers);
/* Nothing to do for those that were not started. */
void job_breakers_stop(struct job_breakers *breakers);
