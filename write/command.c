/* SPDX-License-Identifier: Apache-2.0 */
/* Commands: the document is begun before the call, its rows arrive in between. */
#include "write/command.h"

#include "base/clock.h"
#include "base/limits.h"
#include "catalog/document.h"
#include "pg/sqlstate.h"

#include <assert.h>
#include <string.h>

#define COMMAND_PAUSE_US_MIN (2 * US_PER_MS)
#define COMMAND_PAUSE_US_MAX (50 * US_PER_MS)

static void command_on_call(struct call *call);

static enum isolation command_isolation(const struct operation *operation)
{
	switch (operation->isolation) {
	case CATALOG_READ_COMMITTED:
		return ISOLATION_READ_COMMITTED;
	case CATALOG_REPEATABLE_READ:
		return ISOLATION_REPEATABLE_READ;
	case CATALOG_SERIALIZABLE:
		return ISOLATION_SERIALIZABLE;
	}
	assert(!"an isolation level");
	return ISOLATION_READ_COMMITTED;
}

static bool command_submit(struct command *command)
{
	struct request *request = command->request;

	document_begin(command->operation, &request->out);
	command->call = (struct call){
		.kind = CALL_COMMAND,
		.statement = (struct statement *)&command->operation->statement,
		.values = command->values,
		.arena = &request->arena,
		.out = &request->out,
		.rows_max = document_rows_max(command->operation),
		.bytes_max = command->bytes_max,
		.timeout_us = command->timeout_us,
		.isolation = command_isolation(command->operation),
		.begins = command->operation->is_call,
		.on_done = command_on_call,
	};
	command->in_flight = pool_submit(command->pool, &command->call);
	return command->in_flight;
}

bool command_send(struct command *command, struct pool *pool)
{
	assert(!command->in_flight);
	command->pool = pool;
	return command_submit(command);
}

bool command_is_out(const struct command *command)
{
	return command->in_flight && command->call.conn;
}

void command_forget(struct command *command)
{
	if (command->in_flight)
		pool_forget(command->pool, &command->call);
	command->in_flight = false;
	loop_timer_cancel(command->request->loop, &command->pause);
}

/* What it returned, as a document; the token and the last brace are router/'s to add. */
static enum command_end command_committed(struct command *command)
{
	const struct operation *operation = command->operation;
	const struct call *call = &command->call;
	struct request *request = command->request;

	command->wrote = call->wrote;
	command->position = call->position;
	if (call->end == CALL_TOO_LARGE && !(document_rows_max(operation) == 1 && call->rows > 1)) {
		request_fail(request, OUTCOME_RESULT_TOO_LARGE,
			     "%s took effect, but returned more rows or bytes than allowed",
			     operation->name);
		return COMMAND_COMMITTED_UNTELLABLE;
	}
	switch (document_end(operation, &request->out, call->rows, call->affected)) {
	case DOCUMENT_WHOLE:
		return COMMAND_COMMITTED;
	case DOCUMENT_NO_ROW:
		request_fail(request, OUTCOME_NOT_FOUND, "%s found no row", operation->name);
		return COMMAND_COMMITTED_UNTELLABLE;
	case DOCUMENT_MANY_ROWS:
		request_fail(request, OUTCOME_UNEXPECTED_CARDINALITY,
			     "%s took effect, but returned more than one row", operation->name);
		return COMMAND_COMMITTED_UNTELLABLE;
	}
	assert(!"an end of a document");
	return COMMAND_COMMITTED_UNTELLABLE;
}

static void command_on_pause_over(struct loop_timer *timer)
{
	struct command *command = container_of(timer, struct command, pause);

	command->pool = command->on_rerun(command);
	if (!command->pool) {
		request_fail(command->request, OUTCOME_NO_PRIMARY, "no node is the primary now");
		command->on_done(command, COMMAND_FAILED);
		return;
	}
	if (command_submit(command))
		return;
	request_fail(command->request, OUTCOME_QUEUE_FULL, "too many commands are waiting");
	command->on_done(command, COMMAND_FAILED);
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
	command->pause.on_due = command_on_pause_over;
	loop_timer_set(request->loop, &command->pause, due_us);
	return true;
}

static enum command_end command_refused(struct command *command, struct verdict verdict)
{
	struct call *call = &command->call;
	struct text param = { 0 };

	if (call->error.param && call->error.param <= command->operation->parameters_count)
		param = text_of(command->operation->parameters[call->error.param - 1].name);
	sqlstate_explain(command->request, call, true, param);
	return verdict.outcome == OUTCOME_NO_PRIMARY ? COMMAND_WRONG_NODE : COMMAND_FAILED;
}

static enum command_end command_lost(struct command *command)
{
	const struct call *call = &command->call;

	if (call->end == CALL_UNSENT && call->expired && pool_connected(call->pool)) {
		request_fail(command->request, OUTCOME_QUEUE_TIMEOUT, "%s", call->lost_reason);
		return COMMAND_FAILED;
	}
	if (call->end == CALL_UNSENT) {
		request_fail(command->request, OUTCOME_NO_PRIMARY, "%s", call->lost_reason);
		return COMMAND_WRONG_NODE;
	}
	request_fail(command->request, OUTCOME_OUTCOME_UNKNOWN,
		     "the connection was lost after the command had left: %s",
		     command->call.lost_reason);
	return COMMAND_FAILED;
}

/* The server ended the session: with its last words, but not knowing of our transaction's end. */
static bool command_was_cut_off(struct call *call)
{
	if (strncmp(call->error.sqlstate, "57P", 3) != 0)
		return false;
	call->lost_reason = "the server ended the session";
	return true;
}

static void command_on_call(struct call *call)
{
	struct command *command = container_of(call, struct command, call);
	struct request *request = command->request;
	enum command_end end = COMMAND_FAILED;
	struct verdict verdict;

	command->in_flight = false;
	if (call->sent_us) {
		request->queue_us += call->sent_us - call->queued_us;
		request->db_us += call->done_us - call->sent_us;
	}
	switch (call->end) {
	case CALL_OK:
	case CALL_TOO_LARGE:
		end = command_committed(command);
		break;
	case CALL_ERROR:
		if (command_was_cut_off(call)) {
			end = command_lost(command);
			break;
		}
		verdict = sqlstate_verdict(call->error.sqlstate, true, call->in_recovery);
		if (verdict.retry == RETRY_RERUN && command_rerun(command))
			return;
		end = command_refused(command, verdict);
		break;
	case CALL_UNSENT:
	case CALL_LOST:
		end = command_lost(command);
		break;
	}
	command->on_done(command, end);
}
