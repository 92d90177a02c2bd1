/* SPDX-License-Identifier: Apache-2.0 */
/* The budgets are those of the node that is asked, not of the one that failed. */
#include "read/budgets.h"

static struct router_node *budgets_node(struct read *read)
{
	return &read->task.router->nodes[read->choice.node];
}

bool budgets_pay(struct read *read)
{
	struct router_node *node = budgets_node(read);
	int64_t now_us = loop_now(read->task.router->loop);
	bool paid;

	if (read->fee != READ_FEE_DUE)
		return true;
	paid = health_is_in_trouble(&node->health, now_us)
		       ? budget_take_evenly(&node->retries, now_us)
		       : budget_take(&node->retries, now_us);
	if (paid)
		read->fee = READ_FEE_PAID;
	return paid;
}

void budgets_earn(struct read *read)
{
	struct router_node *node = budgets_node(read);
	const struct router *router = read->task.router;

	if (read->fee != READ_FEE_PAID) {
		budget_earn(&node->retries, loop_now(router->loop));
		if (router->shared.options->hedge)
			budget_earn(&node->hedges, loop_now(router->loop));
	}
	read->fee = READ_FREE;
}
