/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The calls of a pool, from pool_submit to on_done; its own life is pool_life.c. Calls end in two
 * steps: what ends them puts them on the list of the done, and the outermost frame calls on_done
 * for them, so that on_done may submit, forget and free.
 */
#include "pg/pool.h"

#include "base/control.h"
#include "pg/admission/core_reserve.h"
#include "pg/admission/estimate.h"
#include "pg/capacity.h"
#include "pg/coalesce.h"
#include "pg/janitor.h"
#include "pg/pool_private.h"
#include "pg/wire/carry.h"
#include "pg/wire/lookup.h"
#include "pg/wire/plan_group.h"
#include "pg/wire/plan_stream.h"
#include "pg/wire/rows.h"

#include <assert.h>
#include <stdlib.h>

/* --- into a queue ---------------------------------------------------------------------------- */

static bool pool_reserves_core(const struct pool *pool)
{
	return pool->settings.cores && pool->settings.concurrency != CONCURRENCY_OFF;
}

static enum lane_kind pool_kind_of(const struct pool *pool, const struct call *call)
{
	switch (call->kind) {
	case CALL_COMMAND:
		return plan_group_welcomes(pool->settings.group_max, call) ? LANE_GROUP
									   : LANE_COMMAND;
	case CALL_PROBE:
		return LANE_QUICK;
	case CALL_JOBS:
		return LANE_JOBS;
	case CALL_DESCRIBE:
		return LANE_SLOW;
	case CALL_QUERY:
		if (call->on_rows)
			return LANE_STREAM;
		if (!estimate_is_slow(call->statement))
			return LANE_QUICK;
		return pool_reserves_core(pool) && core_reserve_is_long(call->statement)
			       ? LANE_LONG
			       : LANE_SLOW;
	}
	assert(!"a kind of call");
	return LANE_QUICK;
}

static struct lane *pool_lane_of(struct pool *pool, const struct call *call)
{
	return &pool->lanes[pool_kind_of(pool, call)];
}

static void pool_check(const struct call *call)
{
	assert(call->on_done);
	assert(call->arena);
	assert(!list_linked(&call->ticket.link));
	assert(!call->conn);
	if (call->kind == CALL_PROBE)
		return;
	assert(call->statement);
	assert(call->statement->id != 0);
	if (call->kind == CALL_DESCRIBE)
		return;
	assert((call->kind == CALL_JOBS) == (call->jobs != NULL));
	assert(call->out);
	assert(statement_shape(call->statement));
	assert(call->values || call->statement->params == 0);
}

/* The call leaves its queue or conn: those that follow it go on in its place. */
static void pool_hand_over(struct pool *pool, struct call *call)
{
	struct call *next = coalesce_succeed(&pool->coalesce, call);
	struct lane *lane;

	if (!next)
		return;
	if (call->conn && coalesce_is_intact(call)) {
		carry_hand_over(call->conn, call, next);
		return;
	}
	if (call->conn) {
		pool_again(pool, next);
		return;
	}
	lane = pool_lane_of(pool, next);
	next->list = &lane->queue;
	if (next->ticket.placements)
		list_prepend(&lane->queue, &next->ticket.link);
	else
		admission_enqueue_late(&lane->admission, &next->ticket);
	janitor_want(pool, next->ticket.waits_since_us + pool->settings.queue_wait_us);
}

/* Its place is taken by another call. Where the queue is full those that follow it, which are no
 * more urgent, have none either. */
static void pool_displace(struct pool *pool, struct lane *lane, struct ticket *ticket)
{
	struct call *call = container_of(ticket, struct call, ticket);

	if (lane->queue.count < pool->admission.queue_max)
		pool_hand_over(pool, call);
	call->refusal = REFUSAL_SHED;
	pool_end(pool, call, CALL_UNSENT, "displaced by a more urgent request");
}

static bool pool_admits(struct pool *pool, struct lane *lane, struct call *call)
{
	int64_t now_us = loop_now(pool->loop);
	struct ticket *displaced = NULL;
	enum verdict verdict;

	if (call->kind == CALL_PROBE)
		return true;
	if (lane->rule->one_per_conn)
		return lane->queue.count + lane->counts.in[CONN_BUSY] < lane->size;
	verdict = admission_screen(&lane->admission, &call->ticket, now_us);
	if (verdict == VERDICT_DEPENDS) {
		struct capacity capacity = capacity_of(pool, lane);

		verdict = admission_admits(&lane->admission, &call->ticket, &capacity, now_us,
					   &displaced);
	}
	if (verdict == VERDICT_DISPLACES)
		pool_displace(pool, lane, displaced);
	call->refusal = verdict == VERDICT_SHED ? REFUSAL_SHED : REFUSAL_NONE;
	return verdict == VERDICT_ADMITTED || verdict == VERDICT_DISPLACES;
}

