/* SPDX-License-Identifier: Apache-2.0 */
/* A conn that waits for its reader is not watched at all: epoll reports a hang-up unasked. */
#include "pg/wire/plan_stream.h"

#include "base/clock.h"
#include "base/control.h"
#include "pg/wire/answer.h"
#include "pg/wire/conn.h"
#include "pg/wire/pipeline.h"
#include "pg/wire/plan_query.h"

#include <assert.h>
#include <sys/epoll.h>

static bool plan_stream_send(struct conn *conn)
{
	assert(conn->batch.slots_count == 1);
	return pipeline_fixed(conn, ENTRY_PROBE_LOWER, FIXED_PROBE, SLOT_NONE, NULL) &&
	       pipeline_sync(conn, ENTRY_SIDE_SYNC) &&
	       pipeline_text(conn, ENTRY_BEGIN,
			     "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY") &&
	       pipeline_backend(conn) &&
	       pipeline_fixed(conn, ENTRY_PROBE_UPPER, FIXED_STANDBY_BOUND, SLOT_NONE, NULL) &&
	       pipeline_notice(conn, 0) && pipeline_call(conn, 0) &&
	       pipeline_text(conn, ENTRY_COMMIT, "COMMIT") && pipeline_sync(conn, ENTRY_SYNC);
}

/* The stream on this conn, or NULL when no query waits for one, or it has failed. */
static struct call *plan_stream_call(const struct conn *conn)
{
	const struct slot *slot = &conn->batch.slots[0];

	if (conn->state != CONN_BUSY || conn->flow != FLOW_READS)
		return NULL;
	return slot->state == SLOT_AWAITED || slot->state == SLOT_DONE ? slot->call : NULL;
}

static void plan_stream_tell(struct conn *conn, struct call *call)
{
	const struct batch *batch = &conn->batch;

	/* Our own statements went wrong, as they do where a pooler forgets what was prepared. */
	if (!batch->lower || !batch->upper) {
		conn_close(conn,
			   closing_again(closing_unused("what a stream saw could not be bounded")));
		return;
	}
	if (call->state == CALL_OUT)
		call_move(call, CALL_STREAMING);
	call->effect = EFFECT_STREAMED;
	batch_bounds(batch, call);
	call->on_rows(call);
}

static void plan_stream_on_result(struct conn *conn)
{
	struct call *call = plan_stream_call(conn);

	if (!call || call->out->len < STREAM_BUFFER_BYTES)
		return;
	if (CONTROL_PRESSURE) {
		loop_unwatch(conn->home->loop, &conn->watch);
		conn->flow = FLOW_PAUSED;
		conn->due_us = CLOCK_NEVER;
	}
	plan_stream_tell(conn, call);
}

static void plan_stream_on_drained(struct conn *conn)
{
	struct call *call = plan_stream_call(conn);

	if (call && call->state == CALL_STREAMING && call->out->len)
		plan_stream_tell(conn, call);
}

bool plan_stream_on_taken(struct conn *conn)
{
	if (conn->flow == FLOW_READS)
		return false;
	conn->flow = FLOW_RESUMES;
	loop_again(conn->home->loop);
	return true;
}

void plan_stream_go_on(struct conn *conn)
{
	struct loop *loop = conn->home->loop;

	if (conn->flow != FLOW_RESUMES)
		return;
	assert(conn->state == CONN_BUSY);
	conn->flow = FLOW_READS;
	loop_watch(loop, &conn->watch, PQsocket(conn->pgconn), EPOLLIN);
	conn_set_due(conn, loop_now(loop) + conn->batch.patience_us);
	/* libpq may hold rows that came with those before. */
	answer_take(conn);
}

void plan_stream_forget(struct conn *conn)
{
	/* What is left may be any number of rows, and the server may work for long on the next. */
	if (conn->state == CONN_BUSY)
		conn_close(conn, closing_unused("its stream is no longer wanted"));
}

const struct plan plan_stream = {
	.kind = PLAN_STREAM,
	.send = plan_stream_send,
	.on_error = answer_error,
	.on_sync = plan_query_on_sync,
	.on_lost = plan_query_on_lost,
	.on_result = plan_stream_on_result,
	.on_drained = plan_stream_on_drained,
};
