/* SPDX-License-Identifier: Apache-2.0 */
/* The index goes on to be what the answer's token carries: other queries read other tables. */
#include "router/by_table.h"

#include "base/clock.h"
#include "base/control.h"
#include "router/task.h"

#include <assert.h>

#define BY_TABLE_WAIT_US (20 * US_PER_MS) /* at most, and no longer than for a replica */

/* What the query reads, and by which version of that the feed is kept. */
struct by_table_tags {
	uint64_t tags[FEED_RELATIONS_OF_QUERY_MAX];
	size_t count;
	uint32_t version; /* 0: it does not count */
};

static void by_table_read_tags(const struct task *task, struct by_table_tags *tags)
{
	const struct tag_set *set =
		atomic_load_explicit(&task->operation->statement->tags, memory_order_acquire);

	tags->version = set ? tag_set_read(set, tags->tags, &tags->count) : 0;
}

static bool by_table_is_kept(const struct task *task, uint32_t version)
{
	const struct feed_shared *feed = task->router->shared.feed;

	return stripes_life(&feed->stripes) == task->judged_life &&
	       atomic_load_explicit(&feed->version, memory_order_acquire) == version;
}

bool by_table_counts(const struct task *task)
{
	const struct tag_set *set =
		atomic_load_explicit(&task->operation->statement->tags, memory_order_acquire);
	uint32_t version = set ? atomic_load_explicit(&set->version, memory_order_acquire) : 0;

	return version && by_table_is_kept(task, version);
}

/* As far as a node must be; 0: the feed is not known so far. The version is read before and behind
 * the stripes. */
static uint64_t by_table_required(const struct task *task, const struct by_table_tags *tags)
{
	uint64_t required = stripes_required(&task->router->shared.feed->stripes,
					     task->needs.required, tags->tags, tags->count);

	return by_table_is_kept(task, tags->version) ? required : 0;
}

static enum step by_table_end(const struct task *task, const char *result)
{
	metric_add(task->router->metrics, METRIC_read_index_tables_total, METRIC_LABELS(result), 1);
	return STEP_NEXT;
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
	return task->router->shared.feed && task->router->topology.count > 1 &&
	       !task->needs.required_unknown && position_known(task->needs.required) &&
	       task->indexed == task->judged;
}

/* Until when it waits for the feed: 0: not at all. */
static int64_t by_table_until_us(const struct task *task)
{
	int64_t now_us = loop_now(task->router->loop), until_us = now_us + BY_TABLE_WAIT_US;

	if (until_us > task->wait_until_us)
		until_us = task->wait_until_us;
	return task->tables == TABLES_WAITED || until_us <= now_us ? 0 : until_us;
}

static enum step by_table_wait(struct task *task)
{
	int64_t until_us = by_table_until_us(task);

	/* Nothing is to be gained by less, or not as much as a wait costs. */
	if (choose_is_reached(&task->router->topology, task->router->uses, &task->needs))
		return by_table_end(task, "reached");
	task->feed_waiter.on_known = by_table_on_known;
	task->feed_waiter.position = task->needs.required;
	if (!until_us || !feed_desk_wait(&task->router->feed_desk, &task->feed_waiter))
		return by_table_end(task, "late");
	task->tables = TABLES_WAITED;
	return task_wait_until(task, WAIT_CONFIRM, by_table_leave, until_us);
}

static enum step by_table_try(struct task *task)
{
	struct by_table_tags tags;
	uint64_t required;

	if (!by_table_may(task))
		return STEP_NEXT;
	by_table_read_tags(task, &tags);
	if (!tags.version)
		return STEP_NEXT;
	if (!by_table_is_kept(task, tags.version))
		return by_table_end(task, "unknown");
	required = by_table_required(task, &tags);
	if (!required)
		return by_table_wait(task);
	task->before_tables = task->needs.required;
	task->needs.required.lsn = required;
	return by_table_end(task, "lowered");
}

enum step by_table_step(struct request *request)
{
	struct task *task = request->task;

	return task->wants_index ? by_table_try(task) : STEP_NEXT;
}
