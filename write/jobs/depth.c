/* SPDX-License-Identifier: Apache-2.0 */
/* Whose compare-and-swap of the due time succeeds counts; the others read what it found. */
#include "write/jobs/depth.h"

#include "base/clock.h"
#include "base/log.h"
#include "write/jobs/job_statement.h"

#include <assert.h>
#include <pthread.h>
#include <string.h>

#define DEPTH_EVERY_US US_PER_S
#define DEPTH_TIMES 20 /* no more of the time than a twentieth is spent on counting */

#define DEPTH_ROW "{\"jobs\":"

static struct statement depth_statement;
static pthread_once_t depth_once = PTHREAD_ONCE_INIT;

static void depth_make(void)
{
	static const uint32_t oids[] = { INT8OID };

	job_statement_make(
		&depth_statement, "jobs.count",
		"SELECT count(*) AS jobs FROM (SELECT FROM cqrsd.job LIMIT $1) AS counted",
		(struct job_types){ oids, 1 }, (struct job_types){ oids, 1 });
}

void job_counting_init(struct job_counting *counting, struct loop *loop, struct job_depth *depth)
{
	pthread_once(&depth_once, depth_make);
	*counting = (struct job_counting){ .loop = loop, .depth = depth };
	arena_init(&counting->arena);
	buf_init(&counting->out);
}

void job_counting_fini(struct job_counting *counting)
{
	if (counting->pool)
		pool_forget(counting->pool, &counting->call);
	counting->pool = NULL;
	arena_fini(&counting->arena);
	buf_fini(&counting->out);
}

/* A count that fails leaves what is known: jobs are refused for too many of them only. */
static void depth_on_done(struct call *call)
{
	struct job_counting *counting = container_of(call, struct job_counting, call);
	const size_t begins = strlen(DEPTH_ROW);
	int64_t pause_us = DEPTH_EVERY_US, jobs = 0;

	counting->pool = NULL;
	if (call->end == CALL_ERROR && !counting->complained)
		log_warn("jobs",
			 "jobs cannot be counted, so that --jobs-max does not hold: %s (%s)",
			 call->error.message, call->error.sqlstate);
	counting->complained = call->end == CALL_ERROR;
	if (call->end != CALL_OK || counting->out.len <= begins)
		return;
	for (size_t i = begins; byte_is_digit(counting->out.ptr[i]); i++)
		jobs = jobs * 10 + (counting->out.ptr[i] - '0');
	if (pause_us < DEPTH_TIMES * (call->done_us - call->sent_us))
		pause_us = DEPTH_TIMES * (call->done_us - call->sent_us);
	atomic_store_explicit(&counting->depth->jobs, jobs, memory_order_relaxed);
	atomic_store_explicit(&counting->depth->due_us, loop_now(counting->loop) + pause_us,
			      memory_order_relaxed);
}

static void depth_count(struct job_counting *counting, struct pool *pool, int64_t jobs_max)
{
	arena_reset(&counting->arena);
	buf_clear(&counting->out);
	counting->values[0] = arena_printf(&counting->arena, "%lld", (long long)jobs_max);
	counting->call = (struct call){
		.kind = CALL_QUERY,
		.statement = &depth_statement,
		.values = counting->values,
		.arena = &counting->arena,
		.out = &counting->out,
		.rows_max = 1,
		.on_done = depth_on_done,
	};
	if (pool_submit(pool, &counting->call))
		counting->pool = pool;
}

bool job_counting_is_full(struct job_counting *counting, struct pool *pool, int64_t jobs_max)
{
	struct job_depth *depth = counting->depth;
	int64_t due_us = atomic_load_explicit(&depth->due_us, memory_order_relaxed);
	int64_t now_us = loop_now(counting->loop);

	if (!counting->pool && now_us >= due_us &&
	    atomic_compare_exchange_strong(&depth->due_us, &due_us, now_us + DEPTH_EVERY_US))
		depth_count(counting, pool, jobs_max);
	return atomic_load_explicit(&depth->jobs, memory_order_relaxed) >= jobs_max;
}
