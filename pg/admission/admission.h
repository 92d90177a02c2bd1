/* SPDX-License-Identifier: Apache-2.0 */
/*
 * When more comes than a node can do: who may join a queue, who leaves it unserved. Always, a
 * client's query waits only where it can be expected to leave before it has waited too long: by
 * when a conn is expected to be idle, and by the pace at which those before it leave. Each queue
 * has its own judgement of whether it is overloaded (pg/admission/codel.h). While it is not,
 * calls wait in the order in which they came. While it is,
 *
 *   - whoever's rank is beyond the threshold is refused at the door (pg/admission/threshold.h);
 *   - of the last of the ranks that pass only so many may wait as are served at once; the others
 *     find room behind them, and are not refused for them;
 *   - the more urgent stand before the less urgent;
 *   - of many more (who came before), those who are late are let go, but for better ranks.
 *
 * Few commands, no more than share one commit, are never too many: they wait as if it were not.
 * A call that finds an idle conn and nobody waiting is refused only where others of a better rank
 * are. All on the loop's thread.
 */
#pragma once

#include "base/check.h"
#include "pg/admission/codel.h"
#include "pg/admission/threshold.h"

#include <stdbool.h>
#include <stdint.h>

struct pool;
struct call;
struct conn;

struct admission {
	struct codel codel;
	struct threshold *threshold; /* made when it is first needed */
};

/* lane: an enum lane (pg/inside.h). */
void admission_fini(struct admission *admission);
/* False: it may not join; call->shed says whether for its rank, or because the queue is full. */
bool admission_admits(struct pool *pool, int lane, struct call *call) must_check;
/* Puts it where it belongs in its queue. */
void admission_enqueue(struct pool *pool, int lane, struct call *call);
/* Before a batch is formed: those who are too late are ended. */
void admission_drop_late(struct pool *pool, int lane);
/*
 * When a call of that queue, which has waited since then, has waited too long. Few calls that the
 * next batch or the one behind it takes are not refused while batches leave: their wait counts
 * from when the last one left. Commands, which no other node could run, wait longer for a conn that
 * is known to be back soon, or is overdue: where the processor was taken from those that commit, a
 * refused client would only come again.
 */
int64_t admission_expires_us(const struct pool *pool, int lane, int64_t since_us) must_check;
/* It waited as long as anybody may. */
void admission_expired(struct pool *pool, int lane, const struct call *call);
/* So many have left together, and waited between so long and so long. */
void admission_left(struct pool *pool, int lane, unsigned calls, int64_t longest_us,
		    int64_t least_us);
/* The batch on that conn is over: its time is charged to those whose calls it held. */
void admission_charge(struct conn *conn);
