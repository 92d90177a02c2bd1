/* SPDX-License-Identifier: Apache-2.0 */
/* Two timers per node: one of the breaker, one that looks whether the node is silent. */
#include "router/health/health.h"

#include "base/clock.h"
#include "base/log.h"
#include "pg/admission/estimate.h"
#include "pg/sqlstate.h"
#include "router/task.h"
#include "router/too_many_connections.h"

#include <assert.h>

#define HEALTH_PROBE_US (500 * US_PER_MS) /* the breaker's probe is answered by then */
#define HEALTH_TICK_US (10 * US_PER_MS)
#define HEALTH_TICK_HEDGED_US US_PER_MS
#define HEALTH_SILENCE_US (100 * US_PER_MS) /* the least that is called silence */
#define HEALTH_STRETCH_US (50 * US_PER_MS)  /* each further one of it is a failure */
#define HEALTH_SILENCE_ESTIMATES 8          /* and so often what a statement is known to take */
#define HEALTH_TROUBLE_US US_PER_S          /* so long a failure is remembered */
#define HEALTH_RETRIES_PERCENT 10
#define HEALTH_RETRIES_PER_S 1
#define HEALTH_HEDGES_PERCENT 2

static void health_on_pause_over(struct loop_timer *timer);
static void health_on_tick(struct loop_timer *timer);

static struct health *health_of(struct router *router, unsigned node)
{
	return &router->nodes[node].health;
}

void health_init(struct router *router, unsigned node)
{
	struct health *health = health_of(router, node);

	*health = (struct health){
		.router = router,
		.node = node,
		.pause.on_due = health_on_pause_over,
		.tick.on_due = health_on_tick,
		.retries = { .percent = HEALTH_RETRIES_PERCENT,
			     .reserve = HEALTH_RETRIES_PER_S * WINDOW_S },
		.hedges = { .percent = HEALTH_HEDGES_PERCENT },
	};
	list_init(&health->out);
	arena_init(&health->arena);
}

static void health_drop_probe(struct health *health)
{
	loop_timer_cancel(health->router->loop, &health->pause);
	if (health->probing)
		pool_forget(health->router->nodes[health->node].pool, &health->probe);
	health->probing = false;
}

void health_fini(struct router *router, unsigned node)
{
	struct health *health = health_of(router, node);

	assert(list_empty(&health->out));
	health_drop_probe(health);
	loop_timer_cancel(router->loop, &health->tick);
	arena_fini(&health->arena);
}

void health_tell(const struct router *router, unsigned node, struct node_use *use)
{
	const struct breaker *breaker = &router->nodes[node].health.breaker;
	int64_t now_us = loop_now(router->loop);

	use->broken_us = breaker_wait_us(breaker, now_us);
	use->held_back = 100 - breaker_share_percent(breaker, now_us);
}

int64_t health_pause_us(const struct router *router, bool primary_only)
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

/* --- the breaker ------------------------------------------------------------------------------ */

static void health_log(const struct health *health)
{
	const struct breaker *breaker = &health->breaker;
	const char *node = health->router->shared.nodes[health->node]->name;
	int64_t wait_us = breaker_wait_us(breaker, loop_now(health->router->loop));

	metric_set(health->router->metrics, METRIC_breaker_state, METRIC_LABELS(node),
		   breaker->state != BREAKER_CLOSED);
	log_with(breaker->state == BREAKER_OPEN ? LOG_WARN : LOG_INFO, "router",
		 LOG_FIELDS({ "node", node }, { "state", breaker_state_text(breaker->state) },
			    { "reason", breaker->reason }),
		 "breaker of %s: %s%s%s (next probe in %lld ms)", node,
		 breaker_state_text(breaker->state), breaker->reason ? ", " : "",
		 breaker->reason ? breaker->reason : "", (long long)(wait_us / US_PER_MS));
}

static void health_opened(struct health *health)
{
	struct router *router = health->router;

	metric_add(router->metrics, METRIC_breaker_opened_total,
		   METRIC_LABELS(router->shared.nodes[health->node]->name), 1);
	health_log(health);
	loop_timer_set(router->loop, &health->pause, health->breaker.until_us);
}

static void health_proven(struct health *health, bool answered)
{
	breaker_proven(&health->breaker, loop_now(health->router->loop), answered);
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
	if (call->end == CALL_UNSENT && call->expired &&
	    pool_connected(health->router->nodes[health->node].pool))
		return;
	health_proven(health, call->end == CALL_OK);
}

/* Of a node that gave the probe no conn, the monitor's word counts, which has one of its own. */
static bool health_is_heard_of(const struct health *health)
{
	const struct node_view *view = &health->router->topology.nodes[health->node];

	return !health->probe.sent_us && view->seen_us > health->probe.queued_us;
}

static void health_on_pause_over(struct loop_timer *timer)
{
	struct health *health = container_of(timer, struct health, pause);
	struct router *router = health->router;
	struct pool *pool = router->nodes[health->node].pool;

	if (health->breaker.state == BREAKER_HALF_OPEN) {
		router_refresh(router);
		if (health->breaker.state == BREAKER_HALF_OPEN)
			health_proven(health, health_is_heard_of(health));
		return;
	}
	if (!breaker_half_opens(&health->breaker, loop_now(router->loop)))
		return;
	arena_reset(&health->arena);
	health->probe = (struct call){
		.kind = CALL_PROBE,
		.arena = &health->arena,
		.on_done = health_on_probe,
	};
	pool_dial_now(pool);
	health->probing = pool_submit(pool, &health->probe);
	if (health->probing)
		loop_timer_set(router->loop, timer, loop_now(router->loop) + HEALTH_PROBE_US);
	else
		health_proven(health, false);
}

