/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Identical queries that wait for one node are sent once. One of them, the leader, waits in a queue
 * and travels; the others follow it wherever it goes, and each ends with a copy of what came of it:
 *
 *   pool_submit ──► as one that waits? ──no──► into a queue; others may follow it
 *                          │ yes
 *                          ▼
 *                      follows it ──► OUT with it ──► ENDED with it (coalesce_share)
 *
 * A call follows one that was never sent yet: the statement begins after each of them came, so that
 * each ends as it could have ended alone; whether that is new enough its maker judges for each by
 * itself. A leader that leaves without its followers (forgotten, displaced, late) is succeeded by
 * the one that has waited longest, with its own place, time and deadline.
 *
 * One that is out is not joined, not even by a call that requires no position. PostgreSQL answers a
 * batch at its Sync, so that what it has proved is known no sooner than its rows; on a primary a
 * position does not tell what was visible when it began; and of what began before a call came its
 * age, timeout and errors are not those that the call may have. It would save one run for each
 * conn, as at most so many are out (control build any-flight).
 *
 * Identical: one statement, the same values and claims, the same limits, but for the timeout, of
 * which the server gets the longest. A call never follows one that is less urgent. Statements
 * that are volatile (pg/wire/session_state.h) are sent for each, unless @coalesce says otherwise.
 * Of a @lookup the key may be another one: pg/wire/lookup.h says what is sent then, and each ends
 * with rows of its own.
 *
 * A table of the leaders that wait, by hash; where two meet, the older one is not found any more.
 * One loop, no locks, no allocation.
 */
#pragma once

#include "base/check.h"
#include "pg/call.h"

#include <stdbool.h>
#include <stdint.h>

#define COALESCE_SLOTS 512 /* a power of two: call->coalesce_slot has its bits */

/* Of a pool; cleared memory is an empty one. */
struct coalesce {
	struct call *waiting[COALESCE_SLOTS]; /* borrowed until coalesce_withdraw */
	int64_t timeout_us; /* statement_timeout of calls without one of their own; 0: none */
};

/* True: it follows one that waits. False: nothing has changed, but coalesce_offer may come next. */
bool coalesce_join(struct coalesce *coalesce, struct call *call) must_check;
/* It waits in a queue, for the first time: others may follow it. After coalesce_join. */
void coalesce_offer(struct coalesce *coalesce, struct call *call);
/* No more calls follow it. For every call that leaves a queue. */
void coalesce_withdraw(struct coalesce *coalesce, const struct call *call);

/* It was put into a batch: its followers are OUT, too. */
void coalesce_sent(struct call *call);
/* It is placed again, its followers with it. */
void coalesce_again(struct call *call, int64_t now_us);
/* Takes the last one that came off its followers. NULL: there is none. */
struct call *coalesce_take(struct call *call) must_check;
/* What came of one so far is what came of the other, rows and all where they are wanted; where each
 * has rows of its own, it keeps them. */
void coalesce_share(const struct call *from, struct call *to, bool rows);

/* It follows no more. */
void coalesce_leave(struct call *call);
/*
 * The follower that has waited longest leads the others, with what came so far; the leader has
 * none. The successor is neither in the queue nor on the conn yet. NULL: there is none.
 */
struct call *coalesce_succeed(struct coalesce *coalesce, struct call *call) must_check;
/* Are the rows that have come for its followers still there? Its maker may have cleared them. */
bool coalesce_is_intact(const struct call *call) must_check;
