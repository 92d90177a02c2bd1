/* SPDX-License-Identifier: Apache-2.0 */
/* The function of the migration does all of it, and gives up after a short wait for a lock. */
#include "write/jobs/partitions.h"

#include "base/clock.h"
#include "base/log.h"
#include "write/jobs/job_statement.h"

#include <assert.h>
#include <pthread.h>
#include <stdio.h>

#define PARTITIONS_EVERY_US (3600 * US_PER_S)
#define PARTITIONS_SOON_US (10 * US_PER_S) /* while it could not be done */

static struct statement partitions_statement;
static pthread_once_t partitions_once = PTHREAD_ONCE_INIT;

static void partitions_on_due(struct loop_timer *timer);

static void partitions_make(void)
{
	static const uint32_t oids[] = { INT4OID };

	job_statement_make(&partitions_statement, "jobs.partitions",
			   "SELECT cqrsd.job_partitions($1) AS changed",
			   (struct job_types){ oids, 1 }, (struct job_types){ oids, 1 });
}

static void partitions_again(struct job_partitions *partitions, int64_t pause_us)
{
	int64_t jitter_us = (int64_t)random_below(partitions->random, (uint64_t)pause_us / 2);

	loop_timer_set(partitions->loop, &partitions->timer,
		       loop_now(partitions->loop) + pause_us - jitter_us);
}

void job_partitions_start(struct job_partitions *partitions)
{
	assert(partitions->on_pool);
	pthread_once(&partitions_once, partitions_make);
	arena_init(&partitions->arena);
	buf_init(&partitions->out);
	partitions->timer.on_due = partitions_on_due;
	partitions_again(partitions, PARTITIONS_SOON_US);
}

void job_partitions_stop(struct job_partitions *partitions)
{
	if (!partitions->on_pool)
		return;
	if (partitions->pool)
		pool_forget(partitions->pool, &partitions->call);
	loop_timer_cancel(partitions->loop, &partitions->timer);
	arena_fini(&partitions->arena);
	buf_fini(&partitions->out);
	partitions->on_pool = NULL;
}

static void partitions_on_done(struct call *call)
{
	struct job_partitions *partitions = container_of(call, struct job_partitions, call);

	partitions->pool = NULL;
	if (call->end == CALL_ERROR && !partitions->complained)
		log_warn("jobs", "partitions of finished jobs cannot be made or dropped: %s (%s)",
			 call->error.message, call->error.sqlstate);
	partitions->complained = call->end == CALL_ERROR;
	partitions_again(partitions,
			 call->end == CALL_OK ? PARTITIONS_EVERY_US : PARTITIONS_SOON_US);
}

static void partitions_on_due(struct loop_timer *timer)
{
	struct job_partitions *partitions = container_of(timer, struct job_partitions, timer);
	struct pool *pool = partitions->on_pool(partitions);

	arena_reset(&partitions->arena);
	buf_clear(&partitions->out);
	snprintf(partitions->days_text, sizeof(partitions->days_text), "%u", partitions->days);
	partitions->values[0] = partitions->days_text;
	partitions->call = (struct call){
		.kind = CALL_COMMAND,
		.statement = &partitions_statement,
		.values = partitions->values,
		.arena = &partitions->arena,
		.out = &partitions->out,
		.rows_max = 1,
		.on_done = partitions_on_done,
	};
	if (!pool || !pool_submit(pool, &partitions->call)) {
		partitions_again(partitions, PARTITIONS_SOON_US);
		return;
	}
	partitions->pool = pool;
}
