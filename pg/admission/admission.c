/* SPDX-License-Identifier: Apache-2.0 */
/* At the door and in the queue; the arithmetic is in codel.c, threshold.c and fair.c. */
#include "pg/admission/admission.h"

#include "base/clock.h"
#include "base/limits.h"
#include "pg/admission/core_reserve.h"
#include "pg/admission/estimate.h"

#include <assert.h>
#include <stdlib.h>

#define ADMISSION_FEW 16 /* quick calls: up to here it is not computed when they leave */
/* Commands. No more than share one commit are not too many, however long each of them takes: to
 * refuse one would let no other leave sooner, and its client would only come again. */
#define ADMISSION_FEW_COMMANDS GROUP_CALLS_MAX
#define ADMISSION_FEW_WAITS 5 /* so often --queue-wait-ms they wait while none of them leaves */

static_assert(PRIORITY_SPILLED == THRESHOLD_URGENCIES - 1, "spilled queries come last");

void admission_init(struct admission *admission, enum admission_kind kind,
		    struct admission_shared *shared, struct list *queue,
		    const struct admission *sibling)
{
	*admission = (struct admission){
		.kind = kind, .shared = shared, .queue = queue, .sibling = sibling
	};
	admission->codel.patience_us = admission->codel.interval_us = shared->wait_us;
}

void admission_fini(struct admission *admission)
{
	free(admission->threshold);
}

static struct ticket *admission_ticket(struct list_link *link)
{
	return container_of(link, struct ticket, link);
}

/* --- ranks ----------------------------------------------------------------------------------- */

static unsigned admission_rank(const struct admission *admission, const struct ticket *ticket,
			       int64_t now_us)
{
	const struct priority *priority = &ticket->priority;
	const struct admission_shared *shared = admission->shared;
	bool over = (priority->user && fair_is_over(&shared->users, priority->user, now_us)) ||
		    (priority->caller && fair_is_over(&shared->callers, priority->caller, now_us));

	return threshold_rank(priority->urgency, over, priority->cohort);
}

static bool admission_is_marginal(const struct admission *admission, unsigned rank)
{
	return !admission->threshold || !admission->threshold->set ||
	       threshold_is_marginal(admission->threshold, rank);
}

/* Slow and quick queries take the same node's time: a call of a worse class than another queue of
 * queries refuses is refused here, too. */
static bool admission_is_behind(const struct admission *admission, const struct ticket *ticket,
				int64_t now_us)
{
	if (admission->kind == ADMISSION_COMMANDS)
		return false;
	for (const struct admission *other = admission->shared->ranked; other;
	     other = other->next_ranked)
		if (codel_overloaded(&other->codel, now_us) &&
		    threshold_refuses_class(other->threshold,
					    admission_rank(admission, ticket, now_us)))
			return true;
	return false;
}

static void admission_begin_ranks(struct admission *admission)
{
	admission->threshold = calloc(1, sizeof(*admission->threshold));
	assert(admission->threshold);
	if (admission->kind == ADMISSION_COMMANDS)
		return;
	admission->next_ranked = admission->shared->ranked;
	admission->shared->ranked = admission;
}

/* --- refusals -------------------------------------------------------------------------------- */

static void admission_count(struct admission *admission, const struct ticket *ticket,
			    const char *reason)
{
	static const char *const priorities[THRESHOLD_URGENCIES] = { "0", "1", "2", "3",    "4",
								     "5", "6", "7", "spill" };

	codel_refused(&admission->codel);
	metric_add(admission->shared->metrics, METRIC_shed_total,
		   METRIC_LABELS(reason, priorities[ticket->priority.urgency]), 1);
}

static enum verdict admission_shed(struct admission *admission, const struct ticket *ticket)
{
	admission_count(admission, ticket, "cut-off");
	return VERDICT_SHED;
}

static enum verdict admission_full(struct admission *admission, const struct ticket *ticket)
{
	admission_count(admission, ticket, "queue-full");
	return VERDICT_FULL;
}

static enum verdict admission_displaces(struct admission *admission, const struct ticket *displaced)
{
	admission_count(admission, displaced, "more-urgent");
	return VERDICT_DISPLACES;
}

/* --- when it would leave --------------------------------------------------------------------- */

/* After how long the next one leaves. The more share a batch, the sooner each of them does. */
static double admission_gap_us(const struct admission *admission, const struct ticket *ticket)
{
	double gap_us = admission->codel.gap_us;
	double alone_us = ticket->statement ? (double)estimate_us(ticket->statement) : 0;

	return admission->kind == ADMISSION_BATCHED && alone_us < gap_us ? alone_us : gap_us;
}

