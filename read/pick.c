/* SPDX-License-Identifier: Apache-2.0 */
/* Gathers, per node, what this loop and this query know of it. */
#include "read/pick.h"

#include "router/node_health.h"
#include "router/requirement.h"
#include "router/revalidate.h"

#include <assert.h>

bool pick_is_spill(const struct choice *choice)
{
	return choice->kind == CHOICE_PLACE &&
	       (choice->reason == REASON_SPILL_LAG || choice->reason == REASON_SPILL_NO_REPLICA);
}

bool pick_is_of_replicas(const struct request *request, const struct options *options)
{
	return request->level_used == LEVEL_STRONG &&
	       (request->from != FROM_DEFAULT || options->strong == STRONG_REPLICAS);
}

static unsigned pick_spill_budget(const struct options *options)
{
	return (unsigned)((options->queue_max * options->spill_share + 99) / 100);
}

void pick_node(struct read *read)
{
	struct task *task = &read->task;
	struct router *router = task->router;
	struct query_needs *needs = &task->needs;
	int64_t now_us = loop_now(router->loop);
	uint32_t avoid = read->failed_at;

	if (task->shape->lacking)
		avoid |= revalidate_lacking(task->shape, now_us);
	router_refresh(router);
	for (unsigned i = 0; i < router->topology.count; i++) {
		if (router->uses[i].replayed >= needs->required.lsn)
			read->early_at &= ~(1u << i);
		router->uses[i].load = pool_load(router->nodes[i].pool);
		router->uses[i].connected = pool_connected(router->nodes[i].pool);
		router->uses[i].avoid = avoid & (1u << i);
		router->uses[i].full = read->full_at & (1u << i);
		router->uses[i].early = read->early_at & (1u << i);
		node_health_describe(router, i, &router->uses[i]);
	}
	needs->wait_us_left =
		read->task.wait_until_us > now_us ? read->task.wait_until_us - now_us : 0;
	needs->random = random_next(&router->random);
	needs->spill_allowed =
		read->spilled || read->reads->spilled < pick_spill_budget(router->shared.options);
	read->choice = choose_node(&router->topology, router->uses, needs, now_us);
}
