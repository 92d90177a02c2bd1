/* SPDX-License-Identifier: Apache-2.0 */
/* At the door and in the queue; the arithmetic is in codel.c, threshold.c and fair.c. */
#include "pg/admission/admission.h"

#include "base/clock.h"
#include "pg/admission/estimate.h"
#include "pg/core_reserve_pool.h"
#include "pg/inside.h"

#include <assert.h>
#include <stdlib.h>

#define ADMISSION_FEW 16 /* quick calls; of no more nobody reckons when they leave */
/* Commands. No more than share one commit are not too many, however long each of them takes: to
 * refuse one would let no other leave sooner, and its client would only come again. */
#define ADMISSION_FEW_COMMANDS GROUP_CALLS_MAX
#define ADMISSION_FEW_WAITS 5 /* so often --queue-wait-ms they wait while none of them leaves */

void admission_fini(struct admission *admission)
{
	free(admission->threshold);
}

static_assert(PRIORITY_SPILLED == THRESHOLD_URGENCIES - 1, "spilled queries come last");

static unsigned admission_rank(const struct pool *pool, const struct call *call)
{
	const struct priority *priority = &call->priority;
	int64_t now_us = loop_now(pool->loop);
	bool over = (priority->user && fair_is_over(&pool->users, priority->user, now_us)) ||
		    (priority->caller && fair_is_over(&pool->callers, priority->caller, now_us));

	return threshold_rank(priority->urgency, over, priority->cohort);
}

static bool admission_is_marginal(const struct admission *admission, unsigned rank)
{
	return !admission->threshold || !admission->threshold->set ||
	       threshold_is_marginal(admission->threshold, rank);
}

static void admission_count(struct pool *pool, struct admission *admission, const struct call *call,
			    const char *reason)
{
	static const char *const priorities[THRESHOLD_URGENCIES] = { "0", "1", "2", "3",    "4",
								     "5", "6", "7", "spill" };

	codel_refused(&admission->codel);
	metric_add(pool->metrics, METRIC_shed_total,
		   METRIC_LABELS(reason, priorities[call->priority.urgency]), 1);
}

static bool admission_refuse(struct pool *pool, struct admission *admission, struct call *call,
			     const char *reason, bool shed)
{
	call->shed = shed;
	admission_count(pool, admission, call, reason);
	return false;
}

static void admission_end(struct pool *pool, struct admission *admission, struct call *call,
			  const char *reason, const char *message)
{
	admission_count(pool, admission, call, reason);
	call->shed = true;
	pool_end(pool, call, CALL_UNSENT, message);
}

static void admission_end_for(struct pool *pool, int lane, struct call *call)
{
	admission_end(pool, &pool->admission[lane], call, "more-urgent",
		      "others took its place, who are more urgent or take less");
}

/* Of two queues for the same conns, the other one; LANES: it shares them with none. */
static enum lane admission_beside(const struct pool *pool, int lane)
{
	if (lane == LANE_SLOW && !core_reserve_holds_back(pool))
		return LANE_LONG;
	return lane == LANE_LONG ? LANE_SLOW : LANES;
}

/* After how long the next one leaves. The more share a batch, the sooner each of them does. */
static double admission_gap_us(const struct pool *pool, int lane, const struct call *call)
{
	double gap_us = pool->admission[lane].codel.gap_us;
	double alone_us = call->statement ? (double)estimate_us(call->statement) : 0;

	return lane == LANE_QUICK && alone_us < gap_us ? alone_us : gap_us;
}

/* How many of those that wait leave before that call would, and how long they take to. */
static unsigned admission_ahead(const struct pool *pool, int lane, const struct call *call,
				double *leave_us)
{
	enum lane beside = admission_beside(pool, lane);
	unsigned ahead = 0;

	*leave_us = 0;
	list_each (&pool->queue[lane], it) {
		const struct call *each = container_of(it, struct call, link);

		if (threshold_class(each->rank) > threshold_class(call->rank))
			continue;
		*leave_us += admission_gap_us(pool, lane, each);
		ahead++;
	}
	if (beside == LANES)
		return ahead;
	*leave_us += (double)pool->queue[beside].count * pool->admission[beside].codel.gap_us;
	return ahead + (unsigned)pool->queue[beside].count;
}