/* How many of those that wait leave before that one would, and how long they take to. */
static unsigned admission_ahead(const struct admission *admission, const struct ticket *ticket,
				const struct capacity *capacity, double *leave_us)
{
	const struct admission *sibling = capacity->sibling_is_reserved ? NULL : admission->sibling;
	unsigned ahead = 0;

	*leave_us = 0;
	list_each (admission->queue, it) {
		const struct ticket *each = admission_ticket(it);

		if (threshold_class(each->rank) > threshold_class(ticket->rank))
			continue;
		*leave_us += admission_gap_us(admission, each);
		ahead++;
	}
	if (!sibling)
		return ahead;
	*leave_us += (double)sibling->queue->count * sibling->codel.gap_us;
	return ahead + (unsigned)sibling->queue->count;
}

/*
 * When it could leave, as far as is known: at once where conns are idle for all; otherwise when
 * the next conn is expected, and for each that goes first, at the pace at which calls were seen to
 * leave. An average is no promise: for the first in the queue, half of it counts.
 */
static double admission_leaves_in_us(const struct admission *admission, const struct ticket *ticket,
				     const struct capacity *capacity)
{
	double leave_us;
	unsigned ahead = admission_ahead(admission, ticket, capacity, &leave_us);

	if (ahead < capacity->ready || capacity->next_in_us == CLOCK_NEVER)
		return 0;
	if (!ahead)
		return (double)capacity->next_in_us / 2;
	return (double)capacity->next_in_us + leave_us * (ahead - capacity->ready) / ahead;
}

/* For commands it cannot be predicted: those that share a commit leave the sooner, the more they
 * are, and how long one takes depends on who holds its locks. */
static bool admission_leaves_in_time(const struct admission *admission, const struct ticket *ticket,
				     const struct capacity *capacity, double sooner_us)
{
	return admission->kind == ADMISSION_COMMANDS ||
	       admission_leaves_in_us(admission, ticket, capacity) - sooner_us <=
		       (double)admission->shared->wait_us;
}

/* --- room in the queue ----------------------------------------------------------------------- */

/* There is room for it whenever conns are back. */
static bool admission_has_place_anyway(const struct admission *admission,
				       const struct ticket *ticket)
{
	size_t count = admission->queue->count;

	return count < admission->shared->queue_max &&
	       (!ticket->priority.asked || admission->kind == ADMISSION_COMMANDS ||
		(admission->kind == ADMISSION_BATCHED && count < ADMISSION_FEW));
}

/* It can be expected to leave before it has waited too long. */
static bool admission_has_place(const struct admission *admission, const struct ticket *ticket,
				const struct capacity *capacity)
{
	return admission_has_place_anyway(admission, ticket) ||
	       (admission->queue->count < admission->shared->queue_max &&
		admission_leaves_in_time(admission, ticket, capacity, 0));
}

/* The last in the queue gives way to one that is clearly more urgent, or asks less. */
static struct ticket *admission_makes_room(const struct admission *admission,
					   const struct ticket *ticket,
					   const struct capacity *capacity)
{
	struct ticket *last;

	if (list_empty(admission->queue))
		return NULL;
	last = admission_ticket(list_last(admission->queue));
	if (last->placements || threshold_class(last->rank) <= threshold_class(ticket->rank) ||
	    !admission_leaves_in_time(admission, ticket, capacity, 0))
		return NULL;
	return last;
}

/* The same where no ticket has been ranked yet, and all wait in the order in which they came. */
static struct ticket *admission_makes_room_unranked(const struct admission *admission,
						    const struct ticket *ticket,
						    const struct capacity *capacity, int64_t now_us)
{
	unsigned class = threshold_class(admission_rank(admission, ticket, now_us));
	unsigned least_class = 0;
	struct ticket *least = NULL;

	list_each (admission->queue, it) {
		struct ticket *each = admission_ticket(it);
		unsigned class_of_each;

		if (!each->priority.asked || each->placements)
			continue;
		class_of_each = threshold_class(admission_rank(admission, each, now_us));
		if (class_of_each < least_class)
			continue;
		least = each;
		least_class = class_of_each;
	}
	if (!least || least_class <= class ||
	    !admission_leaves_in_time(admission, ticket, capacity,
				      admission_gap_us(admission, least)))
		return NULL;
	return least;
}

/* A conn that would stay idle takes any call, but of a class that is refused: calls of better
 * classes are about to come. */
static bool admission_is_free(const struct admission *admission, const struct ticket *ticket,
			      const struct capacity *capacity)
{
	return list_empty(admission->queue) && capacity->ready &&
	       !threshold_refuses_class(admission->threshold, ticket->rank);
}

