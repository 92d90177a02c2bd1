/* SPDX-License-Identifier: Apache-2.0 */
/* At the door and in the queue; the arithmetic is in codel.c, cutoff.c and fair.c. */
#include "pg/overload.h"

#include "base/clock.h"
#include "pg/estimate.h"
#include "pg/held.h"
#include "pg/inside.h"

#include <assert.h>
#include <stdlib.h>

#define OVERLOAD_FEW 16 /* quick calls; of no more nobody reckons when they leave */
/* Commands. No more than share one commit are not too many, however long each of them takes: to
 * refuse one would let no other leave sooner, and its client would only come again. */
#define OVERLOAD_FEW_COMMANDS GROUP_CALLS_MAX
#define OVERLOAD_FEW_WAITS 5 /* so often --queue-wait-ms they wait while none of them leaves */

void overload_fini(struct overload *overload)
{
	free(overload->cutoff);
}

static_assert(STANDING_SPILLED == CUTOFF_URGENCIES - 1, "spilled queries come last");

static unsigned overload_rank(const struct pool *pool, const struct call *call)
{
	const struct standing *standing = &call->standing;
	int64_t now_us = loop_now(pool->loop);
	bool over = (standing->user && fair_is_over(&pool->users, standing->user, now_us)) ||
		    (standing->caller && fair_is_over(&pool->callers, standing->caller, now_us));

	return cutoff_rank(standing->urgency, over, standing->luck);
}

static bool overload_is_marginal(const struct overload *overload, unsigned rank)
{
	return !overload->cutoff || !overload->cutoff->set ||
	       cutoff_is_marginal(overload->cutoff, rank);
}

static void overload_count(struct pool *pool, struct overload *overload, const struct call *call,
			   const char *reason)
{
	static const char *const priorities[CUTOFF_URGENCIES] = { "0", "1", "2", "3",    "4",
								  "5", "6", "7", "spill" };

	codel_refused(&overload->codel);
	metric_add(pool->metrics, METRIC_shed_total,
		   METRIC_LABELS(reason, priorities[call->standing.urgency]), 1);
}

static bool overload_refuse(struct pool *pool, struct overload *overload, struct call *call,
			    const char *reason, bool shed)
{
	call->shed = shed;
	overload_count(pool, overload, call, reason);
	return false;
}

static void overload_end(struct pool *pool, struct overload *overload, struct call *call,
			 const char *reason, const char *told)
{
	overload_count(pool, overload, call, reason);
	call->shed = true;
	pool_end(pool, call, CALL_UNSENT, told);
}

static void overload_end_for(struct pool *pool, int lane, struct call *call)
{
	overload_end(pool, &pool->overload[lane], call, "more-urgent",
		     "others took its place, who are more urgent or take less");
}

/* Of two queues for the same conns, the other one; LANES: it shares them with none. */
static enum lane overload_beside(const struct pool *pool, int lane)
{
	if (lane == LANE_SLOW && !held_back(pool))
		return LANE_LONG;
	return lane == LANE_LONG ? LANE_SLOW : LANES;
}

/* After how long the next one leaves. The more share a batch, the sooner each of them does. */
static double overload_gap_us(const struct pool *pool, int lane, const struct call *call)
{
	double gap_us = pool->overload[lane].codel.gap_us;
	double alone_us = call->statement ? (double)estimate_us(call->statement) : 0;

	return lane == LANE_QUICK && alone_us < gap_us ? alone_us : gap_us;
}

/* How many of those that wait leave before that call would, and how long they take to. */
static unsigned overload_ahead(const struct pool *pool, int lane, const struct call *call,
			       double *leave_us)
{
	enum lane beside = overload_beside(pool, lane);
	unsigned ahead = 0;

	*leave_us = 0;
	list_each (&pool->queue[lane], it) {
		const struct call *each = container_of(it, struct call, link);

		if (cutoff_class(each->rank) > cutoff_class(call->rank))
			continue;
		*leave_us += overload_gap_us(pool, lane, each);
		ahead++;
	}
	if (beside == LANES)
		return ahead;
	*leave_us += (double)pool->queue[beside].count * pool->overload[beside].codel.gap_us;
	return ahead + (unsigned)pool->queue[beside].count;
}

