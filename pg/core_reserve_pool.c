/* SPDX-License-Identifier: Apache-2.0 */
/* Whoever could leave but for the spared core is marked, looks every few ms, and expires later. */
#include "pg/core_reserve_pool.h"

#include "base/clock.h"
#include "pg/admission/core_reserve.h"
#include "pg/inside.h"

#define CORE_RESERVE_CHECK_US (5 * US_PER_MS) /* whether another loop's long query is over */

/* One of the long ones has waited as long as it is held back: then the first of them leaves. */
static bool core_reserve_is_due(const struct pool *pool)
{
	list_each (&pool->queue[LANE_LONG], it) {
		const struct call *call = container_of(it, struct call, link);

		if (loop_now(pool->loop) - call->waits_since_us >=
		    core_reserve_wait_us(call->statement))
			return true;
	}
	return false;
}

bool core_reserve_holds_back(const struct pool *pool)
{
	return !core_reserve_allows(pool->node->core_reserve, pool->settings.cores,
				    loop_now(pool->loop)) &&
	       !core_reserve_is_due(pool);
}

bool core_reserve_takes(struct conn *conn)
{
	struct pool *pool = conn->pool;

	conn->holds_core = core_reserve_take(pool->node->core_reserve, pool->settings.cores,
					     core_reserve_is_due(pool), loop_now(pool->loop));
	return conn->holds_core;
}

void core_reserve_release(struct conn *conn)
{
	if (conn->holds_core)
		core_reserve_give_back(conn->pool->node->core_reserve);
	conn->holds_core = false;
}

void core_reserve_mark(struct pool *pool)
{
	unsigned room;

	if (list_empty(&pool->queue[LANE_LONG]) || !core_reserve_holds_back(pool))
		return;
	room = pool_ready(pool, LANE_LONG);
	if (room)
		janitor_want(pool, loop_now(pool->loop) + CORE_RESERVE_CHECK_US);
	list_each (&pool->queue[LANE_LONG], it) {
		if (!room--)
			return;
		container_of(it, struct call, link)->waits_for_core = true;
	}
}

int64_t core_reserve_waited_us(const struct call *call, int64_t now_us)
{
	int64_t waited_us = now_us - call->waits_since_us;

	if (!call->waits_for_core)
		return waited_us;
	waited_us -= core_reserve_wait_us(call->statement);
	return waited_us > 0 ? waited_us : 0;
}
