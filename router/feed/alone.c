/* SPDX-License-Identifier: Apache-2.0 */
/* What was touched before they begin lies below where the primary was seen, or was missed
 * (router/feed/stripes.h). */
#include "router/feed/alone.h"

#include "router/feed/stripes.h"

static void alone_on_due(struct loop_timer *timer)
{
	struct feed_alone *alone = container_of(timer, struct feed_alone, timer);
	const struct feed_env *env = alone->env;
	struct stripes *stripes = &env->shared->stripes;
	struct position primary;
	bool other;

	env->refresh(env->arg);
	primary = env->topology->primary_position;
	other = stripes_enter(stripes, topology_life(env->topology));
	if (position_known(primary) && (other || stripes_timeline(stripes) != primary.timeline))
		stripes_begin(stripes, primary);
	if (alone->runs)
		loop_timer_set(env->loop, &alone->timer, loop_now(env->loop) + env->pause_us);
}

void feed_alone_init(struct feed_alone *alone, const struct feed_env *env)
{
	*alone = (struct feed_alone){ .env = env, .timer.on_due = alone_on_due };
}

void feed_alone_run(struct feed_alone *alone)
{
	if (alone->runs)
		return;
	alone->runs = true;
	alone_on_due(&alone->timer);
}

void feed_alone_stop(struct feed_alone *alone)
{
	if (!alone->runs)
		return;
	alone->runs = false;
	loop_timer_cancel(alone->env->loop, &alone->timer);
	stripes_forget(&alone->env->shared->stripes);
}