/*
 * When the call could leave, as far as is known: at once where conns are idle for all; otherwise
 * when the next conn is expected, and for each that goes first, at the pace at which calls were
 * seen to leave. What a statement takes on average is no promise: for whoever is first, half of
 * it counts.
 */
static double overload_leaves_in_us(const struct pool *pool, int lane, const struct call *call)
{
	double leave_us;
	unsigned ahead = overload_ahead(pool, lane, call, &leave_us);
	unsigned ready = pool_ready(pool, lane);
	int64_t next_us;

	if (ahead < ready)
		return 0;
	next_us = pool_next_in_us(pool, lane);
	if (next_us == CLOCK_NEVER)
		return 0;
	if (!ahead)
		return (double)next_us / 2;
	return (double)next_us + leave_us * (ahead - ready) / ahead;
}

/* Of commands nobody can tell: those that share a commit leave the sooner, the more they are, and
 * how long one takes is a matter of who holds its locks. */
static bool overload_leaves_in_time(const struct pool *pool, int lane, const struct call *call,
				    double sooner_us)
{
	if (lane == LANE_COMMAND || lane == LANE_GROUP)
		return true;
	return overload_leaves_in_us(pool, lane, call) - sooner_us <=
	       (double)pool->settings.queue_wait_us;
}

/* Whoever joins can be expected to leave before he has waited too long. */
static bool overload_has_place(const struct pool *pool, int lane, const struct call *call)
{
	size_t count = pool->queue[lane].count;

	if (count >= pool->settings.queue_max)
		return false;
	if (!call->standing.asked || (lane == LANE_QUICK && count < OVERLOAD_FEW))
		return true;
	return overload_leaves_in_time(pool, lane, call, 0);
}

/* The last in the queue is let go for one that is clearly more urgent, or asks less. */
static bool overload_makes_room(struct pool *pool, int lane, const struct call *call)
{
	struct list *queue = &pool->queue[lane];
	struct call *last;

	if (list_empty(queue))
		return false;
	last = container_of(list_last(queue), struct call, link);
	if (last->placements || cutoff_class(last->rank) <= cutoff_class(call->rank) ||
	    !overload_leaves_in_time(pool, lane, call, 0))
		return false;
	overload_end_for(pool, lane, last);
	return true;
}

/* The same where nobody has been ranked yet, and all wait in the order in which they came. */
static bool overload_makes_room_unranked(struct pool *pool, int lane, const struct call *call)
{
	unsigned class = cutoff_class(overload_rank(pool, call)), least_class = 0;
	struct call *least = NULL;

	list_each (&pool->queue[lane], it) {
		struct call *each = container_of(it, struct call, link);
		unsigned class_of_each;

		if (!each->standing.asked || each->placements)
			continue;
		class_of_each = cutoff_class(overload_rank(pool, each));
		if (class_of_each < least_class)
			continue;
		least = each;
		least_class = class_of_each;
	}
	if (!least || least_class <= class ||
	    !overload_leaves_in_time(pool, lane, call, overload_gap_us(pool, lane, least)))
		return false;
	overload_end_for(pool, lane, least);
	return true;
}

/* A conn that would stand idle takes whoever is there, but not those who are clearly behind others
 * that are refused: these are about to come. */
static bool overload_is_free(struct pool *pool, int lane, const struct call *call)
{
	const struct cutoff *cutoff = pool->overload[lane].cutoff;

	return list_empty(&pool->queue[lane]) && pool_ready(pool, lane) &&
	       (!cutoff || !cutoff_refuses_class(cutoff, call->rank));
}

/*
 * The last of the ranks are many: those who would wait longer than is in time are refused. The
 * first in the queue waits for a conn that is about to be idle.
 */
static bool overload_is_in_time(struct pool *pool, int lane)
{
	const struct overload *overload = &pool->overload[lane];
	int64_t slack_us = codel_slack_us(&overload->codel);
	double room = codel_room(&overload->codel, slack_us);

	if (list_empty(&pool->queue[lane]))
		return pool_ready(pool, lane) || pool_next_in_us(pool, lane) <= slack_us;
	if (overload->cutoff && overload->cutoff->set)
		room *= (double)overload->cutoff->rest;
	return (double)pool->queue[lane].count < room;
}

