/* SPDX-License-Identifier: Apache-2.0 */
/* What queries and commands share on their way: describing, binding, ending early. */
#include "router/task.h"

#include "base/log.h"
#include "pg/sqlstate.h"
#include "router/bind.h"

#include <assert.h>
#include <stdlib.h>

struct lease *lease_new(struct catalog *catalog)
{
	struct lease *lease = calloc(1, sizeof(*lease));

	assert(lease);
	lease->catalog = catalog_hold(catalog);
	lease->users = 1;
	return lease;
}

void lease_drop(struct lease *lease)
{
	assert(lease->users > 0);
	if (--lease->users)
		return;
	catalog_let_go(lease->catalog);
	free(lease);
}

/* Lets go of everything it waits for. */
static void task_forget(struct task *task)
{
	struct router *router = task->router;

	if (task->describing)
		describe_forget(&task->describe);
	task->describing = false;
	query_forget(&task->query);
	command_forget(&task->command);
	router_unpark(router, task);
	loop_timer_cancel(router->loop, &task->pause);
}

/* Between the last step and http: the router lets go, then the client is told. */
static void task_on_done(struct request *request)
{
	struct task *task = request->task;

	task_forget(task);
	loop_timer_cancel(task->router->loop, &request->timer);
	if (task->spilled)
		task->router->spilled--;
	request->on_client_gone = NULL;
	request->on_done = task->on_done;
	lease_drop(task->lease);
	request->task = NULL;
	request->on_done(request);
}

struct task *task_new(struct router *router, struct request *request)
{
	struct task *task = arena_zero(&request->arena, 1, sizeof(*task));

	task->request = request;
	task->router = router;
	task->lease = router->lease;
	task->lease->users++;
	task->on_done = request->on_done;
	task->query.request = request;
	task->command.request = request;
	request->on_done = task_on_done;
	request->steps = request->kind == REQUEST_QUERY ? query_steps : command_steps;
	request->step = 0;
	return task;
}

static enum step task_step_end(struct request *request)
{
	(void)request;
	return STEP_DONE;
}

static const request_step task_end_steps[] = { task_step_end, NULL };

void task_finish(struct task *task)
{
	struct request *request = task->request;

	task_forget(task);
	request->steps = task_end_steps;
	request->step = 0;
	request_run(request);
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

static void task_on_described(struct describe *describe)
{
	struct task *task = container_of(describe, struct task, describe);
	struct request *request = task->request;

	task->describing = false;
	switch (describe->end) {
	case CALL_OK:
		request_run(request);
		return;
	case CALL_ERROR:
	case CALL_TOO_LARGE:
		task_log_description(task);
		request_fail(request, OUTCOME_QUERY_FAILED, "%s cannot be prepared",
			     task->operation->name);
		break;
	case CALL_UNSENT:
	case CALL_LOST:
		request_fail(request,
			     request->kind == REQUEST_COMMAND ? OUTCOME_NO_PRIMARY
							      : OUTCOME_NO_REPLICA,
			     "%s", describe->lost_reason);
		break;
	}
	task_finish(task);
}

/* Any node can describe: a physical replica has the primary's catalogs. */
static int task_describing_node(struct router *router)
{
	const struct topology *topology = &router->topology;

	for (unsigned i = 0; i < topology->count; i++)
		if (topology->nodes[i].up && topology->nodes[i].in_rotation &&
		    topology->nodes[i].role == NODE_REPLICA)
			return (int)i;
	return topology->primary;
}

enum step task_describe(struct request *request)
{
	struct task *task = request->task;
	struct router *router = task->router;
	int node;

	if (statement_shape(&task->operation->statement))
		return STEP_NEXT;
	node = request->kind == REQUEST_COMMAND ? router->topology.primary
						: task_describing_node(router);
	if (node < 0)
		return request_fail(request,
				    request->kind == REQUEST_COMMAND ? OUTCOME_NO_PRIMARY
								     : OUTCOME_NO_REPLICA,
				    "no node can be reached");
	task->describe = (struct describe){
		.statement = (struct statement *)&task->operation->statement,
		.arena = &request->arena,
		.on_done = task_on_described,
	};
	if (!describe_start(&task->describe, router->nodes[node].pool))
		return request_fail(request, OUTCOME_QUEUE_FULL,
				    "too many requests are waiting for %s",
				    router->shared.nodes[node]->name);
	task->describing = true;
	return STEP_WAIT;
}

enum step task_bind(struct request *request)
{
	struct task *task = request->task;

	task->values = bind_values(request, task->operation);
	return task->values ? STEP_NEXT : STEP_DONE;
}
