/* SPDX-License-Identifier: Apache-2.0 */
/* Placing a query: one node at a time; each of them refuses it once at most. */
#include "read/place.h"

#include "base/clock.h"
#include "read/budgets.h"
#include "read/cached.h"
#include "read/confirm.h"
#include "read/hedge.h"
#include "read/pick.h"
#include "router/requirement.h"

#include <assert.h>

/* --- at a replica that is not there yet ------------------------------------------------------- */

static void place_on_reached(struct waiter *waiter)
{
	struct read *read = container_of(waiter, struct read, waiter);

	read->early_at = read->full_at = 0;
	request_let_go(read->task.request);
	request_run(read->task.request);
}

static void place_cancel_parking(struct request *request)
{
	struct read *read = read_of(request);

	waiters_leave(&read->task.router->nodes[read->parked_at].waiters, &read->waiter);
	request->wait_us += loop_now(request->loop) - request->wait.since_us;
	task_cancel_timer(request);
}

/*
 * Of the replicas that were early, the one that is forecast to be there first; of several, the one
 * that has come furthest. NODES_MAX: none will be there in time, as far as can be told.
 */
static unsigned place_nearest_replica(const struct read *read)
{
	const struct task *task = &read->task;
	const struct router *router = task->router;
	int64_t now_us = loop_now(router->loop), soonest_us = task->needs.wait_us_left;
	unsigned nearest = NODES_MAX;

	for (unsigned i = 0; i < router->topology.count; i++) {
		uint64_t replayed = router->uses[i].replayed;
		int64_t us = forecast_us(&router->topology.nodes[i], replayed,
					 task->needs.required.lsn, now_us);

		if (!(read->early_at & (1u << i)) || us > soonest_us)
			continue;
		if (nearest == NODES_MAX || us < soonest_us ||
		    replayed > router->uses[nearest].replayed)
			nearest = i;
		soonest_us = us;
	}
	return nearest;
}

/* False: no replica will be there in time, or too many are parked already. */
static bool place_park(struct read *read)
{
	struct router *router = read->task.router;
	unsigned nearest = place_nearest_replica(read);

	if (nearest == NODES_MAX)
		return false;
	read->waiter.lsn = read->task.needs.required.lsn;
	read->waiter.on_reached = place_on_reached;
	if (!router_watch(router, nearest, &read->waiter))
		return false;
	read->parked_at = nearest;
	read->once |= READ_WAITED;
	monitor_poll_now(router->shared.monitor);
	return true;
}

static enum step place_wait(struct read *read)
{
	(void)read_move(read, READ_PARKED);
	return task_wait_until(&read->task, WAIT_REPLICA, place_cancel_parking,
			       read->task.wait_until_us);
}

/* No replica could in time, and there is time left: better to wait than to burden the primary. */
static bool place_should_wait(const struct read *read)
{
	if (!read->early_at || read->task.needs.wait_us_left <= 0)
		return false;
	return read->choice.kind == CHOICE_REFUSE || pick_is_spill(&read->choice) ||
	       read->choice.reason == REASON_STALE;
}

/* --- without room ----------------------------------------------------------------------------- */

/* Once for a request: another stream ends instead, and this one is placed again. */
static bool place_makes_room(struct read *read)
{
	struct request *request = read->task.request;
	const char *node = read->task.router->shared.nodes[read->full_last]->name;

	if (!read->query.streams || read->once & READ_MADE_ROOM || !request->on_streams_full)
		return false;
	if (!request->on_streams_full(request, node))
		return false;
	read->once |= READ_MADE_ROOM;
	read->full_at &= ~(1u << read->full_last);
	return true;
}

static enum step place_refuse_full(struct read *read)
{
	struct request *request = read->task.request;

	if (place_makes_room(read))
		return place_step(request);
	if (read->query.streams)
		return request_fail(request, OUTCOME_QUEUE_FULL, "too many streams are under way");
	return request_fail(request,
			    read->query.call.refusal == REFUSAL_SHED ? OUTCOME_SHED
								     : OUTCOME_QUEUE_FULL,
			    "too many requests are waiting for the node");
}

/* Another replica may have room. The retry token spent on the full node is not refunded; elsewhere
 * it is a retry as before. */
void place_pass_over(struct read *read)
{
	unsigned node = read->choice.node;

	read->full_last = node;
	read->full_at |= 1u << node;
	if (read->fee == READ_FEE_PAID)
		read->fee = READ_FEE_DUE;
	metric_add(read->task.router->metrics, METRIC_passed_over_total,
		   METRIC_LABELS(read->task.router->shared.nodes[node]->name), 1);
}

static enum step place_on_full(struct read *read)
{
	read->full_last = read->choice.node;
	if ((int)read->choice.node == read->task.router->topology.primary)
		return place_refuse_full(read);
	place_pass_over(read);
	return place_step(read->task.request);
}

/* --- to the node that was chosen -------------------------------------------------------------- */

static void place_count_spill(struct read *read)
{
	if (!pick_is_spill(&read->choice))
		return;
	if (read->task.router->topology.count > 1)
		monitor_poll_now(read->task.router->shared.monitor);
	if (!read->spilled)
		read->reads->spilled++;
	read->spilled = true;
}

