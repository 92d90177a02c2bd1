/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Queues, lanes, and who is told. Calls end in two steps: whatever ends them puts them on the list
 * of the done, and the outermost frame tells them, so that on_done may submit, forget and free.
 */
#include "pg/pool.h"

#include "base/clock.h"
#include "pg/admission/core_reserve.h"
#include "pg/admission/estimate.h"
#include "pg/core_reserve_pool.h"
#include "pg/departure.h"
#include "pg/inside.h"
#include "pg/reserve_conn.h"
#include "pg/wire/batch.h"
#include "pg/wire/connect.h"
#include "pg/wire/group.h"
#include "pg/wire/stream.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define POOL_CONNS_MIN_PRIMARY 2 /* one may write, one may not */

static void pool_share_out(struct pool *pool);
static void pool_on_turn(struct loop_hook *hook);
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
	for (int lane = 0; lane < LANES; lane++)
		list_init(&pool->queue[lane]);
	list_init(&pool->done);
	for (int state = 0; state < CONN_STATES; state++)
		list_init(&pool->conns_in[state]);
	pool->conns_count = settings->conns_max < POOL_CONNS_MIN_PRIMARY ? POOL_CONNS_MIN_PRIMARY
									 : settings->conns_max;
	pool->conns_count += settings->streams_max + 1;
	pool->home = (struct conn_home){
		.owner = &pool_owner,
		.loop = loop,
		.node = node,
		.metrics = metrics,
		.conns_in = pool->conns_in,
		.connect_timeout_us = settings->connect_timeout_us,
		.answer_timeout_us = settings->answer_timeout_us,
		.statement_timeout_us = settings->statement_timeout_us,
	};
	pool->conns = calloc(pool->conns_count, sizeof(*pool->conns));
	assert(pool->conns);
	for (unsigned i = 0; i < pool->conns_count; i++)
		conn_init(&pool->conns[i], &pool->home, pool, i);
	pool_share_out(pool);
	for (int lane = 0; lane < LANES; lane++) {
		pool->admission[lane].codel.patience_us = settings->queue_wait_us;
		pool->admission[lane].codel.interval_us =
			lane == LANE_LONG && settings->queue_wait_us < CORE_RESERVE_WAIT_US_MAX
				? CORE_RESERVE_WAIT_US_MAX
				: settings->queue_wait_us;
	}
	concurrency_init(&pool->concurrency, settings->concurrency, settings->concurrency_fixed,
			 settings->concurrency_floor, settings->conns_max);
	pool->reconnect = settings->watches ? &pool->own_reconnect : node->reconnect;
	pool->hook.on_turn = pool_on_turn;
	loop_hook_add(loop, &pool->hook, LOOP_STAGE_SEND);
	janitor_init(pool);
	return pool;
}

static void pool_bury(struct pool *pool)
{
	for (unsigned i = 0; i < pool->conns_count; i++)
		conn_fini(&pool->conns[i]);
	for (int lane = 0; lane < LANES; lane++)
		admission_fini(&pool->admission[lane]);
	free(pool->conns);
	free(pool);
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

static void pool_share_out(struct pool *pool)
{
	unsigned count = pool->settings.conns_max;
	unsigned *size = pool->lane_size;

	size[LANE_COMMAND] = 0;
	if (pool->role == NODE_PRIMARY) {
		count = pool->conns_count - pool->settings.streams_max - 1;
		/* Queries always batch, commands only under load and not all: most are for them. */
		size[LANE_COMMAND] = count < 4 ? 1 : count - (count / 4 + 1);
	}
	count -= size[LANE_COMMAND];
	size[LANE_SLOW] = count >= 2 ? 1 : 0;
	size[LANE_QUICK] = count - size[LANE_SLOW];
	size[LANE_STREAM] = pool->settings.streams_max;
	size[LANE_RESERVE] = size[LANE_SLOW] ? 0 : 1;
	assert(size[LANE_QUICK] > 0);
}

enum lane pool_lane(const struct pool *pool, unsigned index)
{
	for (int lane = 0; lane < LANES; lane++) {
		if (index < pool->lane_size[lane])
			return (enum lane)lane;
		index -= pool->lane_size[lane];
	}
	return LANES;
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
			    !pool_fits_lane(pool, conn))
				conn_close(conn, closing_unused(POOL_LANE_CHANGED));
		}
	}
	pool_open_conns(pool);
	pool_deliver(pool);
}

