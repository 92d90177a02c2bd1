/* SPDX-License-Identifier: Apache-2.0 */
/* Part of a pool: what becomes of its conns, as struct conn_owner (pg/wire/conn.h) has it said. */
#include "base/log.h"
#include "pg/admission/core_reserve.h"
#include "pg/admission/estimate.h"
#include "pg/capacity.h"
#include "pg/janitor.h"
#include "pg/pool.h"
#include "pg/pool_private.h"
#include "pg/wire/plan_stream.h"

#include <stdio.h>
#include <string.h>

void pool_set_error(struct pool *pool, const char *message)
{
	size_t len = strcspn(message, "\n");

	snprintf(pool->last_error, sizeof(pool->last_error), "%.*s", (int)len, message);
}

void pool_resume_streams(struct pool *pool)
{
	if (!pool->resuming)
		return;
	pool->resuming = false;
	for (unsigned i = 0; i < pool->conns_count; i++)
		plan_stream_go_on(&pool->conns[i]);
}

static void pool_on_conn_event(struct conn *conn)
{
	pool_hold(conn->pool);
}

static void pool_on_conn_event_over(struct conn *conn)
{
	pool_deliver(conn->pool);
}

/* Calls that waited for the lane's first conn have waited for that, and not for a conn to be free:
 * until now. */
static void pool_on_conn_ready(struct conn *conn)
{
	struct pool *pool = conn->pool;
	struct lane *lane = conn->lane;

	/* RESET ALL, which groups need, would lose them. */
	if (conn->settings == SETTINGS_BY_SQL)
		pool->settings.group_max = 1;
	if (lane->rule->conns != LANE_CONNS_UNUSED && !lane_made(lane)) {
		lane->opened_us = loop_now(pool->loop);
		janitor_want(pool, lane->opened_us + pool->settings.queue_wait_us);
	}
	log_with(pool->janitor.failures ? LOG_INFO : LOG_DEBUG, "pg",
		 LOG_FIELDS({ "node", pool->node->name }), "connected to %s, %s", pool->node->name,
		 conn->read_only ? "for queries" : "for commands");
	janitor_on_success(pool);
}

static void pool_give_core_back(struct conn *conn)
{
	if (conn->holds_core)
		core_reserve_give_back(conn->pool->node->core_reserve);
	conn->holds_core = false;
}

/* Its time is charged to those whose calls it held. */
static void pool_charge(struct conn *conn)
{
	struct pool *pool = conn->pool;
	const struct batch *batch = &conn->batch;
	int64_t now_us = loop_now(pool->loop), batch_us = now_us - batch->sent_us;

	for (unsigned i = 0; i < batch->slots_count; i++) {
		const struct call *call = batch->slots[i].call;

		if (call && call->statement)
			admission_charge(&pool->admission, &call->ticket,
					 batch->slots_count > 1 ? estimate_us(call->statement)
								: batch_us,
					 now_us);
	}
	if (pool->concurrency.kind == CONCURRENCY_ADAPTIVE && batch->kind != CALL_DESCRIBE &&
	    !conn->lane->rule->unlimited)
		concurrency_took(&pool->concurrency, batch_us, batch->slots_count,
				 capacity_out(pool), now_us);
}

static void pool_share_jobs(struct conn *conn)
{
	struct pool *pool = conn->pool;
	int64_t now_us = loop_now(pool->loop);

	job_share_took(&pool->job_share, now_us - conn->batch.sent_us, conn->lane->size, now_us);
}

static void pool_on_batch_answered(struct conn *conn)
{
	pool_charge(conn);
	if (conn->lane->kind == LANE_JOBS)
		pool_share_jobs(conn);
	pool_give_core_back(conn);
}

static void pool_on_call_end(struct conn *conn, struct call *call, enum call_end end,
			     const char *lost_reason)
{
	conn->pool->in_flight--;
	pool_end(conn->pool, call, end, lost_reason);
}

static void pool_on_call_again(struct conn *conn, struct call *call)
{
	conn->pool->in_flight--;
	pool_again(conn->pool, call);
}

static void pool_on_conn_rest(struct conn *conn)
{
	if (!lane_fits(conn->lane, conn->read_only))
		conn_close(conn, closing_unused(POOL_LANE_CHANGED));
	else if (conn->lane->rule->conns == LANE_CONNS_ON_DEMAND)
		janitor_close_idle(conn);
}

static void pool_on_conn_error(struct conn *conn, const char *message)
{
	pool_set_error(conn->pool, message);
}

static void pool_on_conn_closed(struct conn *conn, const struct closing *closing)
{
	struct pool *pool = conn->pool;

	pool_give_core_back(conn);
	janitor_want(pool, loop_now(pool->loop));
	if (closing->early)
		janitor_on_failure(pool);
	if (closing->cause == CLOSING_REFUSED)
		janitor_on_refusal(pool, closing->starting, conn->opened_us);
}

static void pool_on_conn_due(struct conn *conn, int64_t due_us)
{
	janitor_want(conn->pool, due_us);
}

static bool pool_submit_of_conn(struct conn *conn, struct call *call)
{
	return pool_submit(conn->pool, call);
}

static void pool_forget_of_conn(struct conn *conn, struct call *call)
{
	pool_forget(conn->pool, call);
}

const struct conn_owner pool_owner = {
	.hold = pool_on_conn_event,
	.deliver = pool_on_conn_event_over,
	.on_ready = pool_on_conn_ready,
	.on_answered = pool_on_batch_answered,
	.on_result_end = pool_on_call_end,
	.on_again = pool_on_call_again,
	.on_rest = pool_on_conn_rest,
	.on_error = pool_on_conn_error,
	.on_closed = pool_on_conn_closed,
	.want = pool_on_conn_due,
	.submit = pool_submit_of_conn,
	.forget = pool_forget_of_conn,
};
