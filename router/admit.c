/* SPDX-License-Identifier: Apache-2.0 */
/* Admission: everything that can be refused without asking a node is refused here. */
#include "router/admit.h"

#include "base/clock.h"
#include "base/hash.h"
#include "router/ratelimit.h"
#include "router/request_timing.h"
#include "router/requirement.h"
#include "router/task.h"

#include <assert.h>
#include <string.h>

#define ADMIT_OUTCOME_GRACE_US US_PER_S /* a command that has left may still tell how it ended */

static enum outcome admit_no_node(const struct request *request)
{
	return request->kind == REQUEST_COMMAND ? OUTCOME_NO_PRIMARY : OUTCOME_NO_REPLICA;
}

static void admit_find(struct task *task)
{
	struct request *request = task->request;

	task->operation =
		catalog_find(task->catalog_ref->catalog, request->kind, request->operation);
	/* A copy: it is read after the catalog may be gone. */
	if (task->operation)
		request->operation_name = arena_copy(&request->arena, task->operation->name,
						     strlen(task->operation->name));
}

/* Behind the rate limits: whoever tries names is counted, too. */
static enum step admit_operation(struct task *task)
{
	struct request *request = task->request;
	struct text near;

	if (task->operation)
		return STEP_NEXT;
	near = catalog_nearest(task->catalog_ref->catalog, request->kind, request->operation);
	if (near.ptr)
		return request_fail(request, OUTCOME_UNKNOWN_OPERATION,
				    "there is no such %s; did you mean \"%.*s\"?",
				    request->kind == REQUEST_QUERY ? "query" : "command",
				    (int)near.len, near.ptr);
	return request_fail(request, OUTCOME_UNKNOWN_OPERATION, "there is no such %s",
			    request->kind == REQUEST_QUERY ? "query" : "command");
}

/* Nothing can be told to a client without the key that signs tokens. */
static enum step admit_key(struct task *task)
{
	struct router *router = task->router;

	if (router->readiness.looking)
		return request_fail(task->request, OUTCOME_STARTING,
				    "no node has been reached yet");
	if (router->tokens)
		return STEP_NEXT;
	return request_fail(task->request, admit_no_node(task->request), "%s",
			    router->topology.schema_missing
				    ? "the cqrsd schema is missing: run cqrsd migrate"
				    : "no node has been reached yet");
}

static void admit_on_query_deadline(struct loop_timer *timer)
{
	struct request *request = container_of(timer, struct request, timer);
	struct task *task = request->task;

	request_timing_missed(task);
	request_fail(request, OUTCOME_TIMEOUT, "no answer within the time allowed");
	task_finish(task);
}

/* A command that has not left did nothing; one that has may have: it gets a moment more to tell. */
static void admit_on_command_deadline(struct loop_timer *timer)
{
	struct request *request = container_of(timer, struct request, timer);
	struct task *task = request->task;
	int64_t now_us = loop_now(request->loop);

	if (!command_is_out(&task->command)) {
		request_timing_missed(task);
		request_fail(request, OUTCOME_TIMEOUT, "the command did not start in time");
	} else if (now_us < request->deadline_us + ADMIT_OUTCOME_GRACE_US) {
		loop_timer_set(request->loop, timer, request->deadline_us + ADMIT_OUTCOME_GRACE_US);
		return;
	} else {
		request_timing_missed(task);
		request_fail(request, OUTCOME_OUTCOME_UNKNOWN,
			     "the primary has not told how the command ended");
	}
	task_finish(task);
}

static void admit_on_client_gone(struct request *request)
{
	struct task *task = request->task;

	if (request->kind == REQUEST_COMMAND && command_is_out(&task->command))
		return;
	request_fail(request, OUTCOME_TIMEOUT, "the client went away");
	request->status = 499;
	task_finish(task);
}

static void admit_deadline(struct task *task, void (*on_due)(struct loop_timer *timer))
{
	struct request *request = task->request;
	int64_t wanted_us[] = { task->operation->timeout_us, request->timeout_us_max };

	for (size_t i = 0; i < sizeof(wanted_us) / sizeof(wanted_us[0]); i++)
		if (wanted_us[i] && request->born_us + wanted_us[i] < request->deadline_us)
			request->deadline_us = request->born_us + wanted_us[i];
	request->timer.on_due = on_due;
	request->on_client_gone = admit_on_client_gone;
	loop_timer_set(request->loop, &request->timer, request->deadline_us);
}

static int64_t admit_least(int64_t a, int64_t b)
{
	if (a < 0 || b < 0)
		return a < 0 ? b : a;
	return a < b ? a : b;
}

static void admit_needs(struct task *task)
{
	struct request *request = task->request;
	const struct operation *operation = task->operation;
	struct query_needs *needs = &task->needs;
	int64_t wait_us = request->wait_us_max >= 0 ? request->wait_us_max
						    : task->router->shared.options->wait_us_max;

	needs->level = request->level == LEVEL_DEFAULT ? operation->consistency : request->level;
	needs->staleness_us_max =
		admit_least(request->staleness_us_max, operation->staleness_us_max);
	needs->stale_allowed = operation->on_lag == ON_LAG_STALE;
	needs->primary_allowed = operation->on_lag == ON_LAG_SPILL;
	if (request->user.ptr)
		needs->user_hash = hash_bytes(request->user.ptr, request->user.len, 0);
	task->wait_until_us = loop_now(request->loop) + wait_us;
	if (task->wait_until_us > request->deadline_us)
		task->wait_until_us = request->deadline_us;
	request->level_used = needs->level;
}

/* A key that would be ignored is refused: whoever sends one relies on it. */
static enum step admit_idempotency(struct task *task)
{
	struct request *request = task->request;
	bool given = request->idempotency_key.ptr;

	switch (task->operation->idempotency) {
	case IDEMPOTENCY_OPTIONAL:
		return STEP_NEXT;
	case IDEMPOTENCY_REQUIRED:
		if (given)
			return STEP_NEXT;
		return request_fail(request, OUTCOME_IDEMPOTENCY_KEY_REQUIRED,
				    "%s must come with an Idempotency-Key", task->operation->name);
	case IDEMPOTENCY_NONE:
		if (!given)
			return STEP_NEXT;
		return request_fail(request, OUTCOME_BAD_REQUEST, "%s takes no Idempotency-Key",
				    task->operation->name);
	}
	assert(!"what is declared of keys");
	return STEP_DONE;
}

enum step admit_query(struct request *request)
{
	struct task *task = request->task;

	admit_find(task);
	if (ratelimit_admit(task) == STEP_DONE || admit_operation(task) == STEP_DONE ||
	    admit_key(task) == STEP_DONE)
		return STEP_DONE;
	admit_deadline(task, admit_on_query_deadline);
	admit_needs(task);
	return requirement_judge(task);
}

enum step admit_command(struct request *request)
{
	struct task *task = request->task;

	admit_find(task);
	if (ratelimit_admit(task) == STEP_DONE || admit_operation(task) == STEP_DONE ||
	    admit_key(task) == STEP_DONE)
		return STEP_DONE;
	if (admit_idempotency(task) == STEP_DONE)
		return STEP_DONE;
	if (task->router->topology.primary < 0)
		return request_fail(request, OUTCOME_NO_PRIMARY, "no node is the primary now");
	admit_deadline(task, admit_on_command_deadline);
	return requirement_judge(task);
}