bool pool_quick_is_past(const struct pool *pool)
{
	return loop_now(pool->loop) - pool->quick_us >= CORE_RESERVE_LATELY_US;
}

/* Of two queues, the one whose first has waited longer. */
static struct list *pool_older(struct list *queue, struct list *other)
{
	const struct call *first, *first_of_other;

	if (list_empty(other))
		return queue;
	if (list_empty(queue))
		return other;
	first = container_of(list_first(queue), struct call, link);
	first_of_other = container_of(list_first(other), struct call, link);
	return first->waits_since_us <= first_of_other->waits_since_us ? queue : other;
}

static bool pool_group_is_out(const struct pool *pool)
{
	list_each (&pool->conns_in[CONN_BUSY], it)
		if (container_of(it, struct conn, link)->batch.grouped)
			return true;
	return false;
}

/* Whoever may join the next group waits while one is on its way; the others need not. */
static struct list *pool_commands(struct pool *pool)
{
	struct list *queue = &pool->queue[LANE_COMMAND];

	return pool_group_is_out(pool) ? queue : pool_older(queue, &pool->queue[LANE_GROUP]);
}

static struct list *pool_slow(struct pool *pool)
{
	struct list *slow = &pool->queue[LANE_SLOW], *of_long = &pool->queue[LANE_LONG];

	return list_empty(of_long) || core_reserve_holds_back(pool) ? slow
								    : pool_older(slow, of_long);
}

/*
 * What an idle conn takes. Slow calls are welcome on conns for quick ones as long as the first of
 * these stays free for quick calls, or none of them came lately.
 */
static struct list *pool_work(struct pool *pool, unsigned index)
{
	enum lane lane = pool_lane(pool, index);
	struct list *queue = &pool->queue[lane];

	if (lane == LANE_COMMAND)
		return pool_commands(pool);
	if (lane == LANE_SLOW) {
		queue = pool_slow(pool);
		return list_empty(queue) && reserve_conn_is_due(pool) ? &pool->queue[LANE_QUICK]
								      : queue;
	}
	if (lane == LANE_RESERVE)
		return reserve_conn_is_due(pool) ? &pool->queue[LANE_QUICK] : queue;
	if (lane != LANE_QUICK || !pool_travels_on(pool, LANE_SLOW, index))
		return queue;
	return pool_older(queue, pool_slow(pool));
}

unsigned pool_count(const struct pool *pool, enum lane lane, enum conn_state state)
{
	unsigned count = 0;

	for (unsigned i = 0; i < pool->conns_count; i++)
		count += pool->conns[i].state == state && pool_lane(pool, i) == lane;
	return count;
}

/*
 * A node whose role is known keeps all its conns open, so that no call waits for a dial; one that
 * is not known yet gets one more while calls wait and nobody is about to take them. Those for
 * streams are opened one by one for the streams that wait, that for relief when it is due.
 */
static bool pool_lacks_conn(struct pool *pool, unsigned index)
{
	enum lane lane = pool_lane(pool, index);

	if (pool_count(pool, lane, CONN_CLOSED) == 0)
		return false;
	if (lane == LANE_STREAM)
		return pool->queue[lane].count > pool_count(pool, lane, CONN_IDLE) +
							 pool_count(pool, lane, CONN_DIALING) +
							 pool_count(pool, lane, CONN_CONNECTING);
	if (lane == LANE_RESERVE)
		return !list_empty(&pool->queue[LANE_QUICK]) && reserve_conn_is_due(pool);
	if (pool->role != NODE_UNKNOWN)
		return true;
	return !list_empty(pool_work(pool, index)) && !pool_count(pool, lane, CONN_IDLE) &&
	       !pool_count(pool, lane, CONN_DIALING) && !pool_count(pool, lane, CONN_CONNECTING);
}

