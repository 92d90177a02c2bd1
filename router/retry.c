/* SPDX-License-Identifier: Apache-2.0 */
/* The budgets are those of the node that is asked, not of the one that failed. */
#include "router/retry.h"

#include "router/task.h"

bool retry_pays(struct task *task)
{
	struct router *router = task->router;
	struct router_node *node = &router->nodes[task->choice.node];
	int64_t now_us = loop_now(router->loop);

	if (!task->pays)
		return true;
	task->paid = health_is_in_trouble(&node->health, now_us)
			     ? budget_take_evenly(&node->retries, now_us)
			     : budget_take(&node->retries, now_us);
	task->pays = !task->paid;
	return task->paid;
}

void retry_earn(struct task *task)
{
	struct router *router = task->router;
	struct router_node *node = &router->nodes[task->choice.node];

	if (!task->paid) {
		budget_earn(&node->retries, loop_now(router->loop));
		if (router->shared.options->hedge)
			budget_earn(&node->hedges, loop_now(router->loop));
	}
	task->paid = false;
}
