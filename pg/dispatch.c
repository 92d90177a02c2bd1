/* SPDX-License-Identifier: Apache-2.0 */
/* By lane, and in a lane the first of its conns first. */
#include "pg/dispatch.h"

#include "base/clock.h"
#include "base/limits.h"
#include "pg/admission/core_reserve.h"
#include "pg/admission/estimate.h"
#include "pg/capacity.h"
#include "pg/departure.h"
#include "pg/janitor.h"
#include "pg/jobs.h"
#include "pg/pool_private.h"
#include "pg/reserve_conn.h"
#include "pg/wire/connect.h"
#include "pg/wire/plan.h"

#include <assert.h>

#define DISPATCH_CORE_CHECK_US (5 * US_PER_MS) /* whether another loop's long query is over */

/* --- what an idle conn takes ----------------------------------------------------------------- */

static bool dispatch_group_is_out(const struct pool *pool)
{
	for (unsigned i = 0; i < pool->conns_count; i++)
		if (pool->conns[i].state == CONN_BUSY &&
		    pool->conns[i].batch.plan->kind == PLAN_GROUP)
			return true;
	return false;
}

/* Commands that may join the next group wait while a group is on its way; the others do not. */
static struct lane *dispatch_commands(struct pool *pool)
{
	struct lane *commands = &pool->lanes[LANE_COMMAND], *group = &pool->lanes[LANE_GROUP];

	return list_empty(&group->queue) || dispatch_group_is_out(pool)
		       ? commands
		       : lane_older(commands, group);
}

static struct lane *dispatch_slow(struct pool *pool)
{
	struct lane *slow = &pool->lanes[LANE_SLOW], *of_long = &pool->lanes[LANE_LONG];

	return list_empty(&of_long->queue) || capacity_holds_long_back(pool)
		       ? slow
		       : lane_older(slow, of_long);
}

/*
 * What an idle conn takes. Slow calls are welcome on conns for quick ones as long as the first of
 * these stays free for quick calls, or none of them came lately.
 */
static struct lane *dispatch_work(struct pool *pool, const struct conn *conn)
{
	struct lane *lane = conn->lane, *quick = &pool->lanes[LANE_QUICK];

	switch (lane->kind) {
	case LANE_QUICK:
		return capacity_travels_on(pool, &pool->lanes[LANE_SLOW], conn)
			       ? lane_older(lane, dispatch_slow(pool))
			       : lane;
	case LANE_SLOW:
		lane = dispatch_slow(pool);
		return list_empty(&lane->queue) && reserve_conn_is_due(pool) ? quick : lane;
	case LANE_RESERVE:
		return reserve_conn_is_due(pool) ? quick : lane;
	case LANE_COMMAND:
		return dispatch_commands(pool);
	case LANE_LONG:
	case LANE_GROUP:
	case LANE_STREAM:
	case LANE_JOBS:
	case LANE_NONE:
	case LANES:
		break;
	}
	return lane;
}

/* --- which conns are opened ------------------------------------------------------------------ */

/* Calls that wait for a conn of a lane whose conns are opened on demand. */
static size_t dispatch_demand(const struct pool *pool, const struct lane *lane)
{
	if (lane->kind != LANE_RESERVE)
		return lane->queue.count;
	return reserve_conn_is_due(pool) ? pool->lanes[LANE_QUICK].queue.count : 0;
}

/*
 * A node whose role is known keeps all its conns open, so that no call waits for a dial; one that
 * is not known yet gets one more while calls wait and no conn is about to take them. Conns for
 * streams are opened one by one for the streams that wait, the reserve when it is due.
 */
static bool dispatch_lacks_conn(struct pool *pool, const struct conn *conn)
{
	const struct lane *lane = conn->lane;
	unsigned coming = lane->counts.in[CONN_IDLE] + lane_opening(lane);

	switch (lane->rule->conns) {
	case LANE_CONNS_KEPT:
		return pool->role != NODE_UNKNOWN ||
		       (!coming && !list_empty(&dispatch_work(pool, conn)->queue));
	case LANE_CONNS_ON_DEMAND:
		return dispatch_demand(pool, lane) > coming;
	case LANE_CONNS_UNUSED:
		return false;
	}
	assert(!"when conns are open");
	return false;
}

void dispatch_open(struct pool *pool)
{
	for (enum lane_kind kind = 0; kind < LANE_NONE; kind++) {
		struct lane *lane = &pool->lanes[kind];

		for (unsigned i = 0; i < lane->size && lane->counts.in[CONN_CLOSED]; i++)
			if (lane->conns[i].state == CONN_CLOSED &&
			    dispatch_lacks_conn(pool, &lane->conns[i]) && janitor_may_dial(pool))
				connect_open(&lane->conns[i], !lane->rule->writes);
	}
}

/* --- who leaves ------------------------------------------------------------------------------ */

/* One that has been out for long waits for something else than a core. */
static bool dispatch_is_at_work(const struct batch *batch, int64_t now_us)
{
	return now_us - batch->sent_us < JOBS_TURN_US_MAX;
}

static bool dispatch_is_lone(const struct batch *batch)
{
	const struct call *claim = batch->slots[0].call;

	return claim && claim->jobs->lone;
}

struct dispatch_jobs {
	unsigned out;
	bool at_work;
};

/* Quick jobs do not wait for lone ones, which are slow; lone ones wait for all. */
static struct dispatch_jobs dispatch_jobs_before(const struct pool *pool, const struct call *call)
{
	const struct lane *lane = &pool->lanes[LANE_JOBS];
	int64_t now_us = loop_now(pool->loop);
	struct dispatch_jobs jobs = { 0 };

