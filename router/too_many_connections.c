/* SPDX-License-Identifier: Apache-2.0 */
/* Said where a request ends, whatever step of it found no node. */
#include "router/too_many_connections.h"

#include "pg/pool.h"
#include "pg/reconnect.h"
#include "router/task.h"

bool too_many_connections_at(const struct router *router, unsigned node)
{
	return reconnect_limit(router->shared.nodes[node]->reconnect, loop_now(router->loop)) &&
	       !pool_connected(router->nodes[node].pool);
}

/* One that the monitor cannot ask may be the primary, too. */
static bool too_many_connections_may_be_primary(const struct topology *topology, unsigned node)
{
	if (topology->primary >= 0)
		return topology->primary == (int)node;
	return topology->nodes[node].role == NODE_UNKNOWN;
}

/* The node that would have served the request, were it not full; -1: there is none. */
static int too_many_connections_in_the_way(const struct task *task)
{
	const struct router *router = task->router;
	bool primary_only = task->request->outcome == OUTCOME_NO_PRIMARY ||
			    task->request->kind != REQUEST_QUERY;

	for (unsigned i = 0; i < router->topology.count; i++)
		if ((!primary_only || too_many_connections_may_be_primary(&router->topology, i)) &&
		    too_many_connections_at(router, i))
			return (int)i;
	return -1;
}

void too_many_connections_explain(struct task *task)
{
	struct request *request = task->request;
	enum outcome outcome = request->outcome;
	const struct reconnect *reconnect;
	int64_t pause_us;
	int node;

	if (request->stream || (outcome != OUTCOME_NO_PRIMARY && outcome != OUTCOME_NO_REPLICA &&
				outcome != OUTCOME_STARTING))
		return;
	node = too_many_connections_in_the_way(task);
	if (node < 0)
		return;
	reconnect = task->router->shared.nodes[node]->reconnect;
	request_fail(request, OUTCOME_QUEUE_TIMEOUT, "a node is up, but %s",
		     conn_limit_text(reconnect_limit(reconnect, loop_now(request->loop))));
	pause_us = reconnect_login_after_us(reconnect) - loop_now(request->loop);
	if (pause_us > request->retry_after_us)
		request->retry_after_us = pause_us;
}
