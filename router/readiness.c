/* SPDX-License-Identifier: Apache-2.0 */
/* Asks the topology and the pools every few ms: nothing of it is worth a hook of its own. */
#include "router/readiness.h"

#include "base/clock.h"
#include "router/cluster/topology.h"

#include <assert.h>

#define READINESS_EVERY_US (5 * US_PER_MS)
#define READINESS_LATE_EVERY_US (50 * US_PER_MS) /* once clients are let in anyway */
#define READINESS_US_MAX (3 * US_PER_S)
/* What else answers does so by then, where the primary has; and a node that does not delays no
 * start by more. */
#define READINESS_OTHERS_US (500 * US_PER_MS)

/* It is up, its first conns are made, and it has told what only a primary tells. */
static bool readiness_serves(const struct readiness_env *env, unsigned at)
{
	const struct topology *topology = env->topology;

	return node_is_up(&topology->nodes[at]) && env->opened(env->arg, at) &&
	       (topology->primary != (int)at || topology->key_known || topology->schema_missing);
}

static bool readiness_is_settled(const struct readiness_env *env)
{
	bool any_up = false;

	for (unsigned i = 0; i < env->topology->count; i++) {
		const struct node_view *view = &env->topology->nodes[i];

		if (view->contact == NODE_UNASKED ||
		    (node_is_up(view) && !readiness_serves(env, i)))
			return false;
		any_up |= node_is_up(view);
	}
	return any_up;
}

/* Can commands leave, and queries that no replica answers? */
static bool readiness_primary_serves(const struct readiness_env *env)
{
	int primary = env->topology->primary;

	return primary >= 0 && readiness_serves(env, (unsigned)primary);
}

/*
 * Has a node answered, and is it known which is the primary? Until then any that was not asked may
 * turn out to be it, and nothing is in rotation.
 */
static bool readiness_status_is_known(const struct readiness_env *env)
{
	bool any_up = false;

	if (env->topology->primary_seen)
		return true;
	for (unsigned i = 0; i < env->topology->count; i++) {
		if (env->topology->nodes[i].contact == NODE_UNASKED)
			return false;
		any_up |= node_is_up(&env->topology->nodes[i]);
	}
	return any_up;
}

static bool readiness_is_over(const struct readiness *readiness, int64_t now_us)
{
	if (now_us >= readiness->until_us || readiness_is_settled(readiness->env))
		return true;
	return readiness->serving_since_us &&
	       now_us - readiness->serving_since_us >= READINESS_OTHERS_US;
}

static void readiness_on_timer(struct loop_timer *timer)
{
	struct readiness *readiness = container_of(timer, struct readiness, timer);
	const struct readiness_env *env = readiness->env;
	int64_t now_us = loop_now(env->loop);

	env->refresh(env->arg);
	readiness->looking = !readiness_status_is_known(env);
	if (!readiness->serving_since_us && readiness_primary_serves(env))
		readiness->serving_since_us = now_us;
	if (readiness->closed && readiness_is_over(readiness, now_us)) {
		readiness->closed = false;
		readiness->on_open(readiness->arg);
	}
	if (readiness->closed || readiness->looking)
		loop_timer_set(env->loop, timer,
			       now_us + (readiness->closed ? READINESS_EVERY_US
							   : READINESS_LATE_EVERY_US));
}

void readiness_begin(struct readiness *readiness, const struct readiness_env *env,
		     void (*on_open)(void *arg), void *arg)
{
	int64_t now_us = loop_now(env->loop);

	assert(on_open);
	*readiness = (struct readiness){
		.env = env,
		.timer = { .on_due = readiness_on_timer },
		.until_us = now_us + READINESS_US_MAX,
		.closed = true,
		.looking = true,
		.on_open = on_open,
		.arg = arg,
	};
	loop_timer_set(env->loop, &readiness->timer, now_us + READINESS_EVERY_US);
}

void readiness_end(struct readiness *readiness)
{
	if (readiness->env)
		loop_timer_cancel(readiness->env->loop, &readiness->timer);
}
