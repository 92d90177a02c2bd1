/* SPDX-License-Identifier: Apache-2.0 */
/* Whoever could leave but for the spared core is marked, looks every few ms, and expires later. */
#include "pg/held.h"

#include "base/clock.h"
#include "pg/inside.h"
#include "pg/spare.h"

#define HELD_LOOK_US (5 * US_PER_MS) /* whether another loop's long query is over */

/* One of the long ones has waited as long as it is held back: then the first of them leaves. */
static bool held_is_due(const struct pool *pool)
{
	list_each (&pool->queue[LANE_LONG], it) {
		const struct call *call = container_of(it, struct call, link);

		if (loop_now(pool->loop) - call->waits_since_us >= spare_wait_us(call->statement))
			return true;
	}
	return false;
}

bool held_back(const struct pool *pool)
{
	return !spare_allows(pool->node->spare, pool->settings.cores, loop_now(pool->loop)) &&
	       !held_is_due(pool);
}

bool held_takes_core(struct conn *conn)
{
	struct pool *pool = conn->pool;

	conn->holds_core = spare_take(pool->node->spare, pool->settings.cores, held_is_due(pool),
				      loop_now(pool->loop));
	return conn->holds_core;
}

void held_mark(struct pool *pool)
{
	unsigned room;

	if (list_empty(&pool->queue[LANE_LONG]) || !held_back(pool))
		return;
	room = pool_ready(pool, LANE_LONG);
	if (room)
		janitor_want(pool, loop_now(pool->loop) + HELD_LOOK_US);
	list_each (&pool->queue[LANE_LONG], it) {
		if (!room--)
			return;
		container_of(it, struct call, link)->held = true;
	}
}

int64_t held_waited_us(const struct call *call, int64_t now_us)
{
	int64_t waited_us = now_us - call->waits_since_us;

	if (!call->held)
		return waited_us;
	waited_us -= spare_wait_us(call->statement);
	return waited_us > 0 ? waited_us : 0;
}