/*
 * The last of the ranks are many: those who would wait longer than is in time are refused. The
 * first in the queue waits for a conn that is about to be idle.
 */
static bool admission_is_in_time(const struct admission *admission, const struct capacity *capacity)
{
	int64_t slack_us = codel_slack_us(&admission->codel);
	double room = codel_room(&admission->codel, slack_us);

	if (list_empty(admission->queue))
		return capacity->ready || capacity->next_in_us <= slack_us;
	if (admission->threshold->set)
		room *= (double)admission->threshold->rest;
	return (double)admission->queue->count < room;
}

/* Of better ranks there are fewer than are served, in the end. What is known of the pace may be
 * wrong by half. */
static bool admission_has_room(const struct admission *admission, const struct ticket *ticket,
			       const struct capacity *capacity)
{
	const struct codel *codel = &admission->codel;

	if (!admission_has_place(admission, ticket, capacity))
		return false;
	if (admission_is_marginal(admission, ticket->rank))
		return admission_is_in_time(admission, capacity);
	return (unsigned)admission->queue->count < codel_room(codel, codel->interval_us / 2);
}

/*
 * A queue that stands says that more come than leave, or that the processor was taken from those
 * who serve it. Few clients that wait for their answers never make more than few commands wait.
 */
static bool admission_is_of_few(const struct admission *admission, unsigned joining)
{
	size_t count = admission->queue->count + joining;

	if (admission->kind != ADMISSION_COMMANDS)
		return false;
	if (admission->sibling)
		count += admission->sibling->queue->count;
	return count <= ADMISSION_FEW_COMMANDS && count <= admission->shared->queue_max;
}

/* --- verdicts -------------------------------------------------------------------------------- */

static bool admission_refuses(const struct admission *admission, const struct ticket *ticket,
			      int64_t now_us)
{
	return threshold_refuses(admission->threshold, ticket->rank) ||
	       admission_is_behind(admission, ticket, now_us);
}

/* As the next, for a queue that is overloaded. */
static enum verdict admission_screen_ranked(struct admission *admission, struct ticket *ticket,
					    int64_t now_us)
{
	if (!admission->threshold)
		admission_begin_ranks(admission);
	ticket->rank = admission_rank(admission, ticket, now_us);
	threshold_came(admission->threshold, ticket->rank);
	if (admission_is_of_few(admission, 1))
		return VERDICT_ADMITTED;
	if (!list_empty(admission->queue) && admission_refuses(admission, ticket, now_us))
		return admission_shed(admission, ticket);
	return VERDICT_DEPENDS;
}

enum verdict admission_screen(struct admission *admission, struct ticket *ticket, int64_t now_us)
{
	ticket->rank = 0;
	if (admission->shared->off)
		return VERDICT_ADMITTED;
	/* Follow-up calls of an admitted request bypass admission. */
	if (ticket->priority.asked) {
		if (codel_overloaded(&admission->codel, now_us))
			return admission_screen_ranked(admission, ticket, now_us);
		if (admission_is_behind(admission, ticket, now_us))
			return admission_shed(admission, ticket);
	}
	return admission_has_place_anyway(admission, ticket) ? VERDICT_ADMITTED : VERDICT_DEPENDS;
}

static enum verdict admission_admits_ranked(struct admission *admission, struct ticket *ticket,
					    const struct capacity *capacity, int64_t now_us,
					    struct ticket **displaced)
{
	if (admission_is_free(admission, ticket, capacity))
		return VERDICT_ADMITTED;
	if (admission_refuses(admission, ticket, now_us))
		return admission_shed(admission, ticket);
	if (admission_has_room(admission, ticket, capacity))
		return VERDICT_ADMITTED;
	*displaced = admission_makes_room(admission, ticket, capacity);
	return *displaced ? admission_displaces(admission, *displaced)
			  : admission_full(admission, ticket);
}

enum verdict admission_admits(struct admission *admission, struct ticket *ticket,
			      const struct capacity *capacity, int64_t now_us,
			      struct ticket **displaced)
{
	*displaced = NULL;
	if (ticket->priority.asked && codel_overloaded(&admission->codel, now_us))
		return admission_admits_ranked(admission, ticket, capacity, now_us, displaced);
	if (admission_has_place(admission, ticket, capacity))
		return VERDICT_ADMITTED;
	if (ticket->priority.asked)
		*displaced = admission_makes_room_unranked(admission, ticket, capacity, now_us);
	return *displaced ? admission_displaces(admission, *displaced)
			  : admission_full(admission, ticket);
}

/* --- in the queue ---------------------------------------------------------------------------- */

