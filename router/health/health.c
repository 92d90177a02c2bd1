/* SPDX-License-Identifier: Apache-2.0 */
/* Two timers per node: one of the breaker, one that looks whether the node is silent. */
#include "router/health/health.h"

#include "base/log.h"

#include <assert.h>

#define HEALTH_PROBE_US (500 * US_PER_MS) /* the breaker's probe is answered by then */
#define HEALTH_TICK_US (10 * US_PER_MS)
#define HEALTH_TICK_LATE_US US_PER_MS
#define HEALTH_STRETCH_US (50 * US_PER_MS) /* each further one of it is a failure */
#define HEALTH_TROUBLE_US US_PER_S         /* so long a failure is remembered */

static void health_on_pause_over(struct loop_timer *timer);
static void health_on_tick(struct loop_timer *timer);

void health_init(struct health *health, const struct health_env *env, unsigned node,
		 const char *name, struct pool *pool)
{
	*health = (struct health){
		.env = env,
		.node = node,
		.name = name,
		.pool = pool,
		.pause.on_due = health_on_pause_over,
		.tick.on_due = health_on_tick,
	};
	list_init(&health->out);
	arena_init(&health->arena);
}

static void health_drop_probe(struct health *health)
{
	loop_timer_cancel(health->env->loop, &health->pause);
	if (health->probing)
		pool_forget(health->pool, &health->probe);
	health->probing = false;
}

void health_fini(struct health *health)
{
	assert(list_empty(&health->out));
	health_drop_probe(health);
	loop_timer_cancel(health->env->loop, &health->tick);
	arena_fini(&health->arena);
}

/* --- the breaker ------------------------------------------------------------------------------ */

static void health_log(const struct health *health)
{
	const struct breaker *breaker = &health->breaker;
	int64_t wait_us = breaker_wait_us(breaker, loop_now(health->env->loop));

	metric_set(health->env->metrics, METRIC_breaker_state, METRIC_LABELS(health->name),
		   breaker->state != BREAKER_CLOSED);
	log_with(breaker->state == BREAKER_OPEN ? LOG_WARN : LOG_INFO, "router",
		 LOG_FIELDS({ "node", health->name },
			    { "state", breaker_state_text(breaker->state) },
			    { "reason", breaker->reason }),
		 "breaker of %s: %s%s%s (next probe in %lld ms)", health->name,
		 breaker_state_text(breaker->state), breaker->reason ? ", " : "",
		 breaker->reason ? breaker->reason : "", (long long)(wait_us / US_PER_MS));
}

static void health_opened(struct health *health)
{
	metric_add(health->env->metrics, METRIC_breaker_opened_total, METRIC_LABELS(health->name),
		   1);
	health_log(health);
	loop_timer_set(health->env->loop, &health->pause, health->breaker.until_us);
}

static void health_proven(struct health *health, bool answered)
{
	breaker_proven(&health->breaker, loop_now(health->env->loop), answered);
	health_drop_probe(health);
	if (answered)
		health_log(health);
	else
		health_opened(health);
}

static void health_on_probe(struct call *call)
{
	struct health *health = container_of(call, struct health, probe);

	health->probing = false;
	/* It waited behind what it judges: no conn was free for it. */
	if (call->end == CALL_UNSENT && call->refusal == REFUSAL_EXPIRED &&
	    pool_connected(health->pool))
		return;
	health_proven(health, call->end == CALL_OK);
}

/* Of a node that gave the probe no conn, the monitor's word counts, which has one of its own. */
static bool health_is_heard_of(const struct health *health)
{
	const struct node_view *view = &health->env->topology->nodes[health->node];

	return !health->probe.sent_us && view->seen_us > health->probe.queued_us;
}

static void health_on_pause_over(struct loop_timer *timer)
{
	struct health *health = container_of(timer, struct health, pause);
	struct loop *loop = health->env->loop;

	if (health->breaker.state == BREAKER_HALF_OPEN) {
		health->env->refresh(health->env->arg);
		if (health->breaker.state == BREAKER_HALF_OPEN)
			health_proven(health, health_is_heard_of(health));
		return;
	}
	if (!breaker_half_opens(&health->breaker, loop_now(loop)))
		return;
	arena_reset(&health->arena);
	health->probe = (struct call){
		.kind = CALL_PROBE,
		.arena = &health->arena,
		.on_done = health_on_probe,
	};
	pool_dial_now(health->pool);
	health->probing = pool_submit(health->pool, &health->probe);
	if (health->probing)
		loop_timer_set(loop, timer, loop_now(loop) + HEALTH_PROBE_US);
	else
		health_proven(health, false);
}

static void health_bad(struct health *health, const char *reason)
{
	if (breaker_bad(&health->breaker, loop_now(health->env->loop), reason))
		health_opened(health);
}

void health_renew(struct health *health, bool slowly)
{
	bool was_closed = health->breaker.state == BREAKER_CLOSED;

	health_drop_probe(health);
	breaker_reset(&health->breaker, loop_now(health->env->loop), slowly);
	health->trouble_us = 0;
	if (!was_closed)
		health_log(health);
}

