/* SPDX-License-Identifier: Apache-2.0 */
/* What queries and commands share on their way: describing, binding, ending early. */
#include "router/task.h"

#include "base/clock.h"
#include "base/hash.h"
#include "base/log.h"
#include "pg/revalidation.h"
#include "pg/sqlstate.h"
#include "router/bind.h"
#include "router/node_health.h"
#include "router/request_timing.h"
#include "router/revalidate.h"
#include "router/too_many_connections.h"

#include <assert.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#define TASK_COHORT_US (3600 * US_PER_S) /* how long cohort lasts */

struct catalog_ref *catalog_ref_new(struct catalog *catalog)
{
	struct catalog_ref *catalog_ref = calloc(1, sizeof(*catalog_ref));

	assert(catalog_ref);
	catalog_ref->catalog = catalog_hold(catalog);
	catalog_ref->users = 1;
	return catalog_ref;
}

void catalog_ref_drop(struct catalog_ref *catalog_ref)
{
	assert(catalog_ref->users > 0);
	if (--catalog_ref->users)
		return;
	catalog_let_go(catalog_ref->catalog);
	free(catalog_ref);
}

/* --- waiting ---------------------------------------------------------------------------------- */

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

/* --- from its beginning to its end ------------------------------------------------------------ */

static void task_charge(struct task *task)
{
	const struct request *request = task->request;
	const struct text names[HEAVY_HITTERS_KINDS] = {
		[HEAVY_HITTERS_OPERATIONS] = text_of(request->operation_name),
		[HEAVY_HITTERS_USERS] = request->user,
		[HEAVY_HITTERS_CALLERS] = request->caller,
	};

	heavy_hitters_charge(&task->router->hitters, loop_now(request->loop), names,
			     request->db_us);
	task->router->hitters_charged = true;
}

/* To come back before a breaker lets a request through would be in vain. */
static void task_tell_pause(struct task *task)
{
	struct request *request = task->request;
	int64_t pause_us;

	if (outcome_row(request->outcome)->status != 503)
		return;
	pause_us = node_health_pause_us(task->router, request->kind == REQUEST_COMMAND ||
							      task->needs.level == LEVEL_STRONG);
	if (pause_us > request->retry_after_us)
		request->retry_after_us = pause_us;
}

/* Between the last step and http: what the task holds is given back, then the client is told. */
static void task_on_done(struct request *request)
{
	struct task *task = request->task;

	request_timing_observe(task);
	revalidate_end(task);
	task_charge(task);
	too_many_connections_explain(task);
	task_tell_pause(task);
	loop_timer_cancel(task->router->loop, &request->timer);
	if (request->stream == STREAM_OPEN)
		request->stream = STREAM_BROKEN;
	if (task->spilled)
		task->router->spilled--;
	request->on_client_gone = NULL;
	request->on_done = task->on_done;
	catalog_ref_drop(task->catalog_ref);
	request->task = NULL;
	request->on_done(request);
}

struct task *task_new(struct router *router, struct request *request)
{
	struct task *task = arena_alloc(&request->arena, sizeof(*task));

	memset(task, 0, offsetof(struct task, describe));
	task->request = request;
	task->router = router;
	task->catalog_ref = router->catalog_ref;
	task->catalog_ref->users++;
	task->on_done = request->on_done;
	if (request->kind == REQUEST_QUERY)
		task->query = (struct query){ .request = request };
	else
		task->command = (struct command){ .request = request };
	task->cohort = (unsigned)random_next(&router->random);
	request->on_done = task_on_done;
	request->steps = request->kind == REQUEST_QUERY ? query_steps : command_steps;
	request->step = 0;
	return task;
}

/* A client can only lower itself. The same users are lucky for an hour; one who is not known is so
 * or not each time. */
struct priority task_priority(const struct task *task, bool spilled)
{
	const struct request *request = task->request;
	uint64_t hour = (uint64_t)(loop_now(request->loop) / TASK_COHORT_US);
	struct priority priority = { .asked = true, .urgency = task->operation->urgency };

	if (request->urgency > priority.urgency)
		priority.urgency = request->urgency;
	if (spilled)
		priority.urgency = PRIORITY_SPILLED;
	if (request->caller.ptr)
		priority.caller = hash_bytes(request->caller.ptr, request->caller.len, 1);
	if (request->user.ptr)
		priority.user =
			hash_bytes(request->user.ptr, request->user.len, priority.caller + 1);
	priority.cohort = (unsigned)(priority.user ? hash_mix(priority.user, hour) : task->cohort);
	return priority;
}

void task_finish(struct task *task)
{
	request_let_go(task->request);
	request_resume(task->request, STEP_DONE);
}

/* --- describing: one task asks, the others that want the same follow it ---------------------- */

static void task_cancel_follow(struct request *request)
{
	struct task *task = request->task;

	if (task->leader)
		list_remove(&task->leader->followers, &task->follower_link);
	task->leader = NULL;
	task_cancel_timer(request);
}

/* Its followers look again by themselves: the shape is there, or one of them asks next. */
static void task_stop_describing(struct task *task)
{
	struct loop *loop = task->router->loop;
	struct list_link *link;

	list_remove(&task->router->describing, &task->describing_link);
	while ((link = list_take_first(&task->followers))) {
		struct task *follower = container_of(link, struct task, follower_link);

		follower->leader = NULL;
		loop_timer_set(loop, &follower->wait_timer, loop_now(loop));
	}
}

static void task_cancel_describe(struct request *request)
{
	struct task *task = request->task;

	describe_forget(&task->describe);
	task_stop_describing(task);
}

