/* SPDX-License-Identifier: Apache-2.0 */
/*
 * At the end of a batch each of its calls ends or is placed again, by the state of its slot; a conn
 * that is lost ends them by what may have happened on the server.
 */
#include "pg/wire/answer.h"

#include "pg/admission/estimate.h"
#include "pg/admission/quarantine.h"
#include "pg/wire/conn.h"

#include <assert.h>
#include <string.h>

static struct call *answer_release(struct conn *conn, struct slot *slot)
{
	struct call *call = slot->call;

	assert(call->conn == conn);
	slot->call = NULL;
	call->conn = NULL;
	return call;
}

/* It ran alone: when it failed all the same, its group broke because of it. */
static void answer_judge(const struct call *call, enum slot_state state)
{
	if (call->blamed && state == SLOT_FAILED)
		quarantine_begin(call->statement);
	else if (state != SLOT_AGAIN)
		quarantine_serve(call->statement);
}

/* Of commands that ran to their commit; of one that failed late our own clock tells enough. */
static void answer_learn_commands(struct conn *conn)
{
	struct batch *batch = &conn->batch;
	int64_t took_us = loop_now(conn->home->loop) - batch->sent_us;

	if (batch->ran_us >= 0)
		batch_learn(conn, batch->ran_us);
	else if (batch->slots[0].state == SLOT_FAILED && took_us > ESTIMATE_SLOW_US)
		batch_learn(conn, took_us);
}

static void answer_end_command(struct conn *conn, struct slot *slot)
{
	const struct batch *batch = &conn->batch;
	enum slot_state state = slot->state;
	struct call *call = answer_release(conn, slot);

	call->wrote = batch->wrote;
	call->position = batch->position;
	if (!batch->grouped)
		answer_judge(call, state);
	if (state == SLOT_FAILED) {
		const char *standby = PQparameterStatus(conn->pgconn, "in_hot_standby");

		call->in_recovery = standby && strcmp(standby, "on") == 0;
		conn->home->owner->on_result_end(conn, call, CALL_ERROR, NULL);
	} else if (state == SLOT_AGAIN) {
		conn->home->owner->on_again(conn, call);
	} else if (call->rolled_back || batch->position_known) {
		conn->home->owner->on_result_end(
			conn, call, state == SLOT_DONE ? CALL_OK : CALL_TOO_LARGE, NULL);
	} else {
		conn->home->owner->on_result_end(conn, call, CALL_LOST,
						 "the position of its commit could not be read");
	}
}

void answer_bounds(const struct batch *batch, struct call *call)
{
	call->in_recovery = batch->in_recovery;
	call->lower = batch->lower;
	call->upper = batch->upper;
	call->newest = batch->newest;
	call->timeline = batch->timeline;
}

static void answer_end_query(struct conn *conn, struct slot *slot)
{
	const struct batch *batch = &conn->batch;
	enum slot_state state = slot->state;
	struct call *call = answer_release(conn, slot);

	/* The look before a stream is of a transaction of its own, and can fail alone. */
	if (batch->streams && !batch->lower_known && state != SLOT_FAILED)
		state = SLOT_AGAIN;
	answer_bounds(batch, call);
	switch (state) {
	case SLOT_DONE:
		if (batch->kind == CALL_QUERY && !batch->upper_known)
			conn->home->owner->on_result_end(conn, call, CALL_LOST,
							 "what it saw could not be bounded");
		else
			conn->home->owner->on_result_end(conn, call, CALL_OK, NULL);
		return;
	case SLOT_TOO_LARGE:
		conn->home->owner->on_result_end(conn, call, CALL_TOO_LARGE, NULL);
		return;
	case SLOT_FAILED:
		conn->home->owner->on_result_end(conn, call, CALL_ERROR, NULL);
		return;
	case SLOT_OUT: /* a probe that failed */
	case SLOT_AGAIN:
		conn->home->owner->on_again(conn, call);
		return;
	}
	assert(!"a slot's state");
}

/* Last to first, so that those placed again keep their order at the head of the queue. */
void answer_over(struct conn *conn)
{
	struct batch *batch = &conn->batch;

	assert(conn->state == CONN_BUSY);
	if (batch->kind == CALL_COMMAND)
		answer_learn_commands(conn);
	conn->home->owner->on_answered(conn);
	for (unsigned i = batch->slots_count; i-- > 0;)
		if (!batch->slots[i].call)
			continue;
		else if (batch->kind == CALL_COMMAND)
			answer_end_command(conn, &batch->slots[i]);
		else
			answer_end_query(conn, &batch->slots[i]);
	conn_rest(conn);
}

static void answer_lose_command(struct conn *conn, struct slot *slot, const char *reason)
{
	const struct batch *batch = &conn->batch;
	bool again = slot->state == SLOT_AGAIN, failed = slot->state == SLOT_FAILED;
	struct call *call = answer_release(conn, slot);

	/* Whether an error holds is not known before the commit is; the effect is gone for sure. */
	if (failed && batch->grouped && !batch->committed) {
		conn->home->owner->on_result_end(
			conn, call, batch->may_commit ? CALL_LOST : CALL_UNSENT, reason);
		return;
	}

	if (failed)
		conn->home->owner->on_result_end(conn, call, CALL_ERROR, NULL);
	else if (again || !conn->batch.may_commit)
		conn->home->owner->on_result_end(conn, call, CALL_UNSENT, reason);
	else
		conn->home->owner->on_result_end(conn, call, CALL_LOST, reason);
}

static void answer_lose_query(struct conn *conn, struct slot *slot, const char *reason, bool again)
{
	enum slot_state state = slot->state;

	if (state == SLOT_FAILED || state == SLOT_TOO_LARGE ||
	    (state == SLOT_DONE && (conn->batch.upper_known || conn->batch.kind != CALL_QUERY))) {
		answer_end_query(conn, slot);
		return;
	}
	if (again)
		conn->home->owner->on_again(conn, answer_release(conn, slot));
	else
		conn->home->owner->on_result_end(conn, answer_release(conn, slot), CALL_LOST,
						 reason);
}

void answer_lost(struct conn *conn, const char *reason, bool again)
{
	struct batch *batch = &conn->batch;

	for (unsigned i = batch->slots_count; i-- > 0;)
		if (!batch->slots[i].call)
			continue;
		else if (batch->kind == CALL_COMMAND)
			answer_lose_command(conn, &batch->slots[i], reason);
		else
			answer_lose_query(conn, &batch->slots[i], reason, again);
}