/*
 * When the call could leave, as far as is known: at once where conns are idle for all; otherwise
 * when the next conn is expected, and for each that goes first, at the pace at which calls were
 * seen to leave. What a statement takes on average is no promise: for whoever is first, half of
 * it counts.
 */
static double admission_leaves_in_us(const struct pool *pool, int lane, const struct call *call)
{
	double leave_us;
	unsigned ahead = admission_ahead(pool, lane, call, &leave_us);
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
static bool admission_leaves_in_time(const struct pool *pool, int lane, const struct call *call,
				     double sooner_us)
{
	if (lane == LANE_COMMAND || lane == LANE_GROUP)
		return true;
	return admission_leaves_in_us(pool, lane, call) - sooner_us <=
	       (double)pool->settings.queue_wait_us;
}

/* Whoever joins can be expected to leave before he has waited too long. */
static bool admission_has_place(const struct pool *pool, int lane, const struct call *call)
{
	size_t count = pool->queue[lane].count;

	if (count >= pool->settings.queue_max)
		return false;
	if (!call->priority.asked || (lane == LANE_QUICK && count < ADMISSION_FEW))
		return true;
	return admission_leaves_in_time(pool, lane, call, 0);
}

/* The last in the queue is let go for one that is clearly more urgent, or asks less. */
static bool admission_makes_room(struct pool *pool, int lane, const struct call *call)
{
	struct list *queue = &pool->queue[lane];
	struct call *last;

	if (list_empty(queue))
		return false;
	last = container_of(list_last(queue), struct call, link);
	if (last->placements || threshold_class(last->rank) <= threshold_class(call->rank) ||
	    !admission_leaves_in_time(pool, lane, call, 0))
		return false;
	admission_end_for(pool, lane, last);
	return true;
}

/* The same where nobody has been ranked yet, and all wait in the order in which they came. */
static bool admission_makes_room_unranked(struct pool *pool, int lane, const struct call *call)
{
	unsigned class = threshold_class(admission_rank(pool, call)), least_class = 0;
	struct call *least = NULL;

	list_each (&pool->queue[lane], it) {
		struct call *each = container_of(it, struct call, link);
		unsigned class_of_each;

		if (!each->priority.asked || each->placements)
			continue;
		class_of_each = threshold_class(admission_rank(pool, each));
		if (class_of_each < least_class)
			continue;
		least = each;
		least_class = class_of_each;
	}
	if (!least || least_class <= class ||
	    !admission_leaves_in_time(pool, lane, call, admission_gap_us(pool, lane, least)))
		return false;
	admission_end_for(pool, lane, least);
	return true;
}

/* A conn that would stand idle takes whoever is there, but not those who are clearly behind others
 * that are refused: these are about to come. */
static bool admission_is_free(struct pool *pool, int lane, const struct call *call)
{
	const struct threshold *threshold = pool->admission[lane].threshold;

	return list_empty(&pool->queue[lane]) && pool_ready(pool, lane) &&
	       (!threshold || !threshold_refuses_class(threshold, call->rank));
}

/*
 * The last of the ranks are many: those who would wait longer than is in time are refused. The
 * first in the queue waits for a conn that is about to be idle.
 */
static bool admission_is_in_time(struct pool *pool, int lane)
{
	const struct admission *admission = &pool->admission[lane];
	int64_t slack_us = codel_slack_us(&admission->codel);
	double room = codel_room(&admission->codel, slack_us);

	if (list_empty(&pool->queue[lane]))
		return pool_ready(pool, lane) || pool_next_in_us(pool, lane) <= slack_us;
	if (admission->threshold && admission->threshold->set)
		room *= (double)admission->threshold->rest;
	return (double)pool->queue[lane].count < room;
}

/* Of better ranks there are fewer than are served, in the end. What is known of the pace may be
 * wrong by half. */
static bool admission_has_room(struct pool *pool, int lane, const struct call *call)
{
	const struct codel *codel = &pool->admission[lane].codel;
	unsigned count = (unsigned)pool->queue[lane].count;

	if (!admission_has_place(pool, lane, call))
		return false;
	if (admission_is_marginal(&pool->admission[lane], call->rank))
		return admission_is_in_time(pool, lane);
	return count < codel_room(codel, codel->interval_us / 2);
}

/* Slow ones take from the quick ones, and the other way round: whoever is clearly behind those
 * that another queue of queries refuses is refused here, too. */
static bool admission_is_behind(const struct pool *pool, const struct call *call)
{
	static const enum lane lanes[] = { LANE_QUICK, LANE_SLOW, LANE_LONG };

	if (call->kind != CALL_QUERY)
		return false;
	for (size_t i = 0; i < sizeof(lanes) / sizeof(lanes[0]); i++) {
		const struct admission *other = &pool->admission[lanes[i]];

		if (other->threshold && codel_overloaded(&other->codel, loop_now(pool->loop)) &&
		    threshold_refuses_class(other->threshold, admission_rank(pool, call)))
			return true;
	}
	return false;
}

/*
 * A queue that stands says that more come than leave, or that the processor was taken from those
 * who serve it. Few clients that wait for their answers never make more than few commands wait.
 */
static bool admission_is_of_few(const struct pool *pool, int lane, unsigned joining)
{
	size_t count = pool->queue[LANE_COMMAND].count + pool->queue[LANE_GROUP].count + joining;

	return (lane == LANE_COMMAND || lane == LANE_GROUP) && count <= ADMISSION_FEW_COMMANDS &&
	       count <= pool->settings.queue_max;
}

static int64_t admission_later_us(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

int64_t admission_expires_us(const struct pool *pool, int lane, int64_t since_us)
{
	const struct admission *admission = pool->admission;
	int64_t wait_us = pool->settings.queue_wait_us;
	int64_t left_us;

	if (admission_is_of_few(pool, lane, 0) && pool_made(pool, LANE_COMMAND) &&
	    pool_next_in_us(pool, lane) <= wait_us) {
		left_us = admission_later_us(admission[LANE_COMMAND].codel.left_us,
					     admission[LANE_GROUP].codel.left_us);
		return admission_later_us(since_us, left_us) + ADMISSION_FEW_WAITS * wait_us;
	}
	if (lane == LANE_QUICK && pool->queue[lane].count <= ADMISSION_FEW)
		since_us = admission_later_us(since_us, admission[lane].codel.left_us);
	return since_us + wait_us;
}

/* As above, for a queue that is overloaded. */
static bool admission_admits_ranked(struct pool *pool, int lane, struct call *call)
{
	struct admission *admission = &pool->admission[lane];

	if (!admission->threshold) {
		admission->threshold = calloc(1, sizeof(*admission->threshold));
		assert(admission->threshold);
	}
	call->rank = admission_rank(pool, call);
	threshold_came(admission->threshold, call->rank);
	if (admission_is_free(pool, lane, call) || admission_is_of_few(pool, lane, 1))
		return true;
	if (threshold_refuses(admission->threshold, call->rank) || admission_is_behind(pool, call))
		return admission_refuse(pool, admission, call, "cut-off", true);
	return admission_has_room(pool, lane, call) || admission_makes_room(pool, lane, call) ||
	       admission_refuse(pool, admission, call, "queue-full", false);
}

bool admission_admits(struct pool *pool, int lane, struct call *call)
{
	struct admission *admission = &pool->admission[lane];

	call->rank = 0;
	if (pool->concurrency.kind == CONCURRENCY_OFF)
		return true;
	/* What goes on with something that was let in is let in. */
	if (call->priority.asked && codel_overloaded(&admission->codel, loop_now(pool->loop)))
		return admission_admits_ranked(pool, lane, call);
	if (call->priority.asked && admission_is_behind(pool, call))
		return admission_refuse(pool, admission, call, "cut-off", true);
	return admission_has_place(pool, lane, call) ||
	       (call->priority.asked && admission_makes_room_unranked(pool, lane, call)) ||
	       admission_refuse(pool, admission, call, "queue-full", false);
}

void admission_enqueue(struct pool *pool, int lane, struct call *call)
{
	struct list *queue = &pool->queue[lane];
	struct list_link *before = queue->head.prev;

	while (before != &queue->head &&
	       threshold_class(container_of(before, struct call, link)->rank) >
		       threshold_class(call->rank))
		before = before->prev;
	list_insert_behind(queue, before, &call->link);
}

static bool admission_is_late(const struct pool *pool, const struct admission *admission,
			      const struct call *call)
{
	int64_t now_us = loop_now(pool->loop);

	if (!call->priority.asked)
		return false;
	if (call->deadline_us && call->statement &&
	    now_us + estimate_us(call->statement) > call->deadline_us)
		return true;
	return core_reserve_waited_us(call, now_us) > codel_slack_us(&admission->codel) &&
	       admission_is_marginal(admission, call->rank);
}

void admission_drop_late(struct pool *pool, int lane)
{
	struct admission *admission = &pool->admission[lane];
	struct list *queue = &pool->queue[lane];
	/* Those who were let in since it is overloaded are served; from before there are more. */
	unsigned kept = 2 * codel_room(&admission->codel, codel_slack_us(&admission->codel));
	struct list_link *next;

	if (pool->concurrency.kind == CONCURRENCY_OFF || admission_is_of_few(pool, lane, 0) ||
	    !codel_overloaded(&admission->codel, loop_now(pool->loop)))
		return;
	for (struct list_link *it = queue->head.next; it != &queue->head && queue->count > kept;
	     it = next) {
		struct call *call = container_of(it, struct call, link);

		next = it->next;
		/* One that is to be run again has been served in part. */
		if (!call->placements && admission_is_late(pool, admission, call))
			admission_end(pool, admission, call, "late",
				      "it waited too long to be served");
	}
}

void admission_expired(struct pool *pool, int lane, const struct call *call)
{
	admission_count(pool, &pool->admission[lane], call, "queue-timeout");
}

/* The longest wait of those who stay: where the more urgent pass them, the queue stands though
 * those who leave have hardly waited. */
static int64_t admission_stays_us(const struct pool *pool, int lane)
{
	int64_t now_us = loop_now(pool->loop), stays_us = 0;

	list_each (&pool->queue[lane], it) {
		const struct call *call = container_of(it, struct call, link);

		if (core_reserve_waited_us(call, now_us) > stays_us)
			stays_us = core_reserve_waited_us(call, now_us);
	}
	return stays_us;
}

void admission_left(struct pool *pool, int lane, unsigned calls, int64_t longest_us,
		    int64_t least_us)
{
	struct admission *admission = &pool->admission[lane];
	struct codel *codel = &admission->codel;
	int64_t now_us = loop_now(pool->loop);

	if (codel_overloaded(codel, now_us) && admission_stays_us(pool, lane) > least_us)
		least_us = admission_stays_us(pool, lane);
	if (!codel_left(codel, calls, longest_us, least_us, now_us) || !admission->threshold)
		return;
	threshold_move(admission->threshold, codel_overloaded(codel, now_us), codel_load(codel),
		       codel_served(codel));
}

void admission_charge(struct conn *conn)
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
		if (call->priority.user)
			fair_charge(&pool->users, call->priority.user, took_us, now_us);
		if (call->priority.caller)
			fair_charge(&pool->callers, call->priority.caller, took_us, now_us);
	}
	if (pool->concurrency.kind == CONCURRENCY_ADAPTIVE && batch->kind != CALL_DESCRIBE &&
	    pool_lane(pool, conn->index) != LANE_STREAM)
		concurrency_took(&pool->concurrency, now_us - batch->sent_us, batch->slots_count,
				 pool_out(pool), now_us);
}
