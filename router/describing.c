/* SPDX-License-Identifier: Apache-2.0 */
/* One task asks a node, the others that want the same statement's types follow it. */
#include "router/describing.h"

#include "base/limits.h"
#include "base/log.h"
#include "pg/revalidation.h"
#include "pg/sqlstate.h"
#include "router/revalidate.h"
#include "router/task.h"

#include <assert.h>

static void describing_cancel_follow(struct request *request)
{
	struct task *task = request->task;

	if (task->leader)
		list_remove(&task->leader->followers, &task->follower_link);
	task->leader = NULL;
	task_cancel_timer(request);
}

/* Its followers look again by themselves: the shape is there, or one of them asks next. */
static void describing_stop(struct task *task)
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

static void describing_cancel(struct request *request)
{
	struct task *task = request->task;

	describe_forget(&task->describe);
	describing_stop(task);
}

static struct task *describing_leader(struct router *router, const struct statement *statement)
{
	list_each (&router->describing, it) {
		struct task *task = container_of(it, struct task, describing_link);

		if (task->operation->statement == statement)
			return task;
	}
	return NULL;
}

/* The cause goes to the log with its place in the author's file; the client gets a code. */
static void describing_log(struct task *task)
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

/* What cqrsd itself has found wrong reaches the client, too. */
static void describing_refuse(struct task *task)
{
	const struct pg_error *error = &task->describe.error;

	describing_log(task);
	if (error->ours)
		request_fail(task->request, OUTCOME_QUERY_FAILED, "%s cannot be served: %s",
			     task->operation->name, error->message);
	else
		request_fail(task->request, OUTCOME_QUERY_FAILED, "%s cannot be prepared",
			     task->operation->name);
}

static enum outcome describing_no_node(const struct request *request)
{
	return request->kind == REQUEST_COMMAND ? OUTCOME_NO_PRIMARY : OUTCOME_NO_REPLICA;
}

static bool describing_may_ask(const struct task *task, unsigned at)
{
	const struct node_view *view = &task->router->topology.nodes[at];

	return node_is_up(view) && !(task->describe_failed_at & (1u << at)) &&
	       ((view->role == NODE_REPLICA && view->in_rotation) ||
		task->router->topology.primary == (int)at);
}

/* A standby refused to prepare what the primary may know already: no other standby is asked first.
 * */
static bool describing_asks_primary(struct task *task)
{
	const struct router *router = task->router;
	int primary = router->topology.primary;

	if (!task->describe.error.of_catalog || primary < 0 ||
	    !describing_may_ask(task, (unsigned)primary) ||
	    !revalidation_pay(task->describe.statement, loop_now(router->loop)))
		return false;
	task->describe_failed_at = ~(1u << primary);
	return true;
}

static void describing_on_done(struct describe *describe)
{
	struct task *task = container_of(describe, struct task, describe);
	struct request *request = task->request;
	struct verdict verdict;

	request_wait_over(request);
	if (describe->end == CALL_OK && describe->unchanged)
		revalidate_verified(task);
	else if (describe->end == CALL_OK)
		revalidate_end(task);
	describing_stop(task);
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
		if (describing_asks_primary(task))
			break;
		describing_refuse(task);
		request_finish(request);
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
static int describing_node(const struct task *task)
{
	const struct router *router = task->router;
	int primary = router->topology.primary, found = -1;

	if (task->outdated && primary >= 0 && describing_may_ask(task, (unsigned)primary))
		return primary;
	if (task->request->kind == REQUEST_COMMAND)
		return primary >= 0 && describing_may_ask(task, (unsigned)primary) ? primary : -1;
	for (unsigned i = 0; i < router->topology.count; i++) {
		if (!describing_may_ask(task, i))
			continue;
		if ((int)i != primary && pool_connected(router->nodes[i].pool))
			return (int)i;
		if (found < 0 || found == primary)
			found = (int)i;
	}
	return found;
}

static enum step describing_follow(struct task *task, struct task *leader)
{
	task->leader = leader;
	list_append(&leader->followers, &task->follower_link);
	return task_wait_for_turn(task, describing_cancel_follow);
}

/* It cannot be asked now. What was only to be verified goes on as it is. */
static enum step describing_cannot(struct task *task, bool verifies, enum outcome outcome,
				   const char *why)
{
	if (!verifies)
		return request_fail(task->request, outcome, "%s", why);
	revalidate_verified(task);
	return STEP_NEXT;
}

static enum step describing_ask(struct task *task, bool verifies)
{
	struct request *request = task->request;
	struct router *router = task->router;
	int node = describing_node(task);

	if (node < 0)
		return describing_cannot(task, verifies, describing_no_node(request),
					 task->trouble ? task->trouble : "no node can be reached");
	task->describe_failed_at |= 1u << node;
	task->describe = (struct describe){
		.statement = task->operation->statement,
		.arena = &request->arena,
		.revalidates = task->outdated,
		.verifies = verifies,
		.on_done = describing_on_done,
	};
	if (!describe_start(&task->describe, router->nodes[node].pool))
		return describing_cannot(task, verifies, OUTCOME_QUEUE_FULL,
					 "too many requests are waiting for the node");
	list_init(&task->followers);
	list_append(&router->describing, &task->describing_link);
	return request_wait(request, WAIT_DESCRIBE, describing_cancel);
}

enum step describing_step(struct request *request)
{
	struct task *task = request->task;
	struct router *router = task->router;
	bool described = revalidate_is_described(task);
	bool verifies = described && statement_may_change(task->operation->statement) &&
			revalidate_must_verify(task);
	struct task *leader;

	if (described && !verifies) {
		revalidate_end(task);
		return STEP_NEXT;
	}
	leader = describing_leader(router, task->operation->statement);
	if (leader)
		return describing_follow(task, leader);
	if (revalidate_must_wait(task))
		return task_wait_until(task, WAIT_DESCRIBE, task_cancel_timer,
				       loop_now(router->loop) + REVALIDATION_CHECK_US);
	if (!revalidate_may_describe(task))
		return request_fail(request, OUTCOME_QUERY_FAILED, "%s cannot be %s",
				    task->operation->name,
				    task->operation->statement->repeats_column
					    ? "served: two of its columns have one name"
					    : "prepared");
	return describing_ask(task, verifies);
}
