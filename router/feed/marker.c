/* SPDX-License-Identifier: Apache-2.0 */
/* Each is a command of its own: that it takes its xid last is the function's business. */
#include "router/feed/marker.h"

#include "base/clock.h"
#include "base/log.h"

#include <pthread.h>
#include <string.h>

#define MARKER_EVERY_US US_PER_S
#define MARKER_SWEEP_US (60 * US_PER_S)
#define MARKER_BACKLOG_US (20 * US_PER_MS) /* between two pieces */
#define MARKER_FULL "{\"deleted\":10000}"

enum { BOOLOID = 16, INT8OID = 20 };

static struct statement marker_tick, marker_sweep;
static pthread_once_t marker_once = PTHREAD_ONCE_INIT;

static void marker_make(void)
{
	static const uint32_t boolean = BOOLOID, number = INT8OID;

	statement_make_known(&marker_tick, "feed.mark", "SELECT cqrsd.feed_tick() AS marked",
			     (struct oids){ NULL, 0 }, (struct oids){ &boolean, 1 });
	statement_make_known(&marker_sweep, "feed.sweep",
			     "SELECT cqrsd.feed_sweep(interval '10 minutes') AS deleted",
			     (struct oids){ NULL, 0 }, (struct oids){ &number, 1 });
}

static void marker_on_due(struct loop_timer *timer);

void feed_marker_init(struct feed_marker *marker, const struct feed_env *env)
{
	pthread_once(&marker_once, marker_make);
	*marker = (struct feed_marker){ .env = env };
	arena_init(&marker->arena);
	buf_init(&marker->out);
	marker->timer.on_due = marker_on_due;
}

static void marker_when_due(struct feed_marker *marker)
{
	loop_timer_set(marker->env->loop, &marker->timer,
		       marker->mark_us < marker->sweep_us ? marker->mark_us : marker->sweep_us);
}

void feed_marker_run(struct feed_marker *marker)
{
	if (marker->runs)
		return;
	marker->runs = true;
	marker_when_due(marker);
}

void feed_marker_stop(struct feed_marker *marker)
{
	marker->runs = false;
	loop_timer_cancel(marker->env->loop, &marker->timer);
	if (marker->pool)
		pool_forget(marker->pool, &marker->call);
	marker->pool = NULL;
}

void feed_marker_fini(struct feed_marker *marker)
{
	feed_marker_stop(marker);
	arena_fini(&marker->arena);
	buf_fini(&marker->out);
}

static void marker_on_done(struct call *call)
{
	struct feed_marker *marker = container_of(call, struct feed_marker, call);
	bool full = call->statement == &marker_sweep && call->end == CALL_OK &&
		    marker->out.len == strlen(MARKER_FULL) &&
		    memcmp(marker->out.ptr, MARKER_FULL, marker->out.len) == 0;

	marker->pool = NULL;
	if (call->end == CALL_ERROR && !marker->complained)
		log_warn("feed", "the feed cannot be kept (%s): %s (%s)", call->statement->name,
			 call->error.message, call->error.sqlstate);
	marker->complained = call->end == CALL_ERROR;
	if (full)
		marker->sweep_us = loop_now(marker->env->loop) + MARKER_BACKLOG_US;
	if (call->statement == &marker_sweep && call->end == CALL_OK)
		metric_add(marker->env->metrics, METRIC_feed_sweeps_total, NULL, 1);
	marker_when_due(marker);
}

/* A mark goes before a deletion. */
static struct statement *marker_due(struct feed_marker *marker, int64_t now_us)
{
	if (now_us >= marker->mark_us) {
		marker->mark_us = now_us + MARKER_EVERY_US;
		return &marker_tick;
	}
	if (now_us >= marker->sweep_us) {
		marker->sweep_us = now_us + MARKER_SWEEP_US;
		return &marker_sweep;
	}
	return NULL;
}

static void marker_on_due(struct loop_timer *timer)
{
	struct feed_marker *marker = container_of(timer, struct feed_marker, timer);
	const struct feed_env *env = marker->env;
	struct statement *statement;
	struct pool *pool;

	env->refresh(env->arg);
	if (!marker->runs || marker->pool)
		return;
	statement = marker_due(marker, loop_now(env->loop));
	marker_when_due(marker);
	if (!statement || env->topology->primary < 0)
		return;
	arena_reset(&marker->arena);
	buf_clear(&marker->out);
	marker->call = (struct call){
		.kind = CALL_COMMAND,
		.statement = statement,
		.arena = &marker->arena,
		.out = &marker->out,
		.rows_max = 1,
		.on_done = marker_on_done,
	};
	pool = env->pool_of(env->arg, (unsigned)env->topology->primary);
	if (pool_submit(pool, &marker->call))
		marker->pool = pool;
}
