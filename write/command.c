/* SPDX-License-Identifier: Apache-2.0 */
/* Commands: the document is begun before the call, its rows arrive in between. */
#include "write/command.h"

#include "base/clock.h"
#include "base/limits.h"
#include "pg/sqlstate.h"

#include <assert.h>
#include <string.h>

#define COMMAND_PAUSE_US_MIN (2 * US_PER_MS)
#define COMMAND_PAUSE_US_MAX (50 * US_PER_MS)

#define COMMAND_KEY_PAUSE_US_MIN (5 * US_PER_MS)
#define COMMAND_KEY_PAUSE_US_MAX (100 * US_PER_MS)
#define COMMAND_KEY_TRIES_MAX 1000 /* a key that is stored and gone again, and again */

static void command_on_call(struct call *call);
static bool command_on_ran(struct call *call);
static void command_on_pause_over(struct loop_timer *timer);

static bool command_submit(struct command *command)
{
	struct request *request = command->request;

	if (request->idempotency_key.ptr && command->operation && !command->key)
		command->key = idempotency_new(request, command->operation->name, command->claims,
					       command_on_ran);
	buf_clear(&request->out);
	command->form->begin(command);
	command->call = (struct call){
		.kind = CALL_COMMAND,
		.arena = &request->arena,
		.out = &request->out,
		.bytes_max = command->bytes_max,
		.timeout_us = command->timeout_us,
		.ticket.priority = command->priority,
		.ticket.deadline_us = request->deadline_us,
		.frame = command->key ? &command->key->frame : NULL,
		.on_done = command_on_call,
	};
	command->touched = (struct feed_tag_list){ 0 };
	command->form->fill(command, &command->call);
	/* What goes on is not refused for others. */
	command->call.ticket.priority.asked =
		command->priority.asked && !command->reruns && !command->tries;
	feed_doubt_begin(command->doubts, &command->doubt, command->touched.items,
			 command->touched.count);
	command->in_flight = pool_submit(command->pool, &command->call);
	if (!command->in_flight)
		feed_doubt_end(command->doubts, &command->doubt, &command->call);
	return command->in_flight;
}

/* The request waits for this command from its first call on: here for a moment to pass. */
static void command_pause(struct command *command, int64_t due_us)
{
	struct request *request = command->request;

	command->pause.on_due = command_on_pause_over;
	loop_timer_set(request->loop, &command->pause, due_us);
	request_wait_goes_on(request, WAIT_BACKOFF, NULL);
}

bool command_send(struct command *command, struct pool *pool)
{
	assert(!command->in_flight);
	command->pool = pool;
	return command_submit(command);
}

bool command_is_out(const struct command *command)
{
	return command->in_flight && command->call.conn && !command->asking &&
	       !command->form->reads_only;
}

void command_forget(struct command *command)
{
	static const struct call unsent = { .end = CALL_UNSENT };

	if (command_is_out(command))
		feed_doubt_leave(command->doubts, &command->doubt);
	feed_doubt_end(command->doubts, &command->doubt, &unsent);
	if (command->in_flight)
		pool_forget(command->pool, &command->call);
	command->in_flight = false;
	if (command->asking)
		pool_forget(command->pool, &command->stored);
	command->asking = false;
	loop_timer_cancel(command->request->loop, &command->pause);
}

/*
 * Between the command and its commit. What cannot be told is not kept either: the key would have
 * nothing to answer.
 */
static bool command_on_ran(struct call *call)
{
	struct command *command = container_of(call, struct command, call);
	struct request *request = command->request;

	call->end = CALL_OK;
	if (command->form->tell(command) != COMMAND_COMMITTED)
		return false;
	command->key->store_values[3] =
		arena_printf(&request->arena, "%.*s}", (int)request->out.len, request->out.ptr);
	return true;
}

static enum command_end command_committed(struct command *command)
{
	const struct call *call = &command->call;

	command->wrote = call->effect == EFFECT_WROTE;
	command->position = call->position;
	if (!command->key)
		return command->form->tell(command);
	assert(call->frame_end != FRAME_ROLLED_BACK);
	return COMMAND_COMMITTED;
}

/* Nothing of it has taken effect: once more from the beginning. */
static void command_again(struct command *command)
{
	command->pool = command->on_rerun(command);
	if (!command->pool) {
		if (command->request->outcome == OUTCOME_OK)
			request_fail(command->request, OUTCOME_NO_PRIMARY,
				     "no node is the primary now");
		command->on_done(command, COMMAND_FAILED);
		return;
	}
	if (command_submit(command)) {
		request_wait_goes_on(command->request, WAIT_QUEUE, &command->call.sent_us);
		return;
	}
	request_fail(command->request, OUTCOME_QUEUE_FULL, "too many commands are waiting");
	command->on_done(command, COMMAND_FAILED);
}

