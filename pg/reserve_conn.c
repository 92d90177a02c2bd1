/* SPDX-License-Identifier: Apache-2.0 */
/* Late is later than expected by what makes a statement slow. */
#include "pg/reserve_conn.h"

#include "pg/admission/estimate.h"
#include "pg/pool_private.h"
#include "pg/wire/batch.h"
#include "pg/wire/conn.h"

bool reserve_conn_is_due(const struct pool *pool)
{
	const struct lane *quick = &pool->lanes[LANE_QUICK];
	int64_t late_us = loop_now(pool->loop) - ESTIMATE_SLOW_US;

	if (quick->counts.in[CONN_BUSY] + quick->counts.in[CONN_CANCELING] < quick->size)
		return false;
	for (unsigned i = 0; i < quick->size; i++)
		if (quick->conns[i].state == CONN_BUSY &&
		    batch_expected_us(&quick->conns[i].batch) > late_us)
			return false;
	return true;
}

bool reserve_conn_is_near(const struct pool *pool)
{
	return !list_empty(&pool->lanes[LANE_QUICK].queue) && !reserve_conn_is_due(pool);
}
