/* SPDX-License-Identifier: Apache-2.0 */
/* The second query of a task; when it is first, it takes the place of the other. */
#include "router/hedge.h"

#include "router/node_health.h"
#include "router/task.h"

#include <assert.h>

#define HEDGE_STEP 8 /* a percentile moves by an eighth of itself, */
#define HEDGE_STEP_US_MIN 40
#define HEDGE_UP 19 /* 19 parts of 20 up for one that was late, one part down for the others */
#define HEDGE_PARTS 20
#define HEDGE_US_MIN US_PER_MS
#define HEDGE_US_MAX (60 * US_PER_S)

void hedge_learn(struct statement *statement, int64_t took_us)
{
	int64_t known_us = atomic_load_explicit(&statement->late_us, memory_order_relaxed);
	int64_t step_us = known_us / HEDGE_STEP;

	if (step_us < HEDGE_STEP_US_MIN)
		step_us = HEDGE_STEP_US_MIN;
	if (!known_us)
		known_us = took_us;
	else if (took_us > known_us)
		known_us += step_us * HEDGE_UP / HEDGE_PARTS;
	else
		known_us -= step_us / HEDGE_PARTS;
	if (known_us < 1)
		known_us = 1;
	if (known_us > HEDGE_US_MAX)
		known_us = HEDGE_US_MAX;
	atomic_store_explicit(&statement->late_us, (uint32_t)known_us, memory_order_relaxed);
}

int64_t hedge_due_us(const struct statement *statement)
{
	int64_t known_us = atomic_load_explicit(&statement->late_us, memory_order_relaxed);

	return known_us && known_us < HEDGE_US_MIN ? HEDGE_US_MIN : known_us;
}

void hedge_forget(struct task *task)
{
	struct hedge *hedge = task->hedge;

	if (!hedge)
		return;
	query_forget(&hedge->query);
	buf_fini(&hedge->out);
	task->hedge = NULL;
}

/* What it found becomes what the task's own query found. */
static void hedge_wins(struct hedge *hedge)
{
	struct task *task = hedge->task;
	struct buf own = task->request->out;

	query_forget(&task->query);
	task->request->out = hedge->out;
	hedge->out = own;
	task->choice = hedge->choice;
	task->life = hedge->life;
	task->timeline = hedge->timeline;
	task->query.call = hedge->query.call;
	task->query.lower = hedge->query.lower;
	task->query.upper = hedge->query.upper;
	task->query.on_primary = false;
	query_ended(task, QUERY_ANSWERED);
}

static void hedge_on_call(struct query *query, enum query_end end)
{
	struct hedge *hedge = container_of(query, struct hedge, query);
	struct task *task = hedge->task;

	node_health_judge(task->router, hedge->choice.node, &query->call);
	if (end == QUERY_ANSWERED)
		hedge_wins(hedge);
	else
		query_forget_failure(task->request);
}

/* A replica that is as good as the first one was held to be, or none. */
static bool hedge_choose(struct task *task, struct choice *choice)
{
	struct router *router = task->router;
	struct choice first = task->choice;

	task->failed_at |= 1u << first.node;
	query_choose(task);
	task->failed_at &= ~(1u << first.node);
	*choice = task->choice;
	task->choice = first;
	return choice->kind == CHOICE_PLACE && (int)choice->node != router->topology.primary &&
	       (choice->reason == REASON_FRESH || choice->reason == REASON_ANY) &&
	       choice->must_prove == first.must_prove && !router->uses[choice->node].broken_us &&
	       budget_take(&router->nodes[choice->node].hedges, loop_now(router->loop));
}

static void hedge_send(struct task *task)
{
	struct router *router = task->router;
	struct choice choice;
	struct hedge *hedge;
	bool sent;

	if (!hedge_choose(task, &choice))
		return;
	hedge = arena_zero(&task->request->arena, 1, sizeof(*hedge));
	hedge->task = task;
	hedge->choice = choice;
	hedge->life = router->topology.nodes[choice.node].life;
	hedge->timeline = router->topology.nodes[choice.node].position.timeline;
	buf_init(&hedge->out);
	hedge->query = (struct query){
		.request = task->request,
		.operation = task->operation,
		.values = task->values,
		.shape = task->shape,
		.out = &hedge->out,
		.bytes_max = task->query.bytes_max,
		.timeout_us = task->query.timeout_us,
		.on_done = hedge_on_call,
	};
	task->hedged = true;
	task->hedge = hedge;
	sent = query_send(&hedge->query, router->nodes[choice.node].pool,
			  choice.must_prove ? task->needs.required.lsn : 0, false);
	if (!sent) {
		hedge_forget(task);
		return;
	}
	metric_add(router->metrics, METRIC_hedges_total,
		   METRIC_LABELS(router->shared.nodes[choice.node]->name), 1);
}

int64_t hedge_late_us(const struct task *task)
{
	const struct router *router = task->router;
	int64_t due_us;

	if (!router->shared.options->hedge || task->hedged || task->retries ||
	    task->query.on_primary || task->query.streams ||
	    (int)task->choice.node == router->topology.primary)
		return 0;
	due_us = hedge_due_us(&task->operation->statement);
	return due_us ? due_us : HEDGE_US_MIN;
}

/* What is late is only learned while it is out, for a statement that is new. */
void hedge_on_late(struct flight *flight, int64_t out_us)
{
	struct task *task = container_of(flight, struct task, flight);
	const struct router *router = task->router;
	int64_t due_us = hedge_due_us(&task->operation->statement);

	if (due_us && out_us >= due_us && router->shared.options->hedge &&
	    (int)task->choice.node != router->topology.primary)
		hedge_send(task);
	if (task->hedged)
		flight->late_us = 0;
}
