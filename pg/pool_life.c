/* SPDX-License-Identifier: Apache-2.0 */
/* Part of a pool: how it is made, the role of its node, its turns, and its end. */
#include "base/clock.h"
#include "pg/dispatch.h"
#include "pg/janitor.h"
#include "pg/pool.h"
#include "pg/pool_private.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define POOL_CONNS_MIN_PRIMARY 2 /* one may write, one may not */

static void pool_share_out(struct pool *pool);
static void pool_on_turn(struct loop_hook *hook);
static void pool_on_due(struct loop_timer *timer);
static void pool_end_all(struct pool *pool, const char *reason);

struct pool *pool_new(struct loop *loop, const struct node *node, struct metrics *metrics,
		      const struct pool_settings *settings)
{
	struct pool *pool = calloc(1, sizeof(*pool));

	assert(pool);
	assert(settings->conns_max > 0);
	assert(settings->queue_max > 0);
	pool->loop = loop;
	pool->node = node;
	pool->metrics = metrics;
	pool->settings = *settings;
	pool->admission.metrics = metrics;
	pool->admission.queue_max = settings->queue_max;
	pool->admission.wait_us = settings->queue_wait_us;
	pool->admission.off = settings->concurrency == CONCURRENCY_OFF;
	pool->coalesce.timeout_us = settings->statement_timeout_us;
	lanes_init(pool->lanes, &pool->admission);
	list_init(&pool->done);
	pool->conns_count = settings->conns_max < POOL_CONNS_MIN_PRIMARY ? POOL_CONNS_MIN_PRIMARY
									 : settings->conns_max;
	pool->conns_count += settings->streams_max + settings->jobs_max + 1;
	pool->home = (struct conn_home){
		.owner = &pool_owner,
		.loop = loop,
		.node = node,
		.metrics = metrics,
		.counts = &pool->counts,
		.connect_timeout_us = settings->connect_timeout_us,
		.answer_timeout_us = settings->answer_timeout_us,
		.statement_timeout_us = settings->statement_timeout_us,
	};
	pool->conns = calloc(pool->conns_count, sizeof(*pool->conns));
	assert(pool->conns);
	for (unsigned i = 0; i < pool->conns_count; i++)
		conn_init(&pool->conns[i], &pool->home, pool);
	pool_share_out(pool);
	concurrency_init(&pool->concurrency, settings->concurrency, settings->concurrency_fixed,
			 settings->concurrency_floor, settings->conns_max);
	pool->reconnect = settings->watches ? &pool->own_reconnect : node->reconnect;
	pool->hook.on_turn = pool_on_turn;
	loop_hook_add(loop, &pool->hook, LOOP_STAGE_SEND);
	janitor_init(pool, pool_on_due);
	return pool;
}

void pool_free(struct pool *pool)
{
	assert(!pool->ended);
	pool_hold(pool);
	for (unsigned i = 0; i < pool->conns_count; i++)
		if (pool->conns[i].state != CONN_CLOSED)
			conn_close(&pool->conns[i], closing_unused("the pool is closed"));
	pool_end_all(pool, "the pool is closed");
	pool->ended = true;
	janitor_fini(pool);
	loop_hook_remove(pool->loop, &pool->hook, LOOP_STAGE_SEND);
	pool_deliver(pool);
}

/* --- lanes ----------------------------------------------------------------------------------- */

/* All conns go to the lanes of the node's role, in whatever state they are. */
static void pool_share_out(struct pool *pool)
{
	bool primary = pool->role == NODE_PRIMARY;
	struct lane_sizes sizes = { .queries = pool->settings.conns_max,
				    .streams = pool->settings.streams_max,
				    .jobs = pool->settings.jobs_max };
	struct conn *conn = pool->conns;

	if (primary)
		sizes.queries = pool->conns_count - sizes.streams - sizes.jobs - 1;
	lanes_share_out(pool->lanes, pool->conns_count, sizes, primary);
	pool->counts = (struct conn_counts){ 0 };
	for (enum lane_kind kind = 0; kind < LANES; kind++) {
		struct lane *lane = &pool->lanes[kind];

		lane->conns = conn;
		lane->counts = (struct conn_counts){ 0 };
		for (; conn < lane->conns + lane->size; conn++) {
			conn->lane = lane;
			conn->counts = &lane->counts;
			lane->counts.in[conn->state]++;
			pool->counts.in[conn->state]++;
		}
	}
	assert(conn == pool->conns + pool->conns_count);
}

