/* SPDX-License-Identifier: Apache-2.0 */
/* Which errors send a request back, and who of them describes. */
#include "router/renew.h"

#include "base/clock.h"
#include "base/limits.h"
#include "pg/renewal.h"
#include "router/task.h"

#include <assert.h>

static struct statement *renew_statement(const struct task *task)
{
	return (struct statement *)&task->operation->statement;
}

static bool renew_would_help(const struct task *task, const struct call *call)
{
	return call->end == CALL_ERROR && call->error.of_catalog && !call->frame_failed &&
	       !call->told && task->renewals < RENEWALS_PER_REQUEST_MAX;
}

/* Described anew by now, being so, or it is for this request to do. */
static bool renew_is_allowed(struct task *task, uint32_t generation)
{
	struct statement *statement = renew_statement(task);

	if (statement_generation(statement) != generation || renewal_is_on(statement))
		return true;
	task->renewing = renewal_begin(statement, loop_now(task->router->loop));
	return task->renewing || renewal_is_on(statement);
}

bool renew_try(struct task *task, const struct call *call)
{
	struct request *request = task->request;

	if (!renew_would_help(task, call) || !renew_is_allowed(task, call->generation))
		return false;
	task->renewals++;
	task->outdated = call->generation;
	task->describe_failed_at = 0;
	query_forget_failure(request);
	request->step = TASK_STEP_DESCRIBE;
	request_run(request);
	return true;
}

bool renew_is_behind(struct task *task, const struct call *call)
{
	struct shape *shape = (struct shape *)call->bound;
	int64_t now_us = loop_now(task->router->loop);

	if (call->end != CALL_ERROR || !call->error.of_catalog || !call->in_recovery ||
	    task->retries || task->router->topology.count < 2 || !shape || !shape->since_us ||
	    call->generation != statement_generation(renew_statement(task)) ||
	    now_us - shape->since_us >= RENEWAL_YOUNG_US)
		return false;
	if (now_us - shape->lacking_us >= RENEWAL_LACK_US)
		atomic_store(&shape->lacking, 0);
	atomic_store(&shape->lacking_us, now_us);
	atomic_fetch_or(&shape->lacking, 1u << task->choice.node);
	return true;
}

uint32_t renew_lacking(const struct shape *shape, int64_t now_us)
{
	if (now_us - atomic_load(&shape->lacking_us) >= RENEWAL_LACK_US)
		return 0;
	return atomic_load(&shape->lacking);
}

bool renew_is_described(const struct task *task)
{
	uint32_t generation = statement_generation(renew_statement(task));

	return generation && generation != task->outdated;
}

static void renew_on_turn(struct loop_timer *timer)
{
	request_run(container_of(timer, struct task, pause)->request);
}

bool renew_waits(struct task *task)
{
	struct loop *loop = task->router->loop;

	if (!task->outdated || task->renewing || !renewal_is_on(renew_statement(task)))
		return false;
	task->request->step--;
	task->pause.on_due = renew_on_turn;
	loop_timer_set(loop, &task->pause, loop_now(loop) + RENEWAL_LOOK_US);
	return true;
}

bool renew_may_describe(struct task *task)
{
	if (task->outdated && !task->renewing)
		task->renewing = renewal_begin(renew_statement(task), loop_now(task->router->loop));
	return !task->outdated || task->renewing;
}

void renew_end(struct task *task)
{
	if (task->renewing)
		renewal_end(renew_statement(task));
	task->renewing = false;
}