bool health_is_in_trouble(const struct health *health, int64_t now_us)
{
	return health->trouble_us && now_us - health->trouble_us < HEALTH_TROUBLE_US;
}

void health_outcome(struct health *health, enum health_class class, const char *reason,
		    int64_t now_us)
{
	switch (class) {
	case HEALTH_ANSWERED:
		health->heard_us = now_us;
		breaker_good(&health->breaker, now_us);
		return;
	case HEALTH_TIMED_OUT:
		health->heard_us = now_us;
		return;
	case HEALTH_ELSEWHERE:
		health->trouble_us = health->heard_us = now_us;
		breaker_good(&health->breaker, now_us);
		return;
	case HEALTH_REFUSED:
		health->trouble_us = health->heard_us = now_us;
		health_bad(health, "the node refuses");
		return;
	case HEALTH_LOST:
		health->trouble_us = now_us;
		health_bad(health, reason);
		return;
	case HEALTH_UNREACHED:
		/* One that was never heard is only being connected to. */
		if (health->heard_us)
			health_bad(health, "no connection in time");
		return;
	case HEALTH_NOTHING:
		return;
	}
	assert(!"a class of outcomes");
}

/* --- silence ---------------------------------------------------------------------------------- */

/* Since when neither we nor the monitor have heard of the node. */
static int64_t health_heard_us(const struct health *health)
{
	int64_t seen_us = health->env->topology->nodes[health->node].seen_us;

	return seen_us > health->heard_us ? seen_us : health->heard_us;
}

bool health_silent_since(const struct health *health, int64_t us)
{
	return health_heard_us(health) < us;
}

static int64_t health_tick_us(const struct health *health)
{
	return health->any_late ? HEALTH_TICK_LATE_US : HEALTH_TICK_US;
}

void health_sent(struct health *health, struct flight *flight)
{
	int64_t now_us = loop_now(health->env->loop);
	bool late_first = flight->late_us && !health->any_late;

	flight->health = health;
	flight->sent_us = now_us;
	list_append(&health->out, &flight->link);
	if (health->asked_us <= health_heard_us(health))
		health->asked_us = now_us;
	health->any_late |= late_first;
	if (!health->tick.slot || late_first)
		loop_timer_set(health->env->loop, &health->tick, now_us + health_tick_us(health));
}

void health_back(struct flight *flight)
{
	if (!flight->health)
		return;
	list_remove(&flight->health->out, &flight->link);
	flight->health = NULL;
}

/* One failure for each further stretch of silence, so that it takes several. Those who were asked
 * first may have left since. */
static void health_count_silence(struct health *health, int64_t now_us)
{
	int64_t silent_after_us = (*health->env->options)->lag_poll_us + HEALTH_SILENCE_US;
	int64_t heard_us = health_heard_us(health);
	int64_t since_us = health->asked_us > heard_us ? health->asked_us : heard_us;

	if (now_us - since_us >= silent_after_us &&
	    now_us - health->breaker.bad_us >= HEALTH_STRETCH_US)
		health_bad(health, "no answer");
}

/* Whatever a flight does when it hears it, the next one is behind the mark. */
static void health_check_silent(struct health *health, int64_t now_us)
{
	int64_t heard_us = health_heard_us(health);
	struct list_link mark = { 0 }, *next;

	for (struct list_link *it = health->out.head.next; it != &health->out.head; it = next) {
		struct flight *flight = container_of(it, struct flight, link);
		int64_t since_us = flight->sent_us > heard_us ? flight->sent_us : heard_us;

		if (now_us - since_us < HEALTH_SILENCE_US)
			break;
		list_insert_behind(&health->out, it, &mark);
		flight->on_silent(flight, now_us - since_us);
		next = mark.next;
		list_remove(&health->out, &mark);
	}
}

static void health_check_late(struct health *health, int64_t now_us)
{
	if (!health->any_late)
		return;
	health->any_late = false;
	list_each (&health->out, it) {
		struct flight *flight = container_of(it, struct flight, link);

		if (flight->late_us && now_us - flight->sent_us >= flight->late_us)
			flight->on_late(flight, now_us - flight->sent_us);
		health->any_late |= flight->late_us != 0;
	}
}

static void health_on_tick(struct loop_timer *timer)
{
	struct health *health = container_of(timer, struct health, tick);
	int64_t now_us = loop_now(health->env->loop);

	/* What the monitor has heard since: a loop with nothing to do has not looked. */
	health->env->refresh(health->env->arg);
	/* A tick that comes late itself says that we were not there to hear. */
	if (now_us - timer->due_us < HEALTH_TICK_US && !list_empty(&health->out)) {
		health_count_silence(health, now_us);
		health_check_silent(health, now_us);
		health_check_late(health, now_us);
	}
	if (list_empty(&health->out))
		health->any_late = false;
	else
		loop_timer_set(health->env->loop, timer, now_us + health_tick_us(health));
}
