/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Admission control of one queue: which calls may join it, and which leave it unserved.
 *
 * Always: a client's query joins only if it can be expected to leave in time (--queue-wait-ms).
 * That is computed from when a conn is expected to be idle, and from the pace at which the calls
 * before it leave. Each queue finds out for itself whether it is overloaded (pg/admission/codel.h).
 * While it is not, calls wait in the order in which they came. While it is overloaded:
 *
 *   - a call whose rank is beyond the threshold is refused (pg/admission/threshold.h);
 *   - of the last rank that passes, only as many wait as are served at once; calls of better ranks
 *     join in front of them;
 *   - more urgent calls stand before less urgent ones;
 *   - calls that have waited too long are dropped, the last ranks first.
 *
 * Exceptions: up to 32 commands (as many as share one commit) are never too many. A call that
 * finds an idle conn and an empty queue is refused only while calls of a better class are.
 * Follow-up calls of an admitted request bypass admission, but for the length of the queue.
 *
 * Policy only: it is given tickets, the state of the conns (struct capacity) and the time, and
 * returns verdicts. The owner of the queue ends the calls. Refusals are counted here (shed_total).
 * One loop's thread; times are microseconds of its clock.
 */
#pragma once

#include "base/check.h"
#include "base/list.h"
#include "base/metrics.h"
#include "pg/admission/codel.h"
#include "pg/admission/fair.h"
#include "pg/admission/threshold.h"
#include "pg/admission/ticket.h"

#include <stdbool.h>
#include <stdint.h>

/* What waits in a queue. */
enum admission_kind {
	ADMISSION_BATCHED,  /* queries that share a batch: many leave as soon as few */
	ADMISSION_ALONE,    /* queries that travel one by one */
	ADMISSION_COMMANDS, /* how long they take is a matter of who holds their locks */
};

/* What the queues of one pool have in common. */
struct admission_shared {
	/* Set by the owner; the rest to zero. */
	struct metrics *metrics;
	unsigned queue_max; /* calls in a queue */
	int64_t wait_us;    /* longest that a call waits: --queue-wait-ms */
	bool off;           /* all calls are admitted */

	struct fair users, callers; /* how much of the node's time each used lately */
	struct admission *ranked;   /* the queues of queries that have a threshold; a chain */
};

/* Of one queue. */
struct admission {
	enum admission_kind kind;
	struct admission_shared *shared;
	struct list *queue;              /* of tickets, oldest first */
	const struct admission *sibling; /* of the other queue for the same conns, or NULL */
	struct codel codel;
	struct threshold *threshold; /* made when it is first needed */
	struct admission *next_ranked;
};

/* The conns that a queue's calls can leave on, as they are now. */
struct capacity {
	unsigned ready;     /* calls that can leave at once, each on a conn that is idle */
	int64_t next_in_us; /* until one more is idle; 0: any moment; CLOCK_NEVER: none is coming */
	bool open;          /* at least one is made */
	bool sibling_is_reserved; /* the sibling queue's calls leave behind those of this one */
};

enum verdict {
	VERDICT_ADMITTED,
	VERDICT_DISPLACES, /* admitted in place of a ticket that the owner takes off the queue */
	VERDICT_DEPENDS,   /* on the capacity: admission_admits is to be asked */
	VERDICT_FULL,      /* refused: it would wait for too long */
	VERDICT_SHED,      /* refused: its rank is beyond the threshold */
};

/* queue, shared and sibling are borrowed. codel.interval_us may be set longer afterwards. */
void admission_init(struct admission *admission, enum admission_kind kind,
		    struct admission_shared *shared, struct list *queue,
		    const struct admission *sibling);
void admission_fini(struct admission *admission);

/* May it join? The verdict as far as it depends on nothing but the queues. Call it once. */
enum verdict admission_screen(struct admission *admission, struct ticket *ticket,
			      int64_t now_us) must_check;
/* And for VERDICT_DEPENDS; not that again. displaced: set for VERDICT_DISPLACES. */
enum verdict admission_admits(struct admission *admission, struct ticket *ticket,
			      const struct capacity *capacity, int64_t now_us,
			      struct ticket **displaced) must_check;
/* Puts it where it belongs in its queue. */
void admission_enqueue(struct admission *admission, struct ticket *ticket);
/* The same for one that has waited since waits_since_us: among its class, before those that came
 * later. */
void admission_enqueue_late(struct admission *admission, struct ticket *ticket);
/* Before a batch is formed: moves the tickets that are too late to be served to the list late. */
void admission_take_late(struct admission *admission, int64_t now_us, struct list *late);
/*
 * When a ticket of that queue, which has waited since then, has waited too long. Few calls that the
 * next batch or the one behind it takes are not refused while batches leave: their wait counts
 * from when the last one left. Commands, which no other node could run, wait longer for a conn that
 * is known to be back soon, or is overdue: where the processor was taken from those that commit, a
 * refused client would only come again.
 */
int64_t admission_expires_us(const struct admission *admission, const struct capacity *capacity,
			     int64_t since_us) must_check;
/* It waited for longer than admission_expires_us allows: counted. */
void admission_expired(struct admission *admission, const struct ticket *ticket);
/* A batch of that many calls left; the longest and the shortest of their waits. */
void admission_dequeued(struct admission *admission, unsigned calls, int64_t longest_us,
			int64_t least_us, int64_t now_us);
/* It took so much of the node's time: charged to its user and its caller. */
void admission_charge(struct admission_shared *shared, const struct ticket *ticket, int64_t took_us,
		      int64_t now_us);