static void command_on_pause_over(struct loop_timer *timer)
{
	struct command *command = container_of(timer, struct command, pause);

	command_again(command);
}

/* Rolled back for sure: true if it will run again. */
static bool command_rerun(struct command *command)
{
	struct request *request = command->request;
	int64_t pause_us = random_backoff_us(command->random, command->reruns, COMMAND_PAUSE_US_MIN,
					     COMMAND_PAUSE_US_MAX);
	int64_t due_us = loop_now(request->loop) + pause_us;

	if (command->reruns >= COMMAND_RERUNS_MAX || due_us >= request->deadline_us)
		return false;
	command->reruns++;
	command_pause(command, due_us);
	return true;
}

static struct verdict command_verdict(const struct command *command)
{
	return sqlstate_verdict(command->call.error.sqlstate, true, command->call.in_recovery);
}

static enum command_end command_refused(struct command *command)
{
	/* The client knows nothing of the parameters of what stands around its command. */
	if (command->call.frame_end == FRAME_RAISED)
		command->call.error.param = 0;
	command->form->explain(command);
	return command_verdict(command).outcome == OUTCOME_NO_PRIMARY ? COMMAND_WRONG_NODE
								      : COMMAND_FAILED;
}

/* Rolled back for sure, by PostgreSQL or because it cannot be told. */
static void command_tell_failure(struct command *command)
{
	enum command_end end = COMMAND_FAILED;

	if (command->call.end == CALL_ERROR)
		end = command_refused(command);
	else if (command->form->tell(command) == COMMAND_COMMITTED)
		assert(!"what was rolled back cannot be told");
	command->on_done(command, end);
}

static enum command_end command_lost(struct command *command, const struct call *call)
{
	if (call->refusal == REFUSAL_SHED) {
		request_fail(command->request, OUTCOME_SHED, "%s", call->lost_reason);
		return COMMAND_FAILED;
	}
	if (call->end == CALL_UNSENT && call->refusal == REFUSAL_EXPIRED &&
	    pool_connected(call->pool)) {
		request_fail(command->request, OUTCOME_QUEUE_TIMEOUT, "%s", call->lost_reason);
		return COMMAND_FAILED;
	}
	if (call->end == CALL_UNSENT) {
		request_fail(command->request, OUTCOME_NO_PRIMARY, "%s", call->lost_reason);
		return COMMAND_WRONG_NODE;
	}
	if (command->form->reads_only) {
		request_fail(command->request, OUTCOME_NO_PRIMARY, "%s", call->lost_reason);
		return COMMAND_FAILED;
	}
	request_fail(command->request, OUTCOME_OUTCOME_UNKNOWN,
		     "the connection was lost after the command had left: %s", call->lost_reason);
	return COMMAND_FAILED;
}

/*
 * The server ended the session: with its last words, but not knowing of our transaction's end. With
 * a key they came before the commit was begun: at the commit itself they are a lost conn.
 */
static bool command_was_cut_off(struct command *command)
{
	struct call *call = &command->call;

	if (command->key || strncmp(call->error.sqlstate, "57P", 3) != 0)
		return false;
	call->lost_reason = "the server ended the session";
	return true;
}

/* --- keys ------------------------------------------------------------------------------------- */

static void command_end_by_key(struct command *command, enum command_end end)
{
	buf_clear(&command->request->out);
	command->on_done(command, end);
}

/* Asked for when the claim said that it is there; it may have expired in between. */
static void command_on_stored(struct call *call)
{
	struct command *command = container_of(call, struct command, stored);
	struct request *request = command->request;

	command->asking = false;
	if (call->end != CALL_OK || call->in_recovery) {
		request_fail(request, OUTCOME_NO_PRIMARY,
			     "what was answered to the key could not be read");
		command_end_by_key(command, COMMAND_WRONG_NODE);
		return;
	}
	switch (idempotency_take(command->key, request, call->rows)) {
	case STORED_SAME:
		request->detail = NULL; /* of the failure that made it look */
		command->wrote = true;
		command->position = (struct position){ 0, call->upper };
		command->on_done(command, COMMAND_REPLAYED);
		return;
	case STORED_OTHER_BODY:
		request_fail(request, OUTCOME_IDEMPOTENCY_MISMATCH,
			     "the key was used with another body");
		command_end_by_key(command, COMMAND_FAILED);
		return;
	case STORED_NONE:
		if (command->looking) {
			buf_clear(&request->out);
			command_tell_failure(command);
			return;
		}
		if (command->tries++ < COMMAND_KEY_TRIES_MAX) {
			command_again(command);
			return;
		}
		request_fail(request, OUTCOME_IDEMPOTENCY_IN_PROGRESS, "the key comes and goes");
		command_end_by_key(command, COMMAND_FAILED);
		return;
	}
	assert(!"what is stored");
}

