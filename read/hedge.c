/* SPDX-License-Identifier: Apache-2.0 */
/* The second query of a request; when it is first, it takes the place of the other. */
#include "read/hedge.h"

#include "read/cached.h"
#include "read/pick.h"
#include "read/state.h"
#include "router/node_health.h"

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

void hedge_forget(struct read *read)
{
	struct hedge *hedge = read->hedge;

	if (!hedge)
		return;
	query_forget(&hedge->query);
	buf_fini(&hedge->out);
	read->hedge = NULL;
}

/* What it found becomes what the request's own query found. */
static void hedge_wins(struct hedge *hedge)
{
	struct read *read = hedge->read;
	struct buf own = read->task.request->out;

	query_forget(&read->query);
	read->task.request->out = hedge->out;
	hedge->out = own;
	read->choice = hedge->choice;
	read->life = hedge->life;
	read->timeline = hedge->timeline;
	read->query.call = hedge->query.call;
	read->query.lower = hedge->query.lower;
	read->query.upper = hedge->query.upper;
	read->query.on_primary = false;
	read_back(read, QUERY_ANSWERED);
}

static void hedge_on_call(struct query *query, enum query_end end)
{
	struct hedge *hedge = container_of(query, struct hedge, query);
	struct read *read = hedge->read;

	node_health_judge(read->task.router, hedge->choice.node, &query->call);
	if (end == QUERY_ANSWERED)
		hedge_wins(hedge);
	else
		task_forget_failure(read->task.request);
}

/* A replica that is as good as the first one was held to be, or none. */
static bool hedge_choose(struct read *read, struct choice *choice)
{
	struct router *router = read->task.router;
	struct choice first = read->choice;

	read->failed_at |= 1u << first.node;
	pick_node(read);
	read->failed_at &= ~(1u << first.node);
	*choice = read->choice;
	read->choice = first;
	return choice->kind == CHOICE_PLACE && (int)choice->node != router->topology.primary &&
	       (choice->reason == REASON_FRESH || choice->reason == REASON_ANY) &&
	       choice->must_prove == first.must_prove && !router->uses[choice->node].broken_us &&
	       budget_take(&router->nodes[choice->node].hedges, loop_now(router->loop));
}

static void hedge_send(struct read *read)
{
	struct router *router = read->task.router;
	struct choice choice;
	struct hedge *hedge;
	bool sent;

	if (!hedge_choose(read, &choice))
		return;
	hedge = arena_zero(&read->task.request->arena, 1, sizeof(*hedge));
	hedge->read = read;
	hedge->choice = choice;
	hedge->life = router->topology.nodes[choice.node].life;
	hedge->timeline = router->topology.nodes[choice.node].position.timeline;
	buf_init(&hedge->out);
	hedge->query = (struct query){
		.request = read->task.request,
		.operation = read->task.operation,
		.values = read->task.values,
		.shape = read->task.shape,
		.claims = read->task.claims,
		.out = &hedge->out,
		.bytes_max = read->query.bytes_max,
		.timeout_us = read->query.timeout_us,
		.on_done = hedge_on_call,
	};
	read->once |= READ_HEDGED;
	read->hedge = hedge;
	sent = query_send(&hedge->query, router->nodes[choice.node].pool,
			  choice.must_prove ? read->task.needs.required.lsn : 0, false);
	if (!sent) {
		hedge_forget(read);
		return;
	}
	cached_hedged(read, choice.node);
	metric_add(router->metrics, METRIC_hedges_total,
		   METRIC_LABELS(router->shared.nodes[choice.node]->name), 1);
}

int64_t hedge_late_us(const struct read *read)
{
	const struct router *router = read->task.router;
	int64_t due_us;

	if (!router->shared.options->hedge || read->once & READ_HEDGED || read->retries ||
	    read->query.on_primary || read->query.streams ||
	    (int)read->choice.node == router->topology.primary)
		return 0;
	due_us = hedge_due_us(read->task.operation->statement);
	return due_us ? due_us : HEDGE_US_MIN;
}

/* What is late is only learned while it is out, for a statement that is new. */
void hedge_on_late(struct flight *flight, int64_t out_us)
{
	struct read *read = container_of(flight, struct read, flight);
	const struct router *router = read->task.router;
	int64_t due_us = hedge_due_us(read->task.operation->statement);

	if (due_us && out_us >= due_us && router->shared.options->hedge &&
	    (int)read->choice.node != router->topology.primary)
		hedge_send(read);
	if (read->once & READ_HEDGED)
		flight->late_us = 0;
}
