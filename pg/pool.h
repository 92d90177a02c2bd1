/* SPDX-License-Identifier: Apache-2.0 */
/*
 * All conns to one node in one loop, and the calls that wait for them. Batches form by themselves:
 * an idle conn takes what is queued at the end of the turn; while it is out, calls gather. No
 * locks: everything happens on the loop's thread.
 *
 * A query batch is [probe] [call 1] … [call n] [probe] Sync, read only. A call that fails ends
 * the batch for those behind it; the pool queues them again by itself, and fetches a later probe
 * for those before it. Lanes: quick statements batch; a statement whose running estimate is slow
 * travels alone on the slow lane, and may have to wait there when it is long
 * (pg/admission/core_reserve.h); commands have conns of their own, where those that queue while
 * one group is on its way leave as the next group (pg/wire/plan_group.h), and so have streams:
 * queries with on_rows, of which there are never more than streams_max, and batches of jobs
 * (pg/jobs.h), of which there are never more than jobs_max.
 */
#pragma once

#include "base/check.h"
#include "base/loop.h"
#include "base/metrics.h"
#include "pg/call.h"
#include "pg/node.h"
#include "pg/pool_settings.h"
#include "pg/wire/conn_state.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct pool;

struct pool *pool_new(struct loop *loop, const struct node *node, struct metrics *metrics,
		      const struct pool_settings *settings) must_check;
/* Ends every call (CALL_UNSENT or CALL_LOST), closes every conn. An on_done may call it. */
void pool_free(struct pool *pool);

/* How conns are shared out over lanes: a primary gives some to commands, and has two conns at
 * least. Opens one of each lane that is always used. */
void pool_set_role(struct pool *pool, enum node_role role);

/* False: it would wait for too long, or all conns for streams are taken, or call->refusal says that
 * others go first; the call stays with the caller. on_done is never called from inside. */
bool pool_submit(struct pool *pool, struct call *call) must_check;
/* on_done will not be called. What is already on its way runs to its end unseen, or is cancelled
 * where the call says so; but of a stream the conn is closed: that ends it on the server, too, as
 * does a batch of jobs whose commit is not on its way. */
void pool_forget(struct pool *pool, struct call *call);
/* out of a stream was taken and is empty: more rows may come. Not from inside on_rows. */
void pool_go_on(struct pool *pool, struct call *call);
/* The node does not answer or is another one now: every query and describe comes back at once
 * (CALL_UNSENT or CALL_LOST) and the conns are closed. Commands in flight too: CALL_LOST. */
void pool_abandon(struct pool *pool, const char *reason);

/*
 * The node is the server whose postmaster started then (microseconds of wall time; 0: any). Conns
 * that lead to another one are retired at once, what is on its way on them comes back CALL_LOST,
 * and a new one is closed before it serves.
 */
void pool_expect(struct pool *pool, int64_t server_us);

/*
 * Roles, memberships or settings of roles have changed: what a conn has prepared PostgreSQL goes on
 * to run by the row security of before, and its session keeps the settings it began with. So all of
 * them serve no more: those with a batch are closed at its end, the others at once.
 */
void pool_renew(struct pool *pool);

/* The node is there again, or is to be asked whether it is: the pause before the next
 * connect is over. Nothing to do while one is being made. */
void pool_dial_now(struct pool *pool);

/* Calls waiting and on their way; what choose_node balances by. */
unsigned pool_load(const struct pool *pool);
/* Could a quick query leave at once, and does no query or command wait? */
bool pool_has_room(const struct pool *pool) must_check;
/* Is a conn open, so that a call can leave at once or after the batch under way? */
bool pool_connected(const struct pool *pool);
/* Has each lane whose conns are always open one that was made, for a node of a known role? */
bool pool_opened(const struct pool *pool) must_check;
/* Why the last conn could not be made or was lost, for logs; "" when all is well. */
const char *pool_last_error(const struct pool *pool);
unsigned pool_conns(const struct pool *pool, enum conn_state state);
