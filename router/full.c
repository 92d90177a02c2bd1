/* SPDX-License-Identifier: Apache-2.0 */
/* Said where a request ends, whatever step of it found no node. */
#include "router/full.h"

#include "pg/pool.h"
#include "pg/reach.h"
#include "router/task.h"

bool full_is(const struct router *router, unsigned node)
{
	return reach_full(router->shared.nodes[node]->reach, loop_now(router->loop)) &&
	       !pool_connected(router->nodes[node].pool);
}

/* One that the monitor cannot ask may be the primary, too. */
static bool full_may_be_primary(const struct topology *topology, unsigned node)
{
	if (topology->primary >= 0)
		return topology->primary == (int)node;
	return topology->nodes[node].role == NODE_UNKNOWN;
}

/* The node that would have served the request, were it not full; -1: there is none. */
static int full_in_the_way(const struct task *task)
{
	const struct router *router = task->router;
	bool primary_only = task->request->outcome == OUTCOME_NO_PRIMARY ||
			    task->request->kind == REQUEST_COMMAND;

	for (unsigned i = 0; i < router->topology.count; i++)
		if ((!primary_only || full_may_be_primary(&router->topology, i)) &&
		    full_is(router, i))
			return (int)i;
	return -1;
}

void full_explain(struct task *task)
{
	struct request *request = task->request;
	enum outcome outcome = request->outcome;
	const struct reach *reach;
	int64_t pause_us;
	int node;

	if (request->stream || (outcome != OUTCOME_NO_PRIMARY && outcome != OUTCOME_NO_REPLICA &&
				outcome != OUTCOME_STARTING))
		return;
	node = full_in_the_way(task);
	if (node < 0)
		return;
	reach = task->router->shared.nodes[node]->reach;
	request_fail(request, OUTCOME_QUEUE_TIMEOUT, "a node is up, but %s",
		     reach_full_text(reach_full(reach, loop_now(request->loop))));
	pause_us = reach_login_after_us(reach) - loop_now(request->loop);
	if (pause_us > request->retry_after_us)
		request->retry_after_us = pause_us;
}
