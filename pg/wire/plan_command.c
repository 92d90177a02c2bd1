/* SPDX-License-Identifier: Apache-2.0 */
/* What a command sends, and how it ends by what is known of its commit. */
#include "pg/wire/plan_command.h"

#include "pg/admission/estimate.h"
#include "pg/admission/quarantine.h"
#include "pg/wire/answer.h"
#include "pg/wire/conn.h"
#include "pg/wire/feed_row.h"
#include "pg/wire/pipeline.h"

#include <assert.h>
#include <string.h>

/* --- what is sent ---------------------------------------------------------------------------- */

static bool plan_command_send(struct conn *conn)
{
	return pipeline_call(conn, 0) && feed_row_send(conn) &&
	       pipeline_end(conn, FIXED_XID, false);
}

static bool plan_isolated_send(struct conn *conn)
{
	const struct call *call = conn->batch.slots[0].call;

	return pipeline_begin(conn, call->isolation) && pipeline_call(conn, 0) &&
	       feed_row_send(conn) && pipeline_end(conn, FIXED_XID, true);
}

static bool plan_framed_send(struct conn *conn)
{
	const struct call *call = conn->batch.slots[0].call;
	const struct call_frame *frame = call->frame;

	return pipeline_begin(conn, call->isolation) &&
	       pipeline_framing(conn, ENTRY_FRAME_HEAD, frame->before, frame->before_values) &&
	       pipeline_call(conn, 0) && pipeline_sync(conn, ENTRY_SYNC);
}

static void plan_framed_send_rest(struct conn *conn)
{
	const struct call_frame *frame = conn->batch.slots[0].call->frame;

	assert(conn->batch.state == BATCH_OUT);
	batch_begin_trip(&conn->batch);
	/* Before it, which writes in any case. */
	pipeline_sent(conn, feed_row_send(conn) &&
				    pipeline_framing(conn, ENTRY_FRAME_TAIL, frame->behind,
						     frame->behind_values) &&
				    pipeline_end(conn, FIXED_XID, true));
}

/* --- how they end ---------------------------------------------------------------------------- */

/* Of commands that ran to their commit; of one that failed late our own clock tells enough. */
static void plan_command_learn(const struct batch *batch, int64_t now_us)
{
	int64_t took_us = now_us - batch->sent_us;

	if (batch->ran_us >= 0)
		batch_learn(batch, batch->ran_us);
	else if (batch->slots[0].state == SLOT_FAILED && took_us > ESTIMATE_SLOW_US)
		batch_learn(batch, took_us);
}

void plan_command_over(struct conn *conn, settle_slot *end)
{
	if (!conn->batch.temporary)
		plan_command_learn(&conn->batch, loop_now(conn->home->loop));
	settle_over(conn, end);
}

void plan_command_end(struct conn *conn, struct slot *slot)
{
	const struct batch *batch = &conn->batch;
	struct call *call = slot->call;

	call->effect = batch->wrote ? EFFECT_WROTE : EFFECT_NONE;
	call->position = batch->position;
	call->wal_end = batch->wal_end;
	if (slot->state == SLOT_FAILED) {
		const char *standby = PQparameterStatus(conn->pgconn, "in_hot_standby");

		call->in_recovery = standby && strcmp(standby, "on") == 0;
		settle_end(conn, slot, CALL_ERROR, NULL);
	} else if (slot->state == SLOT_RETURNED) {
		settle_again(conn, slot);
	} else if (call->frame_end == FRAME_ROLLED_BACK || position_known(batch->position)) {
		settle_end(conn, slot, slot->state == SLOT_DONE ? CALL_OK : CALL_TOO_LARGE, NULL);
	} else {
		settle_end(conn, slot, CALL_LOST, "the position of its commit could not be read");
	}
}

/* It ran alone: when it failed all the same, its group broke because of it. */
static void plan_command_judge(const struct call *call, enum slot_state state)
{
	if (call->company == COMPANY_BLAMED && state == SLOT_FAILED)
		quarantine_begin(call->statement);
	else if (state != SLOT_RETURNED)
		quarantine_serve(call->statement);
}

static void plan_command_end_alone(struct conn *conn, struct slot *slot,
				   const struct closing *closing)
{
	(void)closing;
	plan_command_judge(slot->call, slot->state);
	plan_command_end(conn, slot);
}

void plan_command_lose(struct conn *conn, struct slot *slot, const struct closing *closing)
{
	if (slot->state == SLOT_FAILED)
		settle_end(conn, slot, CALL_ERROR, NULL);
	else if (slot->state == SLOT_RETURNED || !batch_may_have_committed(&conn->batch))
		settle_end(conn, slot, CALL_UNSENT, closing->reason);
	else
		settle_end(conn, slot, CALL_LOST, closing->reason);
}

/* --- what follows ---------------------------------------------------------------------------- */

static void plan_command_on_sync(struct conn *conn, bool counted)
{
	(void)counted;
	if (!settle_rolls_back(conn))
		plan_command_over(conn, plan_command_end_alone);
}

static void plan_command_on_lost(struct conn *conn, const struct closing *closing)
{
	settle_lost(conn, closing, plan_command_lose);
}

/* The first trip is back, the command has run and is still wanted: its maker decides. */
static bool plan_framed_goes_on(struct conn *conn)
{
	const struct slot *slot = &conn->batch.slots[0];
	struct call *call = slot->call;

	if (conn->batch.state != BATCH_OUT || !call ||
	    (slot->state != SLOT_DONE && slot->state != SLOT_TOO_LARGE) ||
	    PQtransactionStatus(conn->pgconn) != PQTRANS_INTRANS)
		return false;
	if (slot->state == SLOT_DONE && call->frame->on_ran(call))
		return true;
	call->frame_end = FRAME_ROLLED_BACK;
	return false;
}

static void plan_framed_on_sync(struct conn *conn, bool counted)
{
	if (plan_framed_goes_on(conn))
		plan_framed_send_rest(conn);
	else
		plan_command_on_sync(conn, counted);
}

const struct plan plan_command = {
	.kind = PLAN_COMMAND,
	.send = plan_command_send,
	.on_error = answer_error,
	.on_sync = plan_command_on_sync,
	.on_lost = plan_command_on_lost,
};

const struct plan plan_isolated = {
	.kind = PLAN_ISOLATED,
	.send = plan_isolated_send,
	.on_error = answer_error,
	.on_sync = plan_command_on_sync,
	.on_lost = plan_command_on_lost,
};

const struct plan plan_framed = {
	.kind = PLAN_FRAMED,
	.send = plan_framed_send,
	.on_error = answer_error,
	.on_sync = plan_framed_on_sync,
	.on_lost = plan_command_on_lost,
};