/* Of better ranks there are fewer than are served, in the end. What is known of the pace may be
 * wrong by half. */
static bool overload_has_room(struct pool *pool, int lane, const struct call *call)
{
	const struct codel *codel = &pool->overload[lane].codel;
	unsigned count = (unsigned)pool->queue[lane].count;

	if (!overload_has_place(pool, lane, call))
		return false;
	if (overload_is_marginal(&pool->overload[lane], call->rank))
		return overload_is_in_time(pool, lane);
	return count < codel_room(codel, codel->interval_us / 2);
}

/* Slow ones take from the quick ones, and the other way round: whoever is clearly behind those
 * that another queue of queries refuses is refused here, too. */
static bool overload_is_behind(const struct pool *pool, const struct call *call)
{
	static const enum lane lanes[] = { LANE_QUICK, LANE_SLOW, LANE_LONG };

	if (call->kind != CALL_QUERY)
		return false;
	for (size_t i = 0; i < sizeof(lanes) / sizeof(lanes[0]); i++) {
		const struct overload *other = &pool->overload[lanes[i]];

		if (other->cutoff && codel_overloaded(&other->codel, loop_now(pool->loop)) &&
		    cutoff_refuses_class(other->cutoff, overload_rank(pool, call)))
			return true;
	}
	return false;
}

/*
 * A queue that stands says that more come than leave, or that the processor was taken from those
 * who serve it. Few clients that wait for their answers never make more than few commands wait.
 */
static bool overload_is_of_few(const struct pool *pool, int lane, unsigned joining)
{
	size_t count = pool->queue[LANE_COMMAND].count + pool->queue[LANE_GROUP].count + joining;

	return (lane == LANE_COMMAND || lane == LANE_GROUP) && count <= OVERLOAD_FEW_COMMANDS &&
	       count <= pool->settings.queue_max;
}