	for (unsigned i = 0; i < lane->size; i++) {
		const struct conn *conn = &lane->conns[i];

		if (conn->state != CONN_BUSY ||
		    (!call->jobs->lone && dispatch_is_lone(&conn->batch)))
			continue;
		jobs.out++;
		jobs.at_work |= dispatch_is_at_work(&conn->batch, now_us);
	}
	return jobs;
}

/* Behind commands, which have left already in this turn, and only where there is room; but for
 * their share. */
static bool dispatch_may_send_jobs(const struct pool *pool, const struct call *call)
{
	int64_t now_us = loop_now(pool->loop);
	struct dispatch_jobs jobs;

	if (job_share_is_due(&pool->job_share, now_us))
		return true;
	jobs = dispatch_jobs_before(pool, call);
	if (!job_share_is_alone(&pool->job_share, now_us) &&
	    (jobs.at_work || !job_share_is_rested(&pool->job_share, now_us)))
		return false;
	return list_empty(&pool->lanes[LANE_COMMAND].queue) &&
	       list_empty(&pool->lanes[LANE_GROUP].queue) &&
	       concurrency_allows(&pool->concurrency, capacity_out(pool) + jobs.out);
}

/* The first that may leave; NULL: none. */
static struct call *dispatch_next_jobs(const struct pool *pool)
{
	list_each (&pool->lanes[LANE_JOBS].queue, it) {
		struct call *call = container_of(it, struct call, ticket.link);

		if (dispatch_may_send_jobs(pool, call))
			return call;
	}
	return NULL;
}

static bool dispatch_may_send(const struct pool *pool, const struct conn *conn,
			      const struct lane *work)
{
	if (list_empty(&work->queue))
		return false;
	if (work->kind == LANE_JOBS)
		return dispatch_next_jobs(pool) != NULL;
	return capacity_allows(pool, conn, work);
}

/* To the head of their queue, which leaves. */
static void dispatch_put_jobs_first(struct pool *pool)
{
	struct list *queue = &pool->lanes[LANE_JOBS].queue;
	struct call *call = dispatch_next_jobs(pool);

	assert(call);
	list_remove(queue, &call->ticket.link);
	list_prepend(queue, &call->ticket.link);
}

/* For the first of the long ones, which leaves on that conn. False: there is no core for it after
 * all. */
static bool dispatch_takes_core(struct pool *pool, struct conn *conn)
{
	int64_t now_us = loop_now(pool->loop);
	bool is_due = core_reserve_is_due(&pool->lanes[LANE_LONG].queue, now_us);

	conn->holds_core =
		core_reserve_take(pool->node->core_reserve, pool->settings.cores, is_due, now_us);
	return conn->holds_core;
}

static void dispatch_send_on(struct pool *pool, struct conn *conn)
{
	struct lane *work = dispatch_work(pool, conn);

	if (!dispatch_may_send(pool, conn, work))
		return;
	/* Another loop may have been quicker. */
	if (work->kind == LANE_LONG && !dispatch_takes_core(pool, conn)) {
		work = conn->lane;
		if (!dispatch_may_send(pool, conn, work))
			return;
	}
	if (work->kind == LANE_JOBS)
		dispatch_put_jobs_first(pool);
	departure_send(conn, work);
}

/* The conns of a lane take what waits for them. */
static void dispatch_send_lane(struct pool *pool, struct lane *lane)
{
	for (unsigned i = 0; i < lane->size && lane->counts.in[CONN_IDLE]; i++)
		if (lane->conns[i].state == CONN_IDLE)
			dispatch_send_on(pool, &lane->conns[i]);
}

/* Long ones that could leave but for the core that is reserved are not refused for it. */
static void dispatch_mark_reserved(struct pool *pool)
{
	struct lane *lane = &pool->lanes[LANE_LONG];
	unsigned ready;

	if (!capacity_holds_long_back(pool))
		return;
	ready = capacity_of(pool, lane).ready;
	if (ready)
		janitor_want(pool, loop_now(pool->loop) + DISPATCH_CORE_CHECK_US);
	core_reserve_mark(&lane->queue, ready);
}

/* When conns that serve one lane may take the calls of another. */
static void dispatch_watch(struct pool *pool)
{
	if ((!list_empty(&pool->lanes[LANE_SLOW].queue) ||
	     !list_empty(&pool->lanes[LANE_LONG].queue)) &&
	    !capacity_quick_is_past(pool))
		janitor_want(pool, pool->quick_us + CORE_RESERVE_LATELY_US);
	if (reserve_conn_is_near(pool))
		janitor_want(pool, loop_now(pool->loop) + ESTIMATE_SLOW_US);
	if (!list_empty(&pool->lanes[LANE_JOBS].queue) &&
	    !job_share_is_due(&pool->job_share, loop_now(pool->loop)))
		janitor_want(pool, job_share_next_us(&pool->job_share, loop_now(pool->loop)));
}

void dispatch_send(struct pool *pool)
{
	dispatch_send_lane(pool, &pool->lanes[LANE_COMMAND]);
	for (enum lane_kind kind = 0; kind < LANE_NONE; kind++)
		if (kind != LANE_COMMAND)
			dispatch_send_lane(pool, &pool->lanes[kind]);
	dispatch_mark_reserved(pool);
	dispatch_watch(pool);
}