static void pool_enqueue(struct pool *pool, struct lane *lane, struct call *call)
{
	call->list = &lane->queue;
	admission_enqueue(&lane->admission, &call->ticket);
	janitor_want(pool, call->ticket.waits_since_us + pool->settings.queue_wait_us);
}

/* It goes with one that waits, at no cost, and admission is not asked. */
static bool pool_joins(struct pool *pool, struct call *call)
{
	return call->coalesces && coalesce_join(&pool->coalesce, call);
}

static void pool_queue(struct pool *pool, struct lane *lane, struct call *call)
{
	call_move(call, CALL_QUEUED);
	if (!call->leader) {
		pool_enqueue(pool, lane, call);
		if (call->coalesces)
			coalesce_offer(&pool->coalesce, call);
	} else if (!CONTROL_QUEUED && call->leader->state == CALL_OUT) {
		call_move(call, CALL_OUT);
		call->sent_us = call->queued_us;
	}
}

bool pool_submit(struct pool *pool, struct call *call)
{
	struct ticket *ticket = &call->ticket;
	struct lane *lane;

	pool_check(call);
	call->refusal = REFUSAL_NONE;
	call->company = COMPANY_WELCOME;
	ticket->statement = call->statement;
	ticket->waits_for_core = false;
	ticket->rank = 0;
	lane = pool_lane_of(pool, call);
	if (pool->ended || !(pool_joins(pool, call) || pool_admits(pool, lane, call)))
		return false;
	call->pool = pool;
	call_begin(call);
	ticket->placements = 0;
	if (lane->kind == LANE_QUICK) {
		pool->quick_us = loop_now(pool->loop);
		if (ticket->priority.asked)
			core_reserve_quick(pool->node->core_reserve, pool->quick_us);
	}
	call->queued_us = ticket->waits_since_us = loop_now(pool->loop);
	pool_queue(pool, lane, call);
	return true;
}

/* --- out of a queue -------------------------------------------------------------------------- */

void pool_forget(struct pool *pool, struct call *call)
{
	struct conn *conn;

	assert(call->pool == pool);
	if (call->company == COMPANY_KEYED)
		lookup_forget(call->leader ? call->leader->conn : call->conn, call);
	if (call->leader)
		coalesce_leave(call);
	pool_hand_over(pool, call);
	coalesce_withdraw(&pool->coalesce, call);
	conn = call->conn;
	if (call->list)
		list_remove(call->list, &call->ticket.link);
	if (call->state != CALL_AT_MAKER)
		call_move(call, CALL_AT_MAKER);
	call->list = NULL;
	call->conn = NULL;
	if (!conn)
		return;
	pool->in_flight--;
	carry_forget(conn, call);
}

void pool_go_on(struct pool *pool, struct call *call)
{
	assert(call->pool == pool);
	if (call->conn && plan_stream_on_taken(call->conn))
		pool->resuming = true;
}

void pool_sort_again(struct pool *pool, struct lane *lane)
{
	struct list *queue = &lane->queue;
	struct list_link *next;

	for (struct list_link *it = queue->head.next; it != &queue->head; it = next) {
		struct call *call = container_of(it, struct call, ticket.link);
		struct lane *other = pool_lane_of(pool, call);

		next = it->next;
		if (other == lane)
			continue;
		list_remove(queue, it);
		/* It waits like others, from now on. */
		if (call->ticket.waits_for_core)
			call->ticket.waits_since_us = loop_now(pool->loop);
		call->ticket.waits_for_core = false;
		pool_enqueue(pool, other, call);
	}
}

void pool_end_tickets(struct pool *pool, struct list *tickets, bool expired, const char *reason)
{
	struct list_link *link;

	while ((link = list_take_first(tickets))) {
		struct call *call = container_of(link, struct call, ticket.link);

		call->list = NULL;
		pool_hand_over(pool, call);
		call->refusal = expired ? REFUSAL_EXPIRED : REFUSAL_SHED;
		pool_end(pool, call, CALL_UNSENT, reason);
	}
}

void pool_end_queue(struct pool *pool, struct lane *lane, const char *reason)
{
	while (!list_empty(&lane->queue))
		pool_end(pool, container_of(list_first(&lane->queue), struct call, ticket.link),
			 CALL_UNSENT, reason);
}

