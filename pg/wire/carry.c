/* SPDX-License-Identifier: Apache-2.0 */
/* The one file that knows all plans. */
#include "pg/wire/carry.h"

#include "pg/wire/conn.h"
#include "pg/wire/pipeline.h"
#include "pg/wire/plan_command.h"
#include "pg/wire/plan_describe.h"
#include "pg/wire/plan_group.h"
#include "pg/wire/plan_jobs.h"
#include "pg/wire/plan_query.h"
#include "pg/wire/plan_stream.h"

#include <assert.h>

void carry_begin(struct conn *conn, enum call_kind kind)
{
	assert(conn->state == CONN_IDLE);
	lookup_keys_clear(&conn->lookup);
	batch_begin(&conn->batch, kind, loop_now(conn->home->loop), conn->home->answer_timeout_us);
}

void carry_add(struct conn *conn, struct call *call)
{
	assert(!call->conn);
	batch_add(&conn->batch, call);
	call_move(call, CALL_OUT);
	call->conn = conn;
	call->sent_us = conn->batch.sent_us;
	call->ticket.placements++;
}

static const struct plan *carry_plan(const struct batch *batch)
{
	const struct call *first = batch->slots[0].call;

	switch (batch->kind) {
	case CALL_QUERY:
	case CALL_PROBE:
		return first->on_rows ? &plan_stream : &plan_queries;
	case CALL_DESCRIBE:
		return &plan_describe;
	case CALL_JOBS:
		return &plan_jobs;
	case CALL_COMMAND:
		if (batch->slots_count > 1)
			return &plan_group;
		if (first->frame)
			return &plan_framed;
		return first->isolation != ISOLATION_READ_COMMITTED ||
				       first->transaction == TRANSACTION_EXPLICIT
			       ? &plan_isolated
			       : &plan_command;
	}
	assert(!"a kind of call");
	return &plan_queries;
}

void carry_send(struct conn *conn)
{
	assert(conn->batch.slots_count > 0);
	conn->batch.plan = carry_plan(&conn->batch);
	conn_move(conn, CONN_BUSY);
	pipeline_sent(conn, conn->batch.plan->send(conn));
}

void carry_hand_over(struct conn *conn, struct call *call, struct call *successor)
{
	assert(call->conn == conn);
	assert(successor->state == CALL_OUT);
	batch_replace(&conn->batch, call, successor);
	successor->conn = conn;
	call->conn = NULL;
}

void carry_forget(struct conn *conn, struct call *call)
{
	bool streams = call->on_rows != NULL;

	/* Its maker may have lost patience with it: slow, then, wanted or not. */
	if (!streams)
		batch_learn_late(&conn->batch, loop_now(conn->home->loop));
	batch_remove(&conn->batch, call);
	conn_cancel(conn, call);
	if (streams)
		plan_stream_forget(conn);
	else if (conn->batch.kind == CALL_JOBS)
		plan_jobs_forget(conn);
}