static int64_t overload_later_us(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

int64_t overload_expires_us(const struct pool *pool, int lane, int64_t since_us)
{
	const struct overload *overload = pool->overload;
	int64_t wait_us = pool->settings.queue_wait_us;
	int64_t left_us;

	if (overload_is_of_few(pool, lane, 0) && pool_made(pool, LANE_COMMAND) &&
	    pool_next_in_us(pool, lane) <= wait_us) {
		left_us = overload_later_us(overload[LANE_COMMAND].codel.left_us,
					    overload[LANE_GROUP].codel.left_us);
		return overload_later_us(since_us, left_us) + OVERLOAD_FEW_WAITS * wait_us;
	}
	if (lane == LANE_QUICK && pool->queue[lane].count <= OVERLOAD_FEW)
		since_us = overload_later_us(since_us, overload[lane].codel.left_us);
	return since_us + wait_us;
}

/* As above, for a queue that is overloaded. */
static bool overload_admits_ranked(struct pool *pool, int lane, struct call *call)
{
	struct overload *overload = &pool->overload[lane];

	if (!overload->cutoff) {
		overload->cutoff = calloc(1, sizeof(*overload->cutoff));
		assert(overload->cutoff);
	}
	call->rank = overload_rank(pool, call);
	cutoff_came(overload->cutoff, call->rank);
	if (overload_is_free(pool, lane, call) || overload_is_of_few(pool, lane, 1))
		return true;
	if (cutoff_refuses(overload->cutoff, call->rank) || overload_is_behind(pool, call))
		return overload_refuse(pool, overload, call, "cut-off", true);
	return overload_has_room(pool, lane, call) || overload_makes_room(pool, lane, call) ||
	       overload_refuse(pool, overload, call, "queue-full", false);
}

bool overload_admits(struct pool *pool, int lane, struct call *call)
{
	struct overload *overload = &pool->overload[lane];

	call->rank = 0;
	if (pool->limit.kind == LIMIT_OFF)
		return true;
	/* What goes on with something that was let in is let in. */
	if (call->standing.asked && codel_overloaded(&overload->codel, loop_now(pool->loop)))
		return overload_admits_ranked(pool, lane, call);
	if (call->standing.asked && overload_is_behind(pool, call))
		return overload_refuse(pool, overload, call, "cut-off", true);
	return overload_has_place(pool, lane, call) ||
	       (call->standing.asked && overload_makes_room_unranked(pool, lane, call)) ||
	       overload_refuse(pool, overload, call, "queue-full", false);
}

void overload_enqueue(struct pool *pool, int lane, struct call *call)
{
	struct list *queue = &pool->queue[lane];
	struct list_link *before = queue->head.prev;

	while (before != &queue->head &&
	       cutoff_class(container_of(before, struct call, link)->rank) >
		       cutoff_class(call->rank))
		before = before->prev;
	list_insert_behind(queue, before, &call->link);
}

static bool overload_is_late(const struct pool *pool, const struct overload *overload,
			     const struct call *call)
{
	int64_t now_us = loop_now(pool->loop);

	if (!call->standing.asked)
		return false;
	if (call->deadline_us && call->statement &&
	    now_us + estimate_us(call->statement) > call->deadline_us)
		return true;
	return held_waited_us(call, now_us) > codel_slack_us(&overload->codel) &&
	       overload_is_marginal(overload, call->rank);
}

void overload_drop_late(struct pool *pool, int lane)
{
	struct overload *overload = &pool->overload[lane];
	struct list *queue = &pool->queue[lane];
	/* Those who were let in since it is overloaded are served; from before there are more. */
	unsigned kept = 2 * codel_room(&overload->codel, codel_slack_us(&overload->codel));
	struct list_link *next;

	if (pool->limit.kind == LIMIT_OFF || overload_is_of_few(pool, lane, 0) ||
	    !codel_overloaded(&overload->codel, loop_now(pool->loop)))
		return;
	for (struct list_link *it = queue->head.next; it != &queue->head && queue->count > kept;
	     it = next) {
		struct call *call = container_of(it, struct call, link);

		next = it->next;
		/* One that is to be run again has been served in part. */
		if (!call->placements && overload_is_late(pool, overload, call))
			overload_end(pool, overload, call, "late",
				     "it waited too long to be served");
	}
}

void overload_expired(struct pool *pool, int lane, const struct call *call)
{
	overload_count(pool, &pool->overload[lane], call, "queue-timeout");
}

/* The longest wait of those who stay: where the more urgent pass them, the queue stands though
 * those who leave have hardly waited. */
static int64_t overload_stays_us(const struct pool *pool, int lane)
{
	int64_t now_us = loop_now(pool->loop), stays_us = 0;

	list_each (&pool->queue[lane], it) {
		const struct call *call = container_of(it, struct call, link);

		if (held_waited_us(call, now_us) > stays_us)
			stays_us = held_waited_us(call, now_us);
	}
	return stays_us;
}

void overload_left(struct pool *pool, int lane, unsigned calls, int64_t longest_us,
		   int64_t least_us)
{
	struct overload *overload = &pool->overload[lane];
	struct codel *codel = &overload->codel;
	int64_t now_us = loop_now(pool->loop);

	if (codel_overloaded(codel, now_us) && overload_stays_us(pool, lane) > least_us)
		least_us = overload_stays_us(pool, lane);
	if (!codel_left(codel, calls, longest_us, least_us, now_us) || !overload->cutoff)
		return;
	cutoff_move(overload->cutoff, codel_overloaded(codel, now_us), codel_load(codel),
		    codel_served(codel));
}

void overload_charge(struct conn *conn)
{
	struct pool *pool = conn->pool;
	const struct batch *batch = &conn->batch;
	int64_t now_us = loop_now(pool->loop), took_us = now_us - batch->sent_us;

	for (unsigned i = 0; i < batch->slots_count; i++) {
		const struct call *call = batch->slots[i].call;

		if (!call || !call->statement)
			continue;
		if (batch->slots_count > 1)
			took_us = estimate_us(call->statement);
		if (call->standing.user)
			fair_charge(&pool->users, call->standing.user, took_us, now_us);
		if (call->standing.caller)
			fair_charge(&pool->callers, call->standing.caller, took_us, now_us);
	}
	if (pool->limit.kind == LIMIT_ADAPTIVE && batch->kind != CALL_DESCRIBE &&
	    pool_lane(pool, conn->index) != LANE_STREAM)
		limit_took(&pool->limit, now_us - batch->sent_us, batch->slots_count,
			   pool_out(pool), now_us);
}
