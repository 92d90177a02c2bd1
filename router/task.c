/* SPDX-License-Identifier: Apache-2.0 */
/* Small things that both paths ask of a request on its way. */
#include "router/task.h"

#include "base/clock.h"
#include "base/hash.h"
#include "pg/admission/estimate.h"

#include <assert.h>

#define TASK_COHORT_US (3600 * US_PER_S) /* how long cohort lasts */

/* The same users are lucky for an hour; one who is not known is so
 * or not each time. */
struct priority task_priority(const struct task *task, bool spilled)
{
	const struct request *request = task->request;
	uint64_t hour = (uint64_t)(loop_now(request->loop) / TASK_COHORT_US);
	struct priority priority = { .asked = true, .urgency = task->urgency };

	if (spilled)
		priority.urgency = PRIORITY_SPILLED;
	if (request->caller.ptr)
		priority.caller = hash_bytes(request->caller.ptr, request->caller.len, 1);
	if (request->user_key.ptr)
		priority.user = hash_bytes(request->user_key.ptr, request->user_key.len,
					   priority.caller + 1);
	priority.cohort = (unsigned)(priority.user ? hash_mix(priority.user, hour) : task->cohort);
	return priority;
}

int64_t task_statement_timeout_us(const struct task *task)
{
	const struct operation *operation = task->operation;
	int64_t pool_us = task->router->shared.options->request_timeout_us;
	int64_t own_us = operation->timeout_us < pool_us ? operation->timeout_us : 0;
	int64_t left_us = task->request->deadline_us - loop_now(task->router->loop);

	/* It costs a message of its own: not where it hardly differs. */
	if (!task->request->timeout_us_max && !estimate_is_slow(operation->statement))
		return own_us;
	if (left_us < US_PER_MS)
		left_us = US_PER_MS;
	return !own_us || left_us < own_us ? left_us : own_us;
}

static void task_on_wait_timer(struct loop_timer *timer)
{
	struct request *request = container_of(timer, struct task, wait_timer)->request;

	request_let_go(request);
	request_run(request);
}

enum step task_wait_until(struct task *task, enum wait_kind kind,
			  void (*cancel)(struct request *request), int64_t due_us)
{
	task->wait_timer.on_due = task_on_wait_timer;
	loop_timer_set(task->router->loop, &task->wait_timer, due_us);
	return request_wait(task->request, kind, cancel);
}

void task_cancel_timer(struct request *request)
{
	struct task *task = request->task;

	loop_timer_cancel(request->loop, &task->wait_timer);
}

enum step task_wait_for_turn(struct task *task, void (*cancel)(struct request *request))
{
	task->wait_timer.on_due = task_on_wait_timer;
	return request_wait(task->request, WAIT_DESCRIBE, cancel);
}

void task_forget_failure(struct request *request)
{
	request->outcome = OUTCOME_OK;
	request->status = 0;
	request->detail = NULL;
	request->errors_count = 0;
	request->sqlstate = request->constraint = request->column = NULL;
	request->hint = request->db_detail = NULL;
}
