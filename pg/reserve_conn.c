/* SPDX-License-Identifier: Apache-2.0 */
/* Late is later than expected by what makes a statement slow. */
#include "pg/reserve_conn.h"

#include "pg/admission/estimate.h"
#include "pg/inside.h"
#include "pg/wire/batch.h"

bool reserve_conn_is_due(const struct pool *pool)
{
	int64_t late_us = loop_now(pool->loop) - ESTIMATE_SLOW_US;

	for (unsigned i = 0; i < pool->lane_size[LANE_QUICK]; i++) {
		const struct conn *conn = &pool->conns[i];

		if (conn->state != CONN_BUSY && conn->state != CONN_CANCELING)
			return false;
		if (conn->state == CONN_BUSY && batch_expected_us(conn) > late_us)
			return false;
	}
	return true;
}

void reserve_conn_watch(struct pool *pool)
{
	if (!list_empty(&pool->queue[LANE_QUICK]) && !reserve_conn_is_due(pool))
		janitor_want(pool, loop_now(pool->loop) + ESTIMATE_SLOW_US);
}
