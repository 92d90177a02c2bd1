/* SPDX-License-Identifier: Apache-2.0 */
/* One small DELETE after the other, as a command: it never waits for the rows of others. */
#include "write/sweep.h"

#include "base/clock.h"
#include "base/log.h"
#include "write/idempotency.h"

#include <assert.h>

#define SWEEP_EVERY_US (60 * US_PER_S)
#define SWEEP_MORE_US US_PER_S /* when there was as much as one sweep takes */
#define SWEEP_ROWS 1000

static void sweep_on_due(struct loop_timer *timer);

/* Between half of it and all of it, so that instances do not meet. */
static void sweep_again(struct sweep *sweep, int64_t pause_us)
{
	int64_t jitter_us = (int64_t)random_below(sweep->random, (uint64_t)pause_us / 2);

	loop_timer_set(sweep->loop, &sweep->timer, loop_now(sweep->loop) + pause_us - jitter_us);
}

void sweep_start(struct sweep *sweep)
{
	assert(sweep->on_pool);
	arena_init(&sweep->arena);
	buf_init(&sweep->out);
	sweep->timer.on_due = sweep_on_due;
	sweep_again(sweep, 2 * SWEEP_MORE_US);
}

void sweep_stop(struct sweep *sweep)
{
	if (!sweep->on_pool)
		return;
	if (sweep->pool)
		pool_forget(sweep->pool, &sweep->call);
	loop_timer_cancel(sweep->loop, &sweep->timer);
	arena_fini(&sweep->arena);
	buf_fini(&sweep->out);
	sweep->on_pool = NULL;
}

static void sweep_on_done(struct call *call)
{
	struct sweep *sweep = container_of(call, struct sweep, call);

	sweep->pool = NULL;
	if (call->end == CALL_ERROR && !sweep->complained)
		log_warn("sweep", "expired idempotency keys cannot be deleted: %s (%s)",
			 call->error.message, call->error.sqlstate);
	sweep->complained = call->end == CALL_ERROR;
	if (call->end == CALL_OK && call->affected > 0)
		metric_add(sweep->metrics, METRIC_idempotency_swept_total, NULL,
			   (uint64_t)call->affected);
	sweep_again(sweep, call->end == CALL_OK && call->affected >= SWEEP_ROWS ? SWEEP_MORE_US
										: SWEEP_EVERY_US);
}

static void sweep_on_due(struct loop_timer *timer)
{
	struct sweep *sweep = container_of(timer, struct sweep, timer);
	struct pool *pool = sweep->on_pool(sweep);

	arena_reset(&sweep->arena);
	buf_clear(&sweep->out);
	sweep->call = (struct call){
		.kind = CALL_COMMAND,
		.statement = idempotency_sweep(),
		.arena = &sweep->arena,
		.out = &sweep->out,
		.on_done = sweep_on_done,
	};
	if (!pool || !pool_submit(pool, &sweep->call)) {
		sweep_again(sweep, SWEEP_EVERY_US);
		return;
	}
	sweep->pool = pool;
}
