/* SPDX-License-Identifier: Apache-2.0 */
/* Asks the topology and the pools every few ms: nothing of it is worth a hook of its own. */
#include "router/readiness.h"

#include "base/clock.h"
#include "router/task.h"

#include <assert.h>

#define READINESS_EVERY_US (5 * US_PER_MS)
#define READINESS_LATE_EVERY_US (50 * US_PER_MS) /* once clients are let in anyway */
#define READINESS_US_MAX (3 * US_PER_S)
/* What else answers does so by then, where the primary has; and a node that does not delays no
 * start by more. */
#define READINESS_OTHERS_US (500 * US_PER_MS)

/* It is up, its first conns are made, and it has told what only a primary tells. */
static bool readiness_serves(const struct router *router, unsigned at)
{
	const struct topology *topology = &router->topology;

	return node_is_up(&topology->nodes[at]) && pool_opened(router->nodes[at].pool) &&
	       (topology->primary != (int)at || topology->key_known || topology->schema_missing);
}

static bool readiness_is_settled(const struct router *router)
{
	bool any_up = false;

	for (unsigned i = 0; i < router->topology.count; i++) {
		const struct node_view *view = &router->topology.nodes[i];

		if (view->contact == NODE_UNASKED ||
		    (node_is_up(view) && !readiness_serves(router, i)))
			return false;
		any_up |= node_is_up(view);
	}
	return any_up;
}

/* Can commands leave, and queries that no replica answers? */
static bool readiness_primary_serves(const struct router *router)
{
	int primary = router->topology.primary;

	return primary >= 0 && readiness_serves(router, (unsigned)primary);
}

/*
 * Has a node answered, and is it known which is the primary? Until then any that was not asked may
 * turn out to be it, and nothing is in rotation.
 */
static bool readiness_look_is_over(const struct router *router)
{
	bool any_up = false;

	if (router->topology.primary_seen)
		return true;
	for (unsigned i = 0; i < router->topology.count; i++) {
		if (router->topology.nodes[i].contact == NODE_UNASKED)
			return false;
		any_up |= node_is_up(&router->topology.nodes[i]);
	}
	return any_up;
}

static bool readiness_is_over(const struct router *router, int64_t now_us)
{
	const struct readiness *readiness = &router->readiness;

	if (now_us >= readiness->until_us || readiness_is_settled(router))
		return true;
	return readiness->serving_since_us &&
	       now_us - readiness->serving_since_us >= READINESS_OTHERS_US;
}

static void readiness_on_timer(struct loop_timer *timer)
{
	struct router *router = container_of(timer, struct router, readiness.timer);
	struct readiness *readiness = &router->readiness;
	int64_t now_us = loop_now(router->loop);

	router_refresh(router);
	readiness->looking = !readiness_look_is_over(router);
	if (!readiness->serving_since_us && readiness_primary_serves(router))
		readiness->serving_since_us = now_us;
	if (readiness->closed && readiness_is_over(router, now_us)) {
		readiness->closed = false;
		readiness->on_open(readiness->arg);
	}
	if (readiness->closed || readiness->looking)
		loop_timer_set(router->loop, timer,
			       now_us + (readiness->closed ? READINESS_EVERY_US
							   : READINESS_LATE_EVERY_US));
}

void readiness_begin(struct router *router, void (*on_open)(void *arg), void *arg)
{
	int64_t now_us = loop_now(router->loop);

	assert(on_open);
	router->readiness = (struct readiness){
		.timer = { .on_due = readiness_on_timer },
		.until_us = now_us + READINESS_US_MAX,
		.closed = true,
		.looking = true,
		.on_open = on_open,
		.arg = arg,
	};
	loop_timer_set(router->loop, &router->readiness.timer, now_us + READINESS_EVERY_US);
}

void readiness_end(struct router *router)
{
	loop_timer_cancel(router->loop, &router->readiness.timer);
}