static struct task *task_who_describes(struct router *router, const struct statement *statement)
{
	list_each (&router->describing, it) {
		struct task *task = container_of(it, struct task, describing_link);

		if (&task->operation->statement == statement)
			return task;
	}
	return NULL;
}

/* The cause goes to the log with its place in the author's file; the client gets a code. */
static void task_log_description(struct task *task)
{
	const struct describe *describe = &task->describe;
	struct place place = operation_place(task->operation, describe->error.char_position);

	log_with(LOG_ERROR, "router",
		 LOG_FIELDS({ "request_id", task->request->id },
			    { "operation", task->operation->name },
			    { "sqlstate", describe->error.sqlstate }),
		 "%s:%u:%u: %s", place.file, place.line, place.column,
		 describe->unknown_type ? describe->unknown_type : describe->error.message);
}

static enum outcome task_no_node(const struct request *request)
{
	return request->kind == REQUEST_COMMAND ? OUTCOME_NO_PRIMARY : OUTCOME_NO_REPLICA;
}

static bool task_may_describe_at(const struct task *task, unsigned at)
{
	const struct node_view *view = &task->router->topology.nodes[at];

	return node_is_up(view) && !(task->describe_failed_at & (1u << at)) &&
	       ((view->role == NODE_REPLICA && view->in_rotation) ||
		task->router->topology.primary == (int)at);
}

/* A standby refused to prepare what the primary may know already: nobody else is asked first. */
static bool task_asks_primary(struct task *task)
{
	const struct router *router = task->router;
	int primary = router->topology.primary;

	if (!task->describe.error.of_catalog || primary < 0 ||
	    !task_may_describe_at(task, (unsigned)primary) ||
	    !revalidation_pay(task->describe.statement, loop_now(router->loop)))
		return false;
	task->describe_failed_at = ~(1u << primary);
	return true;
}

static void task_on_described(struct describe *describe)
{
	struct task *task = container_of(describe, struct task, describe);
	struct request *request = task->request;
	struct verdict verdict;

	request_wait_over(request);
	if (describe->end == CALL_OK)
		revalidate_end(task);
	task_stop_describing(task);
	switch (describe->end) {
	case CALL_OK:
		break;
	case CALL_ERROR:
	case CALL_TOO_LARGE:
		/* Nothing ran: even for a command the node may be at fault, and another asked. */
		verdict = sqlstate_verdict(describe->error.sqlstate, false, false);
		if (verdict.outcome != OUTCOME_QUERY_FAILED && verdict.retry != RETRY_NEVER) {
			task->trouble = "the node refused to prepare now";
			break;
		}
		if (task_asks_primary(task))
			break;
		task_log_description(task);
		request_fail(request, OUTCOME_QUERY_FAILED, "%s cannot be prepared",
			     task->operation->name);
		task_finish(task);
		return;
	case CALL_UNSENT:
	case CALL_LOST:
		task->trouble = describe->lost_reason;
		break;
	}
	/* The same step once more: described, or another node is asked. */
	request_run(request);
}

/* Any node can describe: a physical replica has the primary's catalogs. -1: none is left. */
static int task_describing_node(const struct task *task)
{
	const struct router *router = task->router;
	int primary = router->topology.primary, found = -1;

	if (task->outdated && primary >= 0 && task_may_describe_at(task, (unsigned)primary))
		return primary;
	if (task->request->kind == REQUEST_COMMAND)
		return primary >= 0 && task_may_describe_at(task, (unsigned)primary) ? primary : -1;
	for (unsigned i = 0; i < router->topology.count; i++) {
		if (!task_may_describe_at(task, i))
			continue;
		if ((int)i != primary && pool_connected(router->nodes[i].pool))
			return (int)i;
		if (found < 0 || found == primary)
			found = (int)i;
	}
	return found;
}

static enum step task_follow(struct task *task, struct task *leader)
{
	task->leader = leader;
	task->wait_timer.on_due = task_on_wait_timer;
	list_append(&leader->followers, &task->follower_link);
	return request_wait(task->request, WAIT_DESCRIBE, task_cancel_follow);
}

enum step task_describe(struct request *request)
{
	struct task *task = request->task;
	struct router *router = task->router;
	struct task *leader = task_who_describes(router, &task->operation->statement);
	int node;

	if (revalidate_is_described(task)) {
		revalidate_end(task);
		return STEP_NEXT;
	}
	if (leader)
		return task_follow(task, leader);
	if (revalidate_must_wait(task))
		return task_wait_until(task, WAIT_DESCRIBE, task_cancel_timer,
				       loop_now(router->loop) + REVALIDATION_LOOK_US);
	if (!revalidate_may_describe(task))
		return request_fail(request, OUTCOME_QUERY_FAILED, "%s cannot be prepared",
				    task->operation->name);
	node = task_describing_node(task);
	if (node < 0)
		return request_fail(request, task_no_node(request), "%s",
				    task->trouble ? task->trouble : "no node can be reached");
	task->describe_failed_at |= 1u << node;
	task->describe = (struct describe){
		.statement = (struct statement *)&task->operation->statement,
		.arena = &request->arena,
		.revalidates = task->outdated,
		.on_done = task_on_described,
	};
	if (!describe_start(&task->describe, router->nodes[node].pool))
		return request_fail(request, OUTCOME_QUEUE_FULL,
				    "too many requests are waiting for %s",
				    router->shared.nodes[node]->name);
	list_init(&task->followers);
	list_append(&router->describing, &task->describing_link);
	return request_wait(request, WAIT_DESCRIBE, task_cancel_describe);
}

enum step task_bind(struct request *request)
{
	struct task *task = request->task;

	task->shape = statement_shape(&task->operation->statement);
	task->values = bind_values(request, task->operation, task->shape);
	return task->values ? STEP_NEXT : STEP_DONE;
}