void pool_open_conns(struct pool *pool)
{
	for (unsigned i = 0; i < pool->conns_count; i++) {
		enum lane lane = pool_lane(pool, i);

		if (lane != LANES && pool->conns[i].state == CONN_CLOSED &&
		    pool_lacks_conn(pool, i) && janitor_may_dial(pool))
			connect_open(&pool->conns[i], lane != LANE_COMMAND);
	}
}

/* --- calls come ------------------------------------------------------------------------------ */

static bool pool_reserves_core(const struct pool *pool)
{
	return pool->settings.cores && pool->settings.concurrency != CONCURRENCY_OFF;
}

static enum lane pool_lane_of(const struct pool *pool, const struct call *call)
{
	switch (call->kind) {
	case CALL_COMMAND:
		return group_welcomes(pool->settings.group_max, call) ? LANE_GROUP : LANE_COMMAND;
	case CALL_PROBE:
		return LANE_QUICK;
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

enum lane pool_lane_with_conns(enum lane lane)
{
	switch (lane) {
	case LANE_GROUP:
		return LANE_COMMAND;
	case LANE_LONG:
		return LANE_SLOW;
	default:
		return lane;
	}
}

unsigned pool_made(const struct pool *pool, enum lane lane)
{
	lane = pool_lane_with_conns(lane);
	return pool_count(pool, lane, CONN_IDLE) + pool_count(pool, lane, CONN_BUSY) +
	       pool_count(pool, lane, CONN_CANCELING);
}

static void pool_check(const struct call *call)
{
	assert(call->on_done);
	assert(call->arena);
	assert(!list_linked(&call->link));
	assert(!call->conn);
	if (call->kind == CALL_PROBE)
		return;
	assert(call->statement);
	assert(call->statement->id != 0);
	if (call->kind == CALL_DESCRIBE)
		return;
	assert(call->out);
	assert(statement_shape(call->statement));
	assert(call->values || call->statement->params == 0);
}

/* Slow ones take those for quick ones, too, but the first of these only where no quick call came
 * lately. Quick ones take those for slow ones where all of their own are late. */
bool pool_travels_on(const struct pool *pool, int queue, unsigned index)
{
	enum lane lane = pool_lane_with_conns((enum lane)queue);
	enum lane of_conn = pool_lane(pool, index);

	return of_conn == lane ||
	       (lane == LANE_QUICK && (of_conn == LANE_SLOW || of_conn == LANE_RESERVE) &&
		reserve_conn_is_due(pool)) ||
	       (lane == LANE_SLOW && of_conn == LANE_QUICK &&
		(index > 0 || !pool->lane_size[LANE_SLOW] || pool_quick_is_past(pool)));
}

/* Where the limit is reached: quick calls never wait for slow ones, nor commands for queries. So
 * each of the two has a conn that may always leave. */
static bool pool_is_exempt(const struct pool *pool, unsigned index, bool quick)
{
	enum lane lane = pool_lane(pool, index);

	return lane == LANE_STREAM || lane == LANE_RESERVE || (index == 0 && quick) ||
	       index == pool->lane_size[LANE_QUICK] + pool->lane_size[LANE_SLOW];
}

static int64_t pool_back_in_us(const struct pool *pool, const struct conn *conn)
{
	int64_t in_us = batch_expected_us(conn) - loop_now(pool->loop);

	return in_us > 0 ? in_us : 0;
}

/* 0: it may be any moment, or is overdue. CLOCK_NEVER: it is idle, or will not be made. */
static int64_t pool_comes_in_us(const struct pool *pool, const struct conn *conn)
{
	switch (conn->state) {
	case CONN_BUSY:
		return pool_back_in_us(pool, conn);
	case CONN_CANCELING:
	case CONN_CONNECTING:
	case CONN_DIALING:
		return 0;
	default:
		return CLOCK_NEVER;
	}
}

unsigned pool_ready(const struct pool *pool, int lane)
{
	unsigned exempt = 0, others = 0, out = pool_out(pool);

	for (unsigned i = 0; i < pool->conns_count; i++) {
		if (pool->conns[i].state != CONN_IDLE || !pool_travels_on(pool, lane, i))
			continue;
		if (pool_is_exempt(pool, i, lane == LANE_QUICK))
			exempt++;
		else
			others++;
	}
	while (others && !concurrency_allows(&pool->concurrency, out + exempt + others - 1))
		others--;
	return exempt + others;
}

/* Where the limit is reached, any of those that are out may make room for one that is idle. */
int64_t pool_next_in_us(const struct pool *pool, int lane)
{
	int64_t next_us = CLOCK_NEVER, limit_us = CLOCK_NEVER;
	bool idle = false;

	for (unsigned i = 0; i < pool->conns_count; i++) {
		const struct conn *conn = &pool->conns[i];
		int64_t in_us = pool_comes_in_us(pool, conn);
		bool out = conn->state == CONN_BUSY || conn->state == CONN_CANCELING;

		if (out && pool_lane(pool, i) != LANE_STREAM && in_us < limit_us)
			limit_us = in_us;
		if (!pool_travels_on(pool, lane, i))
			continue;
		idle |= conn->state == CONN_IDLE;
		if (in_us < next_us)
			next_us = in_us;
	}
	return idle && limit_us < next_us ? limit_us : next_us;
}

unsigned pool_out(const struct pool *pool)
{
	return (unsigned)(pool->conns_in[CONN_BUSY].count + pool->conns_in[CONN_CANCELING].count) -
	       pool_count(pool, LANE_STREAM, CONN_BUSY);
}

static bool pool_admits(struct pool *pool, enum lane lane, struct call *call)
{
	if (call->kind == CALL_PROBE)
		return true;
	if (lane == LANE_STREAM)
		return pool->queue[lane].count + pool_count(pool, lane, CONN_BUSY) <
		       pool->lane_size[lane];
	return admission_admits(pool, (int)lane, call);
}

bool pool_submit(struct pool *pool, struct call *call)
{
	enum lane lane;

	pool_check(call);
	call->solo = call->blamed = call->shed = call->waits_for_core = false;
	call->rank = 0;
	lane = pool_lane_of(pool, call);
	if (pool->ended || !pool_admits(pool, lane, call))
		return false;
	call->pool = pool;
	call->error = (struct pg_error){ 0 };
	call->lost_reason = NULL;
	call->expired = false;
	call->rows = call->bytes = 0;
	call->streamed = false;
	call->affected = -1;
	call->lower = call->upper = call->newest = 0;
	call->in_recovery = call->wrote = call->rolled_back = call->frame_failed = false;
	call->position = POSITION_NONE;
	call->shape = NULL;
	call->placements = 0;
	call->prepared_again = false;
	if (lane == LANE_QUICK) {
		pool->quick_us = loop_now(pool->loop);
		if (call->priority.asked)
			core_reserve_quick(pool->node->core_reserve, pool->quick_us);
	}
	call->queued_us = call->waits_since_us = loop_now(pool->loop);
	call->sent_us = call->done_us = 0;
	call->out_start = call->out ? call->out->len : 0;
	call->list = &pool->queue[lane];
	admission_enqueue(pool, (int)lane, call);
	janitor_want(pool, call->waits_since_us + pool->settings.queue_wait_us);
	return true;
}

void pool_forget(struct pool *pool, struct call *call)
{
	struct conn *conn = call->conn;

	assert(call->pool == pool);
	if (call->list)
		list_remove(call->list, &call->link);
	else if (conn) {
		pool->in_flight--;
		batch_forget(conn, call);
	}
	call->list = NULL;
	call->conn = NULL;
	if (conn && call->on_rows)
		stream_forget(conn);
}

void pool_go_on(struct pool *pool, struct call *call)
{
	assert(call->pool == pool);
	if (call->conn && stream_on_taken(call->conn))
		pool->resuming = true;
}

/* --- calls go -------------------------------------------------------------------------------- */

/* A statement that was found quick again does not go on waiting among the slow ones; and so on. */
static void pool_sort_again(struct pool *pool, enum lane lane)
{
	struct list *queue = &pool->queue[lane];
	struct list_link *next;

	for (struct list_link *it = queue->head.next; it != &queue->head; it = next) {
		struct call *call = container_of(it, struct call, link);
		enum lane other = pool_lane_of(pool, call);

		next = it->next;
		if (other == lane)
			continue;
		list_remove(queue, it);
		/* It waits like others, from now on. */
		if (call->waits_for_core)
			call->waits_since_us = loop_now(pool->loop);
		call->waits_for_core = false;
		janitor_want(pool, call->waits_since_us + pool->settings.queue_wait_us);
		call->list = &pool->queue[other];
		admission_enqueue(pool, (int)other, call);
	}
}

static bool pool_is_waited_for(const struct pool *pool)
{
	for (int lane = 0; lane < LANES; lane++)
		if (!list_empty(&pool->queue[lane]))
			return true;
	return false;
}

static void pool_end_queue(struct pool *pool, enum lane lane, const char *reason)
{
	struct list *queue = &pool->queue[lane];

	while (!list_empty(queue))
		pool_end(pool, container_of(list_first(queue), struct call, link), CALL_UNSENT,
			 reason);
}

static void pool_refuse_commands(struct pool *pool)
{
	pool_end_queue(pool, LANE_GROUP, "the node is not known to be the primary");
	pool_end_queue(pool, LANE_COMMAND, "the node is not known to be the primary");
}

static bool pool_may_send(const struct pool *pool, unsigned index, const struct list *work)
{
	if (list_empty(work))
		return false;
	if (pool_is_exempt(pool, index, work == &pool->queue[LANE_QUICK]))
		return true;
	return concurrency_allows(&pool->concurrency, pool_out(pool));
}

static void pool_send_on(struct pool *pool, unsigned index)
{
	struct conn *conn = &pool->conns[index];
	struct list *work = pool_work(pool, index);

	if (!pool_may_send(pool, index, work))
		return;
	/* Another loop may have been quicker. */
	if (work == &pool->queue[LANE_LONG] && !core_reserve_takes(conn)) {
		work = &pool->queue[pool_lane(pool, index)];
		if (!pool_may_send(pool, index, work))
			return;
	}
	departure_send(conn, work);
}

/* The conns of one kind take what waits for them. */
static void pool_send(struct pool *pool, bool commands)
{
	for (unsigned i = 0; i < pool->conns_count; i++) {
		enum lane lane = pool_lane(pool, i);

		if (pool->conns[i].state == CONN_IDLE && lane != LANES &&
		    (lane == LANE_COMMAND) == commands)
			pool_send_on(pool, i);
	}
}

static void pool_on_turn(struct loop_hook *hook)
{
	pool_send_now(container_of(hook, struct pool, hook));
}

void pool_send_now(struct pool *pool)
{
	if (!pool_is_waited_for(pool) && !pool->resuming && list_empty(&pool->done))
		return;
	pool_hold(pool);
	pool_resume_streams(pool);
	pool_sort_again(pool, LANE_SLOW);
	pool_sort_again(pool, LANE_LONG);
	for (int lane = 0; lane < LANES; lane++)
		if (lane != LANE_STREAM && !list_empty(&pool->queue[lane]))
			admission_drop_late(pool, lane);
	pool_send(pool, true);
	pool_send(pool, false);
	core_reserve_mark(pool);
	/* Then the conn that is kept for quick calls may take slow ones. */
	if ((!list_empty(&pool->queue[LANE_SLOW]) || !list_empty(&pool->queue[LANE_LONG])) &&
	    !pool_quick_is_past(pool))
		janitor_want(pool, pool->quick_us + CORE_RESERVE_LATELY_US);
	reserve_conn_watch(pool);
	if (!pool->lane_size[LANE_COMMAND])
		pool_refuse_commands(pool);
	pool_open_conns(pool);
	/* Those told now may submit to a pool whose turn is over. */
	if (!list_empty(&pool->done))
		loop_again(pool->loop);
	pool_deliver(pool);
}

static void pool_take_back(struct call *call)
{
	if (call->out && !call->streamed && call->out->len > call->out_start)
		call->out->len = call->out_start;
}

void pool_end(struct pool *pool, struct call *call, enum call_end end, const char *lost_reason)
{
	assert(call->pool == pool);
	assert(!call->conn);
	if (call->list)
		list_remove(call->list, &call->link);
	if (end != CALL_OK)
		pool_take_back(call);
	call->end = end;
	call->lost_reason = lost_reason;
	call->done_us = loop_now(pool->loop);
	call->list = &pool->done;
	/* Batches end last call first; they are told in the order in which they came. */
	list_prepend(&pool->done, &call->link);
}

void pool_again(struct pool *pool, struct call *call)
{
	assert(!call->list);
	assert(!call->conn);
	if (call->placements > CALL_PLACEMENTS_MAX) {
		pool_end(pool, call, CALL_LOST, "it was placed too often");
		return;
	}
	if (call->streamed) {
		pool_end(pool, call, CALL_LOST, "a stream cannot be begun again");
		return;
	}
	pool_take_back(call);
	call->rows = call->bytes = 0;
	call->affected = -1;
	call->waits_for_core = false;
	call->waits_since_us = loop_now(pool->loop);
	call->list = &pool->queue[pool_lane_of(pool, call)];
	list_prepend(call->list, &call->link);
	janitor_want(pool, call->waits_since_us + pool->settings.queue_wait_us);
}

static void pool_end_all(struct pool *pool, const char *reason)
{
	for (int lane = 0; lane < LANES; lane++)
		pool_end_queue(pool, (enum lane)lane, reason);
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

void pool_hold(struct pool *pool)
{
	pool->holds++;
}

void pool_deliver(struct pool *pool)
{
	struct list_link *link;

	assert(pool->holds > 0);
	while ((link = list_take_first(&pool->done))) {
		struct call *call = container_of(link, struct call, link);

		call->list = NULL;
		call->on_done(call);
	}
	if (--pool->holds == 0 && pool->ended)
		pool_bury(pool);
}

/* --- what others ask ------------------------------------------------------------------------- */

void pool_dial_now(struct pool *pool)
{
	pool_hold(pool);
	pool->janitor.dial_after_us = 0;
	pool_open_conns(pool);
	pool_deliver(pool);
}

unsigned pool_load(const struct pool *pool)
{
	size_t load = pool->in_flight;

	for (int lane = 0; lane < LANES; lane++)
		load += pool->queue[lane].count;
	return (unsigned)load;
}

bool pool_connected(const struct pool *pool)
{
	return !list_empty(&pool->conns_in[CONN_IDLE]) || !list_empty(&pool->conns_in[CONN_BUSY]) ||
	       !list_empty(&pool->conns_in[CONN_CANCELING]);
}

bool pool_opened(const struct pool *pool)
{
	if (pool->role == NODE_UNKNOWN)
		return false;
	for (int lane = 0; lane < LANES; lane++)
		if (lane != LANE_STREAM && lane != LANE_RESERVE && pool->lane_size[lane] &&
		    !pool_made(pool, (enum lane)lane))
			return false;
	return true;
}

const char *pool_last_error(const struct pool *pool)
{
	return pool->last_error;
}

unsigned pool_conns(const struct pool *pool, enum conn_state state)
{
	assert(state < CONN_STATES);
	return (unsigned)pool->conns_in[state].count;
}