/* What was declared to fail beyond a number of rows must be known to be less before any is sent. */
static size_t place_stream_bytes_max(const struct read *read)
{
	const struct options *options = read->task.router->shared.options;
	const struct operation *operation = read->task.operation;

	/* What is kept is kept as a whole. */
	if (!options->stream_conns || !read->task.request->may_stream || read->cached.key.ptr ||
	    operation->rows != ROWS_MANY || operation->rows_max)
		return 0;
	return (size_t)options->stream_bytes_max;
}

static void place_cancel_call(struct request *request)
{
	struct read *read = read_of(request);

	health_back(&read->flight);
	hedge_forget(read);
	query_forget(&read->query);
}

/* The query is out: its node is watched for silence, and it for being late. */
static enum step place_depart(struct read *read)
{
	(void)read_move(read, READ_OUT);
	read->placements++;
	budgets_earn(read);
	read->flight.late_us = hedge_late_us(read);
	health_sent(&read->task.router->nodes[read->choice.node].health, &read->flight);
	return request_wait_for_call(read->task.request, &read->query.call.sent_us,
				     place_cancel_call);
}

enum step place_chosen(struct read *read)
{
	struct task *task = &read->task;
	struct router *router = task->router;
	unsigned node = read->choice.node;
	bool primary = (int)node == router->topology.primary;
	uint64_t required = read->choice.must_prove ? task->needs.required.lsn : 0;

	place_count_spill(read);
	read->life = router->topology.nodes[node].life;
	read->timeline = router->topology.nodes[node].position.timeline;
	read->query.operation = task->operation;
	read->query.values = task->values;
	read->query.shape = task->shape;
	read->query.claims = task->claims;
	read->query.bytes_max = (size_t)router->shared.options->result_bytes_max;
	read->query.timeout_us = task_statement_timeout_us(task);
	read->query.stream_bytes_max = place_stream_bytes_max(read);
	read->query.stream_timeout_us = router->shared.options->stream_timeout_us;
	read->query.priority = task_priority(task, pick_is_spill(&read->choice));
	if (!query_send(&read->query, router->nodes[node].pool, required, primary))
		return place_on_full(read);
	cached_sent(read);
	return place_depart(read);
}

static enum step place_refuse_retry(struct read *read)
{
	struct router *router = read->task.router;

	metric_add(router->metrics, METRIC_retries_refused_total,
		   METRIC_LABELS(router->shared.nodes[read->choice.node]->name), 1);
	return request_fail(read->task.request, OUTCOME_NO_REPLICA, "%s", read->task.trouble);
}

static enum step place_refuse(struct read *read)
{
	struct request *request = read->task.request;

	monitor_poll_now(read->task.router->shared.monitor);
	request->retry_after_us = read->choice.retry_after_us;
	return request_fail(request, read->choice.outcome, "%s",
			    read->task.trouble ? read->task.trouble
					       : "no node could answer in time");
}

static enum step place_refuse_more(struct read *read)
{
	const char *trouble = read->task.trouble;

	return request_fail(read->task.request,
			    trouble ? OUTCOME_NO_REPLICA : OUTCOME_CONSISTENCY_TIMEOUT, "%s",
			    trouble ? trouble : "no replica was fresh enough in time");
}

/* A strong query of replicas whose operation never asks the primary (@on-lag). */
static bool place_must_not_ask(const struct read *read)
{
	const struct router *router = read->task.router;

	return read->choice.kind == CHOICE_PLACE &&
	       (int)read->choice.node == router->topology.primary &&
	       !read->task.needs.primary_allowed &&
	       pick_is_of_replicas(read->task.request, router->shared.options);
}

/* It must be confirmed, and what was chosen for it cannot be. */
static bool place_cannot_confirm(const struct read *read)
{
	return confirm_is_due(read) && read->choice.kind == CHOICE_PLACE &&
	       ((int)read->choice.node == read->task.router->topology.primary ||
		read->choice.reason == REASON_STALE);
}

enum step place_step(struct request *request)
{
	struct read *read = read_of(request);
	struct task *task = &read->task;

	router_refresh(task->router);
	if (requirement_renew(task) == STEP_DONE)
		return STEP_DONE;
	if (requirement_lacks_index(task))
		return read_move(read, READ_CONFIRM);
	if (confirm_is_due(read) && !task->router->topology.confirmation.needed)
		return confirm_fail(read);
	if (read->placements >= CALL_PLACEMENTS_MAX)
		return place_refuse_more(read);
	pick_node(read);
	if (place_should_wait(read) && place_park(read))
		return place_wait(read);
	if (read->full_at && read->choice.kind == CHOICE_REFUSE)
		return place_refuse_full(read);
	if (place_cannot_confirm(read))
		return confirm_fail(read);
	if (place_must_not_ask(read))
		return request_fail(request, OUTCOME_NO_REPLICA,
				    "no replica can answer, and the primary is not to");
	if (read->choice.kind != CHOICE_PLACE)
		return place_refuse(read);
	return budgets_pay(read) ? place_chosen(read) : place_refuse_retry(read);
}

enum step place_again(struct request *request)
{
	return read_move(read_of(request), READ_PLACE);
}
