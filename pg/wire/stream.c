/* SPDX-License-Identifier: Apache-2.0 */
/* A conn that waits for its reader is not watched at all: epoll reports a hang-up unasked. */
#include "pg/wire/stream.h"

#include "base/clock.h"
#include "base/control.h"
#include "pg/wire/answer.h"

#include <assert.h>
#include <sys/epoll.h>

/* The stream on this conn, or NULL when nobody waits for one, or it has failed. */
static struct call *stream_call(const struct conn *conn)
{
	const struct slot *slot = &conn->batch.slots[0];

	if (conn->state != CONN_BUSY || conn->flow != FLOW_READS || !conn->batch.streams)
		return NULL;
	return slot->call && (slot->state == SLOT_OUT || slot->state == SLOT_DONE) ? slot->call
										   : NULL;
}

static void stream_tell(struct conn *conn, struct call *call)
{
	const struct batch *batch = &conn->batch;

	/* Our own statements went wrong, as they do where a pooler forgets what was prepared. */
	if (!batch->lower_known || !batch->upper_known) {
		conn_close(conn,
			   closing_again(closing_unused("what a stream saw could not be bounded")));
		return;
	}
	call->streamed = true;
	answer_bounds(batch, call);
	call->on_rows(call);
}

void stream_on_result(struct conn *conn)
{
	struct call *call = stream_call(conn);

	if (!call || call->out->len < STREAM_BUFFER_BYTES)
		return;
	if (CONTROL_PRESSURE) {
		loop_unwatch(conn->home->loop, &conn->watch);
		conn->flow = FLOW_PAUSED;
		conn->due_us = CLOCK_NEVER;
	}
	stream_tell(conn, call);
}

void stream_on_drained(struct conn *conn)
{
	struct call *call = stream_call(conn);

	if (call && call->streamed && call->out->len)
		stream_tell(conn, call);
}

bool stream_on_taken(struct conn *conn)
{
	if (conn->flow == FLOW_READS)
		return false;
	conn->flow = FLOW_RESUMES;
	loop_again(conn->home->loop);
	return true;
}

void stream_go_on(struct conn *conn)
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

void stream_forget(struct conn *conn)
{
	/* What is left may be any number of rows, and the server may work for long on the next. */
	if (conn->state == CONN_BUSY)
		conn_close(conn, closing_unused("nobody reads its stream any more"));
}