static void command_ask_stored(struct command *command)
{
	struct request *request = command->request;

	buf_clear(&request->out);
	command->stored = (struct call){
		.kind = CALL_QUERY,
		.statement = idempotency_stored(),
		.values = command->key->stored_values,
		.arena = &request->arena,
		.out = &request->out,
		.rows_max = 1,
		.on_done = command_on_stored,
	};
	command->asking = pool_submit(command->pool, &command->stored);
	if (command->asking) {
		request_wait_goes_on(request, WAIT_QUEUE, &command->stored.sent_us);
		return;
	}
	request_fail(request, OUTCOME_QUEUE_FULL, "too many requests are waiting");
	command_end_by_key(command, COMMAND_FAILED);
}

/*
 * On the stricter levels the snapshot is older than the lock on the key. What a first request
 * committed in between was not seen then, and may be why this one failed: looked for before it is
 * answered.
 */
static void command_fail(struct command *command)
{
	bool refused = command->call.end == CALL_ERROR;

	command->looking = command->key && command->call.isolation != ISOLATION_READ_COMMITTED &&
			   !(refused && command_verdict(command).outcome == OUTCOME_NO_PRIMARY);
	if (command->looking)
		command_ask_stored(command);
	else
		command_tell_failure(command);
}

/* Another request runs with the key: waited for as long as the client prefers, without a conn. */
static void command_wait_for_key(struct command *command)
{
	struct request *request = command->request;
	int64_t until_us = request->prefer_wait_us < 0 ? 0 : request_wait_until_us(request);
	int64_t due_us = loop_now(request->loop) +
			 random_backoff_us(command->random, command->tries,
					   COMMAND_KEY_PAUSE_US_MIN, COMMAND_KEY_PAUSE_US_MAX);

	request->wait_applied = request->prefer_wait_us >= 0;
	if (due_us < until_us && command->tries++ < COMMAND_KEY_TRIES_MAX) {
		command_pause(command, due_us);
		return;
	}
	request_fail(request, OUTCOME_IDEMPOTENCY_IN_PROGRESS,
		     "the first request with this key has not ended");
	command_end_by_key(command, COMMAND_FAILED);
}

/* False: it was something else. */
static bool command_refused_by_key(struct command *command)
{
	switch (idempotency_refusal(&command->call)) {
	case CLAIM_RUNNING:
		command_wait_for_key(command);
		return true;
	case CLAIM_STORED:
		command_ask_stored(command);
		return true;
	case CLAIM_NO_SCHEMA:
		request_fail(
			command->request, OUTCOME_QUERY_FAILED,
			"keys cannot be kept: run cqrsd migrate, and give the role its rights");
		command_end_by_key(command, COMMAND_FAILED);
		return true;
	case CLAIM_OTHER:
		return false;
	}
	assert(!"a refusal");
	return false;
}

static void command_on_call(struct call *call)
{
	struct command *command = container_of(call, struct command, call);
	struct request *request = command->request;

	command->in_flight = false;
	feed_doubt_end(command->doubts, &command->doubt, call);
	if (call->sent_us) {
		request->queue_us += call->sent_us - call->queued_us;
		request->db_us += call->done_us - call->sent_us;
	}
	switch (call->end) {
	case CALL_OK:
	case CALL_TOO_LARGE:
		if (call->frame_end == FRAME_ROLLED_BACK)
			command_fail(command);
		else
			command->on_done(command, command_committed(command));
		return;
	case CALL_ERROR:
		if (command_was_cut_off(command))
			break;
		if (command->key && command_refused_by_key(command))
			return;
		if (command_verdict(command).retry == RETRY_RERUN && command_rerun(command))
			return;
		command_fail(command);
		return;
	case CALL_UNSENT:
	case CALL_LOST:
		break;
	}
	command->on_done(command, command_lost(command, call));
}