static void health_bad(struct health *health, const char *reason)
{
	if (breaker_bad(&health->breaker, loop_now(health->router->loop), reason))
		health_opened(health);
}

void health_renew(struct router *router, unsigned node, bool slowly)
{
	struct health *health = health_of(router, node);
	bool was_closed = health->breaker.state == BREAKER_CLOSED;

	health_drop_probe(health);
	breaker_reset(&health->breaker, loop_now(router->loop), slowly);
	health->trouble_us = 0;
	if (!was_closed)
		health_log(health);
}

static bool health_is_trouble(const struct call *call)
{
	const char *sqlstate = call->error.sqlstate;

	if (call->end == CALL_ERROR)
		return sqlstate_blames_node(sqlstate) ||
		       sqlstate_verdict(sqlstate, false, call->in_recovery).retry ==
			       RETRY_ELSEWHERE;
	return call->end == CALL_LOST;
}

bool health_is_in_trouble(const struct health *health, int64_t now_us)
{
	return health->trouble_us && now_us - health->trouble_us < HEALTH_TROUBLE_US;
}

void health_judge(struct router *router, unsigned node, const struct call *call)
{
	struct health *health = health_of(router, node);
	int64_t now_us = loop_now(router->loop);

	if (health_is_trouble(call))
		health->trouble_us = now_us;
	switch (call->end) {
	case CALL_OK:
	case CALL_TOO_LARGE:
		health->heard_us = now_us;
		breaker_good(&health->breaker, now_us);
		return;
	case CALL_ERROR:
		health->heard_us = now_us;
		if (sqlstate_blames_node(call->error.sqlstate))
			health_bad(health, "the node refuses");
		else if (!sqlstate_is_timeout(call->error.sqlstate))
			breaker_good(&health->breaker, now_us);
		return;
	case CALL_LOST:
		health_bad(health, call->lost_reason);
		return;
	case CALL_UNSENT:
		/* One that was never heard is only being connected to, and one that grants no more
		 * connections is well. */
		if (call->expired && health->heard_us && !too_many_connections_at(router, node) &&
		    !pool_connected(router->nodes[node].pool))
			health_bad(health, "no connection in time");
		return;
	}
	assert(!"an end of a call");
}

/* --- silence ---------------------------------------------------------------------------------- */

/* Since when neither we nor the monitor have heard of the node. */
static int64_t health_heard_us(const struct health *health)
{
	int64_t seen_us = health->router->topology.nodes[health->node].seen_us;

	return seen_us > health->heard_us ? seen_us : health->heard_us;
}

bool health_silent_since(const struct router *router, unsigned node, int64_t us)
{
	return health_heard_us(&router->nodes[node].health) < us;
}

static int64_t health_tick_us(const struct health *health)
{
	return health->router->shared.options->hedge ? HEALTH_TICK_HEDGED_US : HEALTH_TICK_US;
}

void health_sent(struct router *router, unsigned node, struct task *task)
{
	struct health *health = health_of(router, node);

	task->out_at = health;
	task->out_us = loop_now(router->loop);
	list_append(&health->out, &task->out_link);
	if (health->asked_us <= health_heard_us(health))
		health->asked_us = task->out_us;
	if (!health->tick.slot)
		loop_timer_set(router->loop, &health->tick, task->out_us + health_tick_us(health));
}

void health_back(struct task *task)
{
	if (!task->out_at)
		return;
	list_remove(&task->out_at->out, &task->out_link);
	task->out_at = NULL;
}

/* How long the node may be silent while that query is out. Of a statement of which nothing is
 * known, only the monitor can say: its word ends the call. */
static int64_t health_patience_us(const struct task *task)
{
	int64_t known_us = estimate_us(&task->operation->statement) * HEALTH_SILENCE_ESTIMATES;

	if (!known_us)
		return CLOCK_NEVER;
	return known_us > HEALTH_SILENCE_US ? known_us : HEALTH_SILENCE_US;
}

/* One failure for each further stretch of silence, so that it takes several. Those who were asked
 * first may have left since. */
static void health_count_silence(struct health *health, int64_t now_us)
{
	int64_t look_us = health->router->shared.options->lag_poll_us + HEALTH_SILENCE_US;
	int64_t heard_us = health_heard_us(health);
	int64_t since_us = health->asked_us > heard_us ? health->asked_us : heard_us;

	if (now_us - since_us >= look_us && now_us - health->breaker.bad_us >= HEALTH_STRETCH_US)
		health_bad(health, "no answer");
}

static void health_look(struct health *health, int64_t now_us)
{
	int64_t heard_us = health_heard_us(health);
	struct list_link *next;

	for (struct list_link *it = health->out.head.next; it != &health->out.head; it = next) {
		struct task *task = container_of(it, struct task, out_link);
		int64_t since_us = task->out_us > heard_us ? task->out_us : heard_us;

		next = it->next;
		if (now_us - since_us < HEALTH_SILENCE_US)
			break;
		if (now_us - since_us >= health_patience_us(task) && !task->retries)
			query_leave(task);
	}
}

static void health_on_tick(struct loop_timer *timer)
{
	struct health *health = container_of(timer, struct health, tick);
	struct loop *loop = health->router->loop;
	int64_t now_us = loop_now(loop);

	/* What the monitor has heard since: a loop with nothing to do has not looked. */
	router_refresh(health->router);
	/* A tick that comes late itself says that we were not there to hear. */
	if (now_us - timer->due_us < HEALTH_TICK_US && !list_empty(&health->out)) {
		health_count_silence(health, now_us);
		health_look(health, now_us);
		if (health->router->shared.options->hedge)
			hedge_look(health, now_us);
	}
	if (!list_empty(&health->out))
		loop_timer_set(loop, timer, now_us + health_tick_us(health));
}
