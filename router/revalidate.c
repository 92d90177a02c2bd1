/* SPDX-License-Identifier: Apache-2.0 */
/* Which errors send a request back, and who of them describes. */
#include "router/revalidate.h"

#include "base/clock.h"
#include "base/limits.h"
#include "pg/revalidation.h"
#include "router/task.h"

#include <assert.h>

static struct statement *revalidate_statement(const struct task *task)
{
	return task->operation->statement;
}

static bool revalidate_would_help(const struct task *task, const struct call *call)
{
	return call->end == CALL_ERROR && call->error.of_catalog &&
	       call->frame_end != FRAME_RAISED && call->effect != EFFECT_STREAMED &&
	       task->revalidations < REVALIDATIONS_PER_REQUEST_MAX;
}

/* Described anew by now, being so, or it is for this request to do. */
static bool revalidate_is_allowed(struct task *task, uint32_t generation)
{
	struct statement *statement = revalidate_statement(task);

	if (statement_generation(statement) != generation || revalidation_is_on(statement))
		return true;
	task->revalidating = revalidation_begin(statement, loop_now(task->router->loop));
	return task->revalidating || revalidation_is_on(statement);
}

bool revalidate_try(struct task *task, const struct call *call)
{
	if (!revalidate_would_help(task, call) || !revalidate_is_allowed(task, call->generation))
		return false;
	task->revalidations++;
	task->outdated = call->generation;
	task->describe_failed_at = 0;
	task_forget_failure(task->request);
	return true;
}

bool revalidate_is_behind(struct task *task, const struct call *call, unsigned node)
{
	struct shape *shape = (struct shape *)call->bound;
	int64_t now_us = loop_now(task->router->loop);

	if (call->end != CALL_ERROR || !call->error.of_catalog || !call->in_recovery ||
	    task->router->topology.count < 2 || !shape || !shape->since_us ||
	    call->generation != statement_generation(revalidate_statement(task)) ||
	    now_us - shape->since_us >= REVALIDATION_YOUNG_US)
		return false;
	if (now_us - shape->lacking_us >= REVALIDATION_LACK_US)
		atomic_store(&shape->lacking, 0);
	atomic_store(&shape->lacking_us, now_us);
	atomic_fetch_or(&shape->lacking, 1u << node);
	return true;
}

uint32_t revalidate_lacking(const struct shape *shape, int64_t now_us)
{
	if (now_us - atomic_load(&shape->lacking_us) >= REVALIDATION_LACK_US)
		return 0;
	return atomic_load(&shape->lacking);
}

bool revalidate_is_described(const struct task *task)
{
	uint32_t generation = statement_generation(revalidate_statement(task));

	return generation && generation != task->outdated;
}

bool revalidate_must_verify(struct task *task)
{
	struct statement *statement = revalidate_statement(task);

	if (task->revalidating ||
	    !revalidation_begin_verifying(statement, loop_now(task->router->loop)))
		return false;
	task->revalidating = true;
	task->outdated = statement_generation(statement);
	return true;
}

void revalidate_verified(struct task *task)
{
	task->outdated = 0;
	revalidate_end(task);
}

bool revalidate_must_wait(const struct task *task)
{
	return task->outdated && !task->revalidating &&
	       revalidation_is_on(revalidate_statement(task));
}

bool revalidate_may_describe(struct task *task)
{
	if (task->outdated && !task->revalidating)
		task->revalidating = revalidation_begin(revalidate_statement(task),
							loop_now(task->router->loop));
	return !task->outdated || task->revalidating;
}

void revalidate_end(struct task *task)
{
	if (task->revalidating)
		revalidation_end(revalidate_statement(task));
	task->revalidating = false;
}
