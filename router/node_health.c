/* SPDX-License-Identifier: Apache-2.0 */
/* The one place that knows both a call and what it says of the node's health. */
#include "router/node_health.h"

#include "base/clock.h"
#include "pg/admission/estimate.h"
#include "pg/pool.h"
#include "pg/sqlstate.h"
#include "router/task.h"
#include "router/too_many_connections.h"

#include <assert.h>

#define NODE_HEALTH_ESTIMATES 8 /* silence: so often what a statement is known to take */

static enum health_class node_health_class_of_error(const struct call *call)
{
	const char *sqlstate = call->error.sqlstate;

	if (sqlstate_blames_node(sqlstate))
		return HEALTH_REFUSED;
	if (sqlstate_is_timeout(sqlstate))
		return HEALTH_TIMED_OUT;
	if (sqlstate_verdict(sqlstate, false, call->in_recovery).retry == RETRY_ELSEWHERE)
		return HEALTH_ELSEWHERE;
	return HEALTH_ANSWERED;
}

/* Waiting for a busy conn says nothing, and a node that grants no more connections is well. */
static enum health_class node_health_class_of_unsent(const struct router *router, unsigned node,
						     const struct call *call)
{
	if (call->refusal == REFUSAL_EXPIRED && !too_many_connections_at(router, node) &&
	    !pool_connected(router->nodes[node].pool))
		return HEALTH_UNREACHED;
	return HEALTH_NOTHING;
}

static enum health_class node_health_class(const struct router *router, unsigned node,
					   const struct call *call)
{
	switch (call->end) {
	case CALL_OK:
	case CALL_TOO_LARGE:
		return HEALTH_ANSWERED;
	case CALL_ERROR:
		return node_health_class_of_error(call);
	case CALL_LOST:
		return HEALTH_LOST;
	case CALL_UNSENT:
		return node_health_class_of_unsent(router, node, call);
	}
	assert(!"an end of a call");
	return HEALTH_NOTHING;
}

void node_health_judge(struct router *router, unsigned node, const struct call *call)
{
	health_outcome(&router->nodes[node].health, node_health_class(router, node, call),
		       call->lost_reason, loop_now(router->loop));
}

void node_health_describe(const struct router *router, unsigned node, struct node_use *use)
{
	const struct breaker *breaker = &router->nodes[node].health.breaker;
	int64_t now_us = loop_now(router->loop);

	use->broken_us = breaker_wait_us(breaker, now_us);
	use->held_back = 100 - breaker_share_percent(breaker, now_us);
}

int64_t node_health_pause_us(const struct router *router, bool primary_only)
{
	const struct topology *topology = &router->topology;
	int64_t now_us = loop_now(router->loop), soonest_us = CLOCK_NEVER;

	for (unsigned i = 0; i < topology->count; i++) {
		int64_t wait_us = breaker_wait_us(&router->nodes[i].health.breaker, now_us);

		if ((int)i != topology->primary &&
		    (primary_only || !topology->nodes[i].in_rotation))
			continue;
		if (wait_us < soonest_us)
			soonest_us = wait_us;
	}
	return soonest_us == CLOCK_NEVER ? 0 : soonest_us;
}

int64_t node_health_patience_us(const struct task *task)
{
	int64_t known_us = estimate_us(task->operation->statement) * NODE_HEALTH_ESTIMATES;

	if (!known_us)
		return CLOCK_NEVER;
	return known_us > HEALTH_SILENCE_US ? known_us : HEALTH_SILENCE_US;
}