void admission_enqueue(struct admission *admission, struct ticket *ticket)
{
	struct list *queue = admission->queue;
	struct list_link *before = queue->head.prev;

	while (before != &queue->head &&
	       threshold_class(admission_ticket(before)->rank) > threshold_class(ticket->rank))
		before = before->prev;
	list_insert_behind(queue, before, &ticket->link);
}

void admission_enqueue_late(struct admission *admission, struct ticket *ticket)
{
	struct list_link *at = admission->queue->head.next;

	while (at != &admission->queue->head &&
	       (threshold_class(admission_ticket(at)->rank) < threshold_class(ticket->rank) ||
		(threshold_class(admission_ticket(at)->rank) == threshold_class(ticket->rank) &&
		 admission_ticket(at)->waits_since_us <= ticket->waits_since_us)))
		at = at->next;
	list_insert_before(admission->queue, at, &ticket->link);
}

static int64_t admission_later_us(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

int64_t admission_expires_us(const struct admission *admission, const struct capacity *capacity,
			     int64_t since_us)
{
	int64_t wait_us = admission->shared->wait_us;
	int64_t dequeued_us = admission->codel.dequeued_us;

	if (admission_is_of_few(admission, 0) && capacity->open &&
	    capacity->next_in_us <= wait_us) {
		if (admission->sibling)
			dequeued_us = admission_later_us(dequeued_us,
							 admission->sibling->codel.dequeued_us);
		return admission_later_us(since_us, dequeued_us) + ADMISSION_FEW_WAITS * wait_us;
	}
	if (admission->kind == ADMISSION_BATCHED && admission->queue->count <= ADMISSION_FEW)
		since_us = admission_later_us(since_us, dequeued_us);
	return since_us + wait_us;
}

static bool admission_is_late(const struct admission *admission, const struct ticket *ticket,
			      int64_t now_us)
{
	if (!ticket->priority.asked)
		return false;
	if (ticket->deadline_us && ticket->statement &&
	    now_us + estimate_us(ticket->statement) > ticket->deadline_us)
		return true;
	return core_reserve_waited_us(ticket, now_us) > codel_slack_us(&admission->codel) &&
	       admission_is_marginal(admission, ticket->rank);
}

void admission_take_late(struct admission *admission, int64_t now_us, struct list *late)
{
	struct list *queue = admission->queue;
	struct list_link *next;
	unsigned kept;

	if (admission->shared->off || !codel_overloaded(&admission->codel, now_us) ||
	    admission_is_of_few(admission, 0))
		return;
	/* Those who were let in since it is overloaded are served; from before there are more. */
	kept = 2 * codel_room(&admission->codel, codel_slack_us(&admission->codel));
	for (struct list_link *it = queue->head.next; it != &queue->head && queue->count > kept;
	     it = next) {
		struct ticket *ticket = admission_ticket(it);

		next = it->next;
		/* One that is to be run again has been served in part. */
		if (ticket->placements || !admission_is_late(admission, ticket, now_us))
			continue;
		admission_count(admission, ticket, "late");
		list_remove(queue, it);
		list_append(late, it);
	}
}

void admission_expired(struct admission *admission, const struct ticket *ticket)
{
	admission_count(admission, ticket, "queue-timeout");
}

/* The longest wait of those who stay: where the more urgent pass them, the queue stands though
 * those who leave have hardly waited. */
static int64_t admission_stays_us(const struct admission *admission, int64_t now_us)
{
	int64_t stays_us = 0;

	list_each (admission->queue, it) {
		int64_t waited_us = core_reserve_waited_us(admission_ticket(it), now_us);

		if (waited_us > stays_us)
			stays_us = waited_us;
	}
	return stays_us;
}

void admission_dequeued(struct admission *admission, unsigned calls, int64_t longest_us,
			int64_t least_us, int64_t now_us)
{
	struct codel *codel = &admission->codel;

	if (codel_overloaded(codel, now_us))
		least_us = admission_later_us(least_us, admission_stays_us(admission, now_us));
	if (!codel_dequeued(codel, calls, longest_us, least_us, now_us) || !admission->threshold)
		return;
	threshold_move(admission->threshold, codel_overloaded(codel, now_us), codel_load(codel),
		       codel_served(codel));
}

void admission_charge(struct admission_shared *shared, const struct ticket *ticket, int64_t took_us,
		      int64_t now_us)
{
	if (ticket->priority.user)
		fair_charge(&shared->users, ticket->priority.user, took_us, now_us);
	if (ticket->priority.caller)
		fair_charge(&shared->callers, ticket->priority.caller, took_us, now_us);
}
