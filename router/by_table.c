/* SPDX-License-Identifier: Apache-2.0 */
/* The index goes on to be what the answer's token carries: other queries read other tables. */
#include "router/by_table.h"

#include "base/clock.h"
#include "base/control.h"
#include "router/task.h"

#include <assert.h>

#define BY_TABLE_WAIT_US (20 * US_PER_MS) /* at most, and no longer than for a replica */

/* NULL: the whole index holds. */
static const struct statement_tags *by_table_tags(const struct task *task)
{
	const struct statement_tags *tags =
		atomic_load_explicit(&task->operation->statement->tags, memory_order_acquire);

	return tags && tags->counts ? tags : NULL;
}

/* As far as a node must be; 0: the feed is not known so far, or is kept by other sets of tags now.
 * The version is read before and behind the stripes. */
static uint64_t by_table_required(const struct task *task)
{
	struct feed_shared *feed = task->router->shared.feed;
	const struct statement_tags *tags = by_table_tags(task);
	uint64_t required;

	if (!tags || atomic_load_explicit(&feed->version, memory_order_acquire) != tags->version)
		return 0;
	required = stripes_required(&feed->stripes, task->needs.required, tags->tags, tags->count);
	if (atomic_load_explicit(&feed->version, memory_order_acquire) != tags->version)
		return 0;
	return required;
}

static void by_table_count(const struct task *task, const char *result)
{
	metric_add(task->router->metrics, METRIC_read_index_tables_total, METRIC_LABELS(result), 1);
}

static bool by_table_lower(struct task *task)
{
	uint64_t required = by_table_required(task);

	if (!required)
		return false;
	task->before_tables = task->needs.required;
	task->needs.required.lsn = required;
	by_table_count(task, "lowered");
	return true;
}

static void by_table_on_known(struct feed_waiter *waiter)
{
	struct task *task = container_of(waiter, struct task, feed_waiter);

	request_wait_over(task->request);
	task_cancel_timer(task->request);
	/* The step runs once more, and waits no more. */
	task->tables = TABLES_WAITED;
	request_run(task->request);
}

static void by_table_leave(struct request *request)
{
	struct task *task = request->task;

	feed_desk_leave(&task->feed_waiter);
	task_cancel_timer(request);
}

static bool by_table_may(const struct task *task)
{
	return task->router->shared.feed && task->wants_index && !task->needs.required_unknown &&
	       position_known(task->needs.required) && task->indexed == task->judged;
}

enum step by_table_step(struct request *request)
{
	struct task *task = request->task;
	int64_t wait_us = task->router->shared.options->wait_us_max;

	if (!by_table_may(task) || !by_table_tags(task) || by_table_lower(task))
		return STEP_NEXT;
	if (wait_us > BY_TABLE_WAIT_US)
		wait_us = BY_TABLE_WAIT_US;
	task->feed_waiter.on_known = by_table_on_known;
	task->feed_waiter.position = task->needs.required;
	if (task->tables == TABLES_WAITED || !wait_us ||
	    !feed_desk_wait(&task->router->feed_desk, &task->feed_waiter)) {
		by_table_count(task, "late");
		return STEP_NEXT;
	}
	task->tables = TABLES_WAITED;
	return task_wait_until(task, WAIT_CONFIRM, by_table_leave,
			       loop_now(request->loop) + wait_us);
}
