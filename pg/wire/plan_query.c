/* SPDX-License-Identifier: Apache-2.0 */
/* What a batch of queries sends, and by which state of its slot each of them ends. */
#include "pg/wire/plan_query.h"

#include "pg/wire/answer.h"
#include "pg/wire/conn.h"
#include "pg/wire/pipeline.h"
#include "pg/wire/settle.h"

#include <assert.h>

static bool plan_query_send(struct conn *conn)
{
	struct batch *batch = &conn->batch;

	if (!pipeline_fixed(conn, ENTRY_PROBE_LOWER, FIXED_PROBE, SLOT_NONE, NULL))
		return false;
	for (unsigned i = 0; i < batch->slots_count; i++)
		if (batch->slots[i].call->kind == CALL_QUERY && !pipeline_call(conn, i))
			return false;
	return pipeline_backend(conn) &&
	       pipeline_fixed(conn, ENTRY_PROBE_UPPER, FIXED_BOUND, SLOT_NONE, NULL) &&
	       pipeline_sync(conn, ENTRY_SYNC);
}

/* One more probe, for calls that are complete and lack their upper bound. */
static void plan_query_bound(struct conn *conn)
{
	batch_move(&conn->batch, BATCH_BOUNDING);
	batch_begin_trip(&conn->batch);
	pipeline_sent(conn, pipeline_fixed(conn, ENTRY_PROBE_UPPER, FIXED_STANDBY_BOUND, SLOT_NONE,
					   NULL) &&
				    pipeline_sync(conn, ENTRY_SIDE_SYNC));
}

/* --- how long it took ------------------------------------------------------------------------ */

static void plan_query_learn(struct conn *conn)
{
	const struct batch *batch = &conn->batch;

	/* How long a stream takes is its reader's doing. */
	if (batch->kind != CALL_QUERY || batch->plan->kind == PLAN_STREAM)
		return;
	if (batch->ended_us)
		batch_learn(batch, batch->ended_us - batch->began_us);
	else
		batch_learn_late(batch, loop_now(conn->home->loop));
}

/* --- the end --------------------------------------------------------------------------------- */

static bool plan_query_lacks_upper(const struct batch *batch)
{
	for (unsigned i = 0; i < batch->slots_count; i++)
		if (batch->slots[i].call && batch->slots[i].state == SLOT_DONE)
			return batch->kind == CALL_QUERY && !batch->upper;
	return false;
}

static void plan_query_end(struct conn *conn, struct slot *slot, const struct closing *closing)
{
	const struct batch *batch = &conn->batch;
	enum slot_state state = slot->state;

	(void)closing;
	/* The probe before a stream is of a transaction of its own, and can fail alone. */
	if (batch->plan->kind == PLAN_STREAM && !batch->lower && state != SLOT_FAILED)
		state = SLOT_RETURNED;
	batch_bounds(batch, slot->call);
	switch (state) {
	case SLOT_DONE:
		if (batch->kind == CALL_QUERY && !batch->upper)
			settle_end(conn, slot, CALL_LOST, "what it saw could not be bounded");
		else
			settle_end(conn, slot, CALL_OK, NULL);
		return;
	case SLOT_TOO_LARGE:
		settle_end(conn, slot, CALL_TOO_LARGE, NULL);
		return;
	case SLOT_FAILED:
		settle_end(conn, slot, CALL_ERROR, NULL);
		return;
	case SLOT_BROKEN:
		slot->call->company = COMPANY_NONE;
		settle_again(conn, slot);
		return;
	case SLOT_AWAITED: /* a probe that failed */
	case SLOT_RETURNED:
		settle_again(conn, slot);
		return;
	}
	assert(!"a slot's state");
}

void plan_query_on_sync(struct conn *conn, bool counted)
{
	if (counted)
		plan_query_learn(conn);
	if (settle_rolls_back(conn))
		return;
	if (counted && plan_query_lacks_upper(&conn->batch))
		plan_query_bound(conn);
	else
		settle_over(conn, plan_query_end);
}

/* Is what came of it known, whatever becomes of the rest of the batch? */
static bool plan_query_is_settled(const struct batch *batch, const struct slot *slot)
{
	if (slot->state == SLOT_DONE)
		return batch->upper || batch->kind != CALL_QUERY;
	return slot->state == SLOT_FAILED || slot->state == SLOT_TOO_LARGE ||
	       slot->state == SLOT_BROKEN;
}

static void plan_query_lose(struct conn *conn, struct slot *slot, const struct closing *closing)
{
	if (plan_query_is_settled(&conn->batch, slot))
		plan_query_end(conn, slot, NULL);
	else if (closing->calls_again)
		settle_again(conn, slot);
	else
		settle_end(conn, slot, CALL_LOST, closing->reason);
}

void plan_query_on_lost(struct conn *conn, const struct closing *closing)
{
	settle_lost(conn, closing, plan_query_lose);
}

const struct plan plan_queries = {
	.kind = PLAN_QUERIES,
	.send = plan_query_send,
	.on_error = answer_error,
	.on_sync = plan_query_on_sync,
	.on_lost = plan_query_on_lost,
};