void pool_set_role(struct pool *pool, enum node_role role)
{
	pool_hold(pool);
	if (role != pool->role) {
		pool->role = role;
		pool_share_out(pool);
		for (unsigned i = 0; i < pool->conns_count; i++) {
			struct conn *conn = &pool->conns[i];

			/* Busy ones look for themselves when they come to rest. */
			if (conn->state != CONN_CLOSED && conn->state != CONN_BUSY &&
			    !lane_fits(conn->lane, conn->read_only))
				conn_close(conn, closing_unused(POOL_LANE_CHANGED));
		}
	}
	dispatch_open(pool);
	pool_deliver(pool);
}

/* --- calls go -------------------------------------------------------------------------------- */

static bool pool_is_waited_for(const struct pool *pool)
{
	for (enum lane_kind kind = 0; kind < LANES; kind++)
		if (!list_empty(&pool->lanes[kind].queue))
			return true;
	return false;
}

static void pool_refuse_commands(struct pool *pool)
{
	static const char reason[] = "the node is not known to be the primary";

	pool_end_queue(pool, &pool->lanes[LANE_GROUP], reason);
	pool_end_queue(pool, &pool->lanes[LANE_COMMAND], reason);
	pool_end_queue(pool, &pool->lanes[LANE_JOBS], reason);
}

/* Idle conns take what waits. */
static void pool_send_now(struct pool *pool)
{
	if (!pool_is_waited_for(pool) && !pool->resuming && list_empty(&pool->done))
		return;
	pool_hold(pool);
	pool_resume_streams(pool);
	pool_sort_again(pool, &pool->lanes[LANE_SLOW]);
	pool_sort_again(pool, &pool->lanes[LANE_LONG]);
	pool_drop_late(pool);
	dispatch_send(pool);
	if (!pool->lanes[LANE_COMMAND].size)
		pool_refuse_commands(pool);
	dispatch_open(pool);
	/* Those told now may submit to a pool whose turn is over. */
	if (!list_empty(&pool->done))
		loop_again(pool->loop);
	pool_deliver(pool);
}

static void pool_on_turn(struct loop_hook *hook)
{
	pool_send_now(container_of(hook, struct pool, hook));
}

/*
 * In a turn that comes late, as where the processor was taken, the answers of many conns are read
 * at once: calls that can leave on these conns leave, before it is decided which waited too long.
 */
static void pool_expire(struct pool *pool)
{
	struct list expired;

	if (!janitor_is_call_late(pool))
		return;
	pool_send_now(pool);
	list_init(&expired);
	janitor_take_expired(pool, &expired);
	pool_end_tickets(pool, &expired, true, "waited too long for a connection");
}

static void pool_on_due(struct loop_timer *timer)
{
	struct pool *pool = container_of(timer, struct pool, janitor.timer);

	pool_hold(pool);
	janitor_close_late(pool);
	pool_expire(pool);
	dispatch_open(pool);
	janitor_recheck(pool);
	pool_deliver(pool);
}

static void pool_end_all(struct pool *pool, const char *reason)
{
	for (enum lane_kind kind = 0; kind < LANES; kind++)
		pool_end_queue(pool, &pool->lanes[kind], reason);
}

void pool_abandon(struct pool *pool, const char *reason)
{
	pool_hold(pool);
	pool_set_error(pool, reason);
	for (unsigned i = 0; i < pool->conns_count; i++)
		if (pool->conns[i].state != CONN_CLOSED)
			conn_close(&pool->conns[i], closing_failed(reason));
	pool_end_all(pool, reason);
	pool_deliver(pool);
}

/* --- for the rest of the program ------------------------------------------------------------- */

void pool_dial_now(struct pool *pool)
{
	pool_hold(pool);
	pool->janitor.dial_after_us = 0;
	dispatch_open(pool);
	pool_deliver(pool);
}

bool pool_connected(const struct pool *pool)
{
	return pool->counts.in[CONN_IDLE] || pool->counts.in[CONN_BUSY] ||
	       pool->counts.in[CONN_CANCELING];
}

bool pool_opened(const struct pool *pool)
{
	if (pool->role == NODE_UNKNOWN)
		return false;
	for (enum lane_kind kind = 0; kind < LANES; kind++) {
		const struct lane *lane = &pool->lanes[kind];

		if (lane->rule->conns == LANE_CONNS_KEPT && lane->size && !lane_made(lane))
			return false;
	}
	return true;
}

const char *pool_last_error(const struct pool *pool)
{
	return pool->last_error;
}

unsigned pool_conns(const struct pool *pool, enum conn_state state)
{
	assert(state < CONN_STATES);
	return pool->counts.in[state];
}
