/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The steps of a command: to the primary, then the session entry, then the reply. The order of the
 * last two is the promise: what is acknowledged is read again.
 */
#include "base/control.h"
#include "router/admit.h"
#include "router/node_health.h"
#include "router/requirement.h"
#include "router/revalidate.h"
#include "router/task.h"

#include <assert.h>

static enum step command_place(struct request *request);
static enum step command_acknowledge(struct request *request);

const request_step command_steps[] = { admit_command,       requirement_confirm,
				       task_describe,       task_bind,
				       command_place,       wait_replicas_await,
				       command_acknowledge, NULL };

/* The primary may be another one by now, or none. */
static struct pool *command_on_rerun(struct command *command)
{
	struct task *task = container_of(command, struct task, command);
	struct router *router = task->router;
	struct pool *pool = router_primary_pool(router);

	metric_add(router->metrics, METRIC_retries_total,
		   METRIC_LABELS(router->shared.nodes[task->choice.node]->name,
				 command->tries ? "key" : "serialization-failure"),
		   1);
	if (!pool)
		return NULL;
	/* What its user wrote before may be lost by now: told before anything runs. */
	if (requirement_renew(task) == STEP_DONE)
		return NULL;
	task->choice.node = (unsigned)router->topology.primary;
	return pool;
}

/*
 * Where the commit is on the primary's timeline of now: another one may have been promoted while
 * the command was on its way. It is of the era by which it was judged last: with a later one its
 * primary's conns are gone. POSITION_NONE: it is not there for sure.
 */
static struct position command_committed_at(struct task *task)
{
	const struct topology *topology = &task->router->topology;
	struct position position = task->command.position;
	uint32_t timeline;

	router_refresh(task->router);
	timeline = topology->primary_position.timeline;
	position.timeline = branch_in_era(task->judged, position.timeline);
	if (position.timeline >= timeline || !CONTROL_TIMELINES)
		return position;
	if (topology_fate(topology, position) != FATE_SURVIVED)
		return POSITION_NONE;
	return (struct position){ timeline, position.lsn };
}

/* Committed: the user's next read must see it, even when the reply cannot tell its rows. */
static bool command_remember(struct task *task)
{
	struct request *request = task->request;
	struct command *command = &task->command;
	struct position position = command_committed_at(task);

	if (!position_known(position) ||
	    (command->wrote && request->user.ptr &&
	     !sessions_wrote(task->router->shared.sessions, request->user, position))) {
		request_fail(request, OUTCOME_OUTCOME_UNKNOWN,
			     "another primary was promoted while the command committed");
		return false;
	}
	command->position = position;
	high_water_raise(task->router->shared.high_water, position);
	router_token(task->router, position_max(position, task->needs.required), request->token);
	request->routed = true;
	request->level_used = LEVEL_STRONG;
	request->reason = REASON_STRONG;
	request->node = task->router->shared.nodes[task->choice.node]->name;
	request->on_primary = true;
	request->lag_us = 0;
	return true;
}

static void command_count_key(struct task *task, const char *result)
{
	metric_add(task->router->metrics, METRIC_idempotency_total, METRIC_LABELS(result), 1);
}

static void command_on_done(struct command *command, enum command_end end)
{
	struct task *task = container_of(command, struct task, command);
	struct request *request = task->request;

	request_wait_over(request);
	if (command->call.pool)
		node_health_judge(task->router, task->choice.node, &command->call);
	switch (end) {
	case COMMAND_COMMITTED:
		if (!command_remember(task)) {
			task_finish(task);
			return;
		}
		request->outcome = OUTCOME_OK;
		request_resume(request, STEP_NEXT);
		return;
	case COMMAND_COMMITTED_UNTELLABLE:
		(void)command_remember(task);
		task_finish(task);
		return;
	case COMMAND_REPLAYED:
		command->position.timeline = task->judged;
		request->replayed = requirement_holds(task) && command_remember(task);
		command_count_key(task, "replayed");
		if (!request->replayed) {
			request_fail(request, OUTCOME_NO_PRIMARY,
				     "another primary was promoted meanwhile");
			task_finish(task);
			return;
		}
		request->outcome = OUTCOME_OK;
		request_resume(request, STEP_NEXT);
		return;
	case COMMAND_WRONG_NODE:
		monitor_poll_now(task->router->shared.monitor);
		task_finish(task);
		return;
	case COMMAND_FAILED:
		if (revalidate_try(task, &command->call))
			return;
		if (request->outcome == OUTCOME_IDEMPOTENCY_MISMATCH)
			command_count_key(task, "mismatch");
		else if (request->outcome == OUTCOME_IDEMPOTENCY_IN_PROGRESS)
			command_count_key(task, "in-progress");
		task_finish(task);
		return;
	}
	assert(!"an end of a command");
}

static void command_cancel(struct request *request)
{
	struct task *task = request->task;

	command_forget(&task->command);
}

static enum step command_place(struct request *request)
{
	struct task *task = request->task;
	struct router *router = task->router;
	struct pool *pool = router_primary_pool(router);
	struct command *command = &task->command;

	if (!pool)
		return request_fail(request, OUTCOME_NO_PRIMARY, "no node is the primary now");
	if (requirement_renew(task) == STEP_DONE)
		return STEP_DONE;
	task->choice.node = (unsigned)router->topology.primary;
	request->retry_after_us = breaker_wait_us(&router->nodes[task->choice.node].health.breaker,
						  loop_now(router->loop));
	if (request->retry_after_us)
		return request_fail(request, OUTCOME_BREAKER_OPEN,
				    "the primary is being left alone for a moment");
	command->operation = task->operation;
	command->values = task->values;
	command->shape = task->shape;
	command->bytes_max = (size_t)router->shared.options->result_bytes_max;
	command->random = &router->random;
	command->timeout_us = router_statement_timeout_us(task);
	command->priority = task_priority(task, false);
	command->on_rerun = command_on_rerun;
	command->on_done = command_on_done;
	if (command_send(command, pool))
		return request_wait_for_call(request, &command->call.sent_us, command_cancel);
	return request_fail(request, command->call.shed ? OUTCOME_SHED : OUTCOME_QUEUE_FULL,
			    "too many commands are waiting");
}

static enum step command_acknowledge(struct request *request)
{
	if (request->minimal) {
		buf_clear(&request->out);
		buf_literal(&request->out, "{\"data\":null");
	}
	buf_literal(&request->out, ",\"token\":\"");
	buf_string(&request->out, request->token);
	buf_literal(&request->out, "\"}");
	return STEP_DONE;
}