void pool_drop_late(struct pool *pool)
{
	struct list late;

	list_init(&late);
	for (enum lane_kind kind = 0; kind < LANES; kind++)
		if (!list_empty(&pool->lanes[kind].queue) && !pool->lanes[kind].rule->one_per_conn)
			admission_take_late(&pool->lanes[kind].admission, loop_now(pool->loop),
					    &late);
	pool_end_tickets(pool, &late, false, "it waited too long to be served");
}

/* --- the end of calls ------------------------------------------------------------------------ */

static void pool_take_back(struct call *call)
{
	if (call->out && call->state != CALL_STREAMING && call->out->len > call->out_start)
		call->out->len = call->out_start;
}

static void pool_end_one(struct pool *pool, struct call *call, enum call_end end,
			 const char *lost_reason)
{
	assert(call->pool == pool);
	assert(!call->conn);
	if (call->list)
		list_remove(call->list, &call->ticket.link);
	if (call->company == COMPANY_KEYED && end == CALL_OK && rows_are_too_many(call))
		end = CALL_TOO_LARGE;
	if (end != CALL_OK)
		pool_take_back(call);
	call_move(call, CALL_ENDED);
	call->end = end;
	call->lost_reason = lost_reason;
	call->done_us = loop_now(pool->loop);
	call->list = &pool->done;
	/* Batches end last call first; they are reported in the order in which they came. */
	list_prepend(&pool->done, &call->ticket.link);
}

void pool_end(struct pool *pool, struct call *call, enum call_end end, const char *lost_reason)
{
	struct call *follower;

	coalesce_withdraw(&pool->coalesce, call);
	while ((follower = coalesce_take(call))) {
		coalesce_share(call, follower, end == CALL_OK);
		pool_end_one(pool, follower, end, lost_reason);
	}
	pool_end_one(pool, call, end, lost_reason);
}

static void pool_again_one(struct pool *pool, struct call *call)
{
	assert(!call->list);
	assert(!call->conn);
	if (call->ticket.placements > CALL_PLACEMENTS_MAX) {
		pool_end(pool, call, CALL_LOST, "it was placed too often");
		return;
	}
	if (call->state == CALL_STREAMING) {
		pool_end(pool, call, CALL_LOST, "a stream cannot be begun again");
		return;
	}
	call_take_back(call);
	call_move(call, CALL_QUEUED);
	if (call->company == COMPANY_KEYED)
		call->company = COMPANY_WELCOME;
	call->ticket.waits_for_core = false;
	call->ticket.waits_since_us = loop_now(pool->loop);
	coalesce_again(call, call->ticket.waits_since_us);
	call->list = &pool_lane_of(pool, call)->queue;
	list_prepend(call->list, &call->ticket.link);
	janitor_want(pool, call->ticket.waits_since_us + pool->settings.queue_wait_us);
}

void pool_again(struct pool *pool, struct call *call)
{
	struct call *follower;

	/* Those that broke together wait each for itself, in their order. */
	while (call->company == COMPANY_NONE && (follower = coalesce_take(call))) {
		follower->company = COMPANY_NONE;
		follower->ticket.rank = call->ticket.rank;
		pool_again_one(pool, follower);
	}
	pool_again_one(pool, call);
}

void pool_hold(struct pool *pool)
{
	pool->holds++;
}

static void pool_bury(struct pool *pool)
{
	for (unsigned i = 0; i < pool->conns_count; i++)
		conn_fini(&pool->conns[i]);
	lanes_fini(pool->lanes);
	free(pool->conns);
	free(pool);
}

void pool_deliver(struct pool *pool)
{
	struct list_link *link;

	assert(pool->holds > 0);
	while ((link = list_take_first(&pool->done))) {
		struct call *call = container_of(link, struct call, ticket.link);

		call->list = NULL;
		call_move(call, CALL_AT_MAKER);
		call->on_done(call);
	}
	if (--pool->holds == 0 && pool->ended)
		pool_bury(pool);
}

bool pool_has_room(const struct pool *pool)
{
	for (enum lane_kind kind = 0; kind < LANES; kind++)
		if (kind != LANE_JOBS && !list_empty(&pool->lanes[kind].queue))
			return false;
	return capacity_of(pool, &pool->lanes[LANE_QUICK]).ready > 0;
}

unsigned pool_load(const struct pool *pool)
{
	size_t load = pool->in_flight;

	for (enum lane_kind kind = 0; kind < LANES; kind++)
		load += pool->lanes[kind].queue.count;
	return (unsigned)load;
}
