/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The steps of a query: choose a node, call it, verify; go elsewhere, park or spill when it could
 * not answer; tell who answered and why.
 */
#include "base/clock.h"
#include "pg/admission/estimate.h"
#include "router/admit.h"
#include "router/node_health.h"
#include "router/requirement.h"
#include "router/retry.h"
#include "router/revalidate.h"
#include "router/task.h"

#include <assert.h>

static enum step query_place(struct request *request);
static enum step query_answer(struct request *request);

const request_step query_steps[] = { admit_query, requirement_confirm, task_describe, task_bind,
				     query_place, query_answer,        NULL };

#define QUERY_RETRY_JITTER_US (5 * US_PER_MS)

/* It waits in the step that places it. A stream that was not told yet may still be on its way. */
static void query_place_again(struct task *task)
{
	request_let_go(task->request);
	request_run(task->request);
}

static void query_on_reached(struct waiter *waiter)
{
	struct task *task = container_of(waiter, struct task, waiter);

	task->early_at = task->full_at = 0;
	query_place_again(task);
}

static void query_cancel_parking(struct request *request)
{
	struct task *task = request->task;

	waiters_leave(&task->router->nodes[task->parked_at].waiters, &task->waiter);
	request->wait_us += loop_now(request->loop) - request->wait.since_us;
	task_cancel_timer(request);
}

/*
 * Of the replicas that were early, the one that is forecast to be there first; of several, the one
 * that has come furthest. NODES_MAX: none will be there in time, as far as can be told.
 */
static unsigned query_nearest_replica(const struct task *task)
{
	const struct router *router = task->router;
	int64_t now_us = loop_now(router->loop), soonest_us = task->needs.wait_us_left;
	unsigned nearest = NODES_MAX;

	for (unsigned i = 0; i < router->topology.count; i++) {
		uint64_t replayed = router->uses[i].replayed;
		int64_t us = forecast_us(&router->topology.nodes[i], replayed,
					 task->needs.required.lsn, now_us);

		if (!(task->early_at & (1u << i)) || us > soonest_us)
			continue;
		if (nearest == NODES_MAX || us < soonest_us ||
		    replayed > router->uses[nearest].replayed)
			nearest = i;
		soonest_us = us;
	}
	return nearest;
}

/* False: no replica will be there in time, or too many are parked already. */
static bool query_park(struct task *task)
{
	struct router *router = task->router;
	unsigned nearest = query_nearest_replica(task);

	if (nearest == NODES_MAX)
		return false;
	task->waiter.lsn = task->needs.required.lsn;
	task->waiter.on_reached = query_on_reached;
	if (!router_watch(router, nearest, &task->waiter))
		return false;
	task->parked_at = nearest;
	task->waited = true;
	monitor_poll_now(router->shared.monitor);
	return true;
}

static bool query_spills(const struct choice *choice)
{
	return choice->kind == CHOICE_PLACE &&
	       (choice->reason == REASON_SPILL_LAG || choice->reason == REASON_SPILL_NO_REPLICA);
}

/* No replica could in time, and there is time left: better to wait than to burden the primary. */
static bool query_should_wait(const struct task *task)
{
	if (!task->early_at || task->needs.wait_us_left <= 0)
		return false;
	return task->choice.kind == CHOICE_REFUSE || query_spills(&task->choice) ||
	       task->choice.reason == REASON_STALE;
}

void query_choose(struct task *task)
{
	struct router *router = task->router;
	struct query_needs *needs = &task->needs;
	int64_t now_us = loop_now(router->loop);
	uint32_t avoid = task->failed_at;
	uint64_t budget =
		(uint64_t)(router->shared.options->queue_max * router->shared.options->spill_share +
			   99) /
		100;

	if (task->shape->lacking)
		avoid |= revalidate_lacking(task->shape, now_us);
	router_refresh(router);
	for (unsigned i = 0; i < router->topology.count; i++) {
		if (router->uses[i].replayed >= needs->required.lsn)
			task->early_at &= ~(1u << i);
		router->uses[i].load = pool_load(router->nodes[i].pool);
		router->uses[i].connected = pool_connected(router->nodes[i].pool);
		router->uses[i].avoid = avoid & (1u << i);
		router->uses[i].full = task->full_at & (1u << i);
		router->uses[i].early = task->early_at & (1u << i);
		node_health_describe(router, i, &router->uses[i]);
	}
	needs->wait_us_left = task->wait_until_us > now_us ? task->wait_until_us - now_us : 0;
	needs->random = random_next(&router->random);
	needs->spill_allowed = task->spilled || router->spilled < budget;
	task->choice = choose_node(&router->topology, router->uses, needs, now_us);
}

static void query_count_spill(struct task *task)
{
	if (!query_spills(&task->choice))
		return;
	if (task->router->topology.count > 1)
		monitor_poll_now(task->router->shared.monitor);
	if (!task->spilled)
		task->router->spilled++;
	task->spilled = true;
}

static void query_on_call(struct query *query, enum query_end end);
static void query_on_rows(struct query *query);
static void query_on_silent(struct flight *flight, int64_t silent_us);

/* What was declared to fail beyond a number of rows must be known to be less before it is told. */
static size_t query_stream_bytes_max(const struct task *task)
{
	const struct options *options = task->router->shared.options;

	if (!options->stream_conns || !task->request->may_stream ||
	    task->operation->rows != ROWS_MANY || task->operation->rows_max)
		return 0;
	return (size_t)options->stream_bytes_max;
}

/* Once for a request: another stream ends instead, and this one is placed again. */
static bool query_makes_room(struct task *task)
{
	struct request *request = task->request;
	const char *node = task->router->shared.nodes[task->full_last]->name;

	if (!task->query.streams || task->made_room || !request->on_streams_full)
		return false;
	task->made_room = request->on_streams_full(request, node);
	if (task->made_room)
		task->full_at &= ~(1u << task->full_last);
	return task->made_room;
}

static enum step query_refuse_full(struct task *task)
{
	if (query_makes_room(task))
		return query_place(task->request);
	if (task->query.streams)
		return request_fail(task->request, OUTCOME_QUEUE_FULL,
				    "too many streams are under way");
	return request_fail(task->request,
			    task->query.call.shed ? OUTCOME_SHED : OUTCOME_QUEUE_FULL,
			    "too many requests are waiting for %s",
			    task->router->shared.nodes[task->full_last]->name);
}

/* Another replica may have room. What was paid for its being asked there is lost; elsewhere it is a
 * retry as before. */
static void query_pass_over(struct task *task)
{
	unsigned node = task->choice.node;

	task->full_at |= 1u << node;
	task->pays |= task->paid;
	task->paid = false;
	metric_add(task->router->metrics, METRIC_passed_over_total,
		   METRIC_LABELS(task->router->shared.nodes[node]->name), 1);
}

static enum step query_on_full(struct task *task)
{
	task->full_last = task->choice.node;
	if ((int)task->choice.node == task->router->topology.primary)
		return query_refuse_full(task);
	query_pass_over(task);
	return query_place(task->request);
}

static enum step query_refuse_retry(struct task *task)
{
	struct router *router = task->router;

	metric_add(router->metrics, METRIC_retries_refused_total,
		   METRIC_LABELS(router->shared.nodes[task->choice.node]->name), 1);
	return request_fail(task->request, OUTCOME_NO_REPLICA, "%s", task->trouble);
}

static void query_cancel_call(struct request *request)
{
	struct task *task = request->task;

	health_back(&task->flight);
	hedge_forget(task);
	query_forget(&task->query);
}

/* The query is out: its node is watched for silence, and it for being late. */
static void query_depart(struct task *task)
{
	task->flight.on_silent = query_on_silent;
	task->flight.on_late = hedge_on_late;
	task->flight.late_us = hedge_late_us(task);
	health_sent(&task->router->nodes[task->choice.node].health, &task->flight);
}

static enum step query_send_chosen(struct task *task)
{
	struct router *router = task->router;
	unsigned node = task->choice.node;
	bool primary = (int)node == router->topology.primary;
	uint64_t required = task->choice.must_prove ? task->needs.required.lsn : 0;

	query_count_spill(task);
	task->life = router->topology.nodes[node].life;
	task->timeline = router->topology.nodes[node].position.timeline;
	task->query.operation = task->operation;
	task->query.values = task->values;
	task->query.shape = task->shape;
	task->query.bytes_max = (size_t)router->shared.options->result_bytes_max;
	task->query.timeout_us = router_statement_timeout_us(task);
	task->query.stream_bytes_max = query_stream_bytes_max(task);
	task->query.stream_timeout_us = router->shared.options->stream_timeout_us;
	task->query.priority = task_priority(task, query_spills(&task->choice));
	task->query.on_done = query_on_call;
	task->query.on_rows = query_on_rows;
	if (!query_send(&task->query, router->nodes[node].pool, required, primary))
		return query_on_full(task);
	task->placements++;
	retry_earn(task);
	query_depart(task);
	return request_wait_for_call(task->request, &task->query.call.sent_us, query_cancel_call);
}

static enum step query_place(struct request *request)
{
	struct task *task = request->task;

	router_refresh(task->router);
	if (requirement_renew(task) == STEP_DONE)
		return STEP_DONE;
	if (task->placements >= CALL_PLACEMENTS_MAX)
		return request_fail(
			request, task->trouble ? OUTCOME_NO_REPLICA : OUTCOME_CONSISTENCY_TIMEOUT,
			"%s",
			task->trouble ? task->trouble : "no replica was fresh enough in time");
	query_choose(task);
	if (query_should_wait(task) && query_park(task))
		return task_wait_until(task, WAIT_REPLICA, query_cancel_parking,
				       task->wait_until_us);
	if (task->full_at && task->choice.kind == CHOICE_REFUSE)
		return query_refuse_full(task);
	if (task->choice.kind == CHOICE_PLACE)
		return retry_pays(task) ? query_send_chosen(task) : query_refuse_retry(task);
	monitor_poll_now(task->router->shared.monitor);
	request->retry_after_us = task->choice.retry_after_us;
	return request_fail(request, task->choice.outcome, "%s",
			    task->trouble ? task->trouble : "no node could answer in time");
}

/* What an earlier node said is not what this request is answered. */
void query_forget_failure(struct request *request)
{
	request->outcome = OUTCOME_OK;
	request->status = 0;
	request->detail = NULL;
	request->errors_count = 0;
	request->sqlstate = request->constraint = request->column = NULL;
}

/* Places it again after a moment. */
static void query_back_off(struct task *task, int64_t us)
{
	request_let_go(task->request);
	request_resume(task->request, task_wait_until(task, WAIT_BACKOFF, task_cancel_timer,
						      loop_now(task->router->loop) + us));
}

/*
 * The primary needs no proof for what it was the first to commit, but a commit is in its WAL a
 * moment before it is visible there, and a replica may show it first. A token that its flush
 * position had not passed when the batch began may stand for such a commit: asked once more after a
 * moment. A user's own acknowledged writes are visible. Once is enough: a commit that waits for
 * synchronous standbys may stay invisible for long.
 */
static bool query_may_be_invisible(const struct task *task)
{
	return task->query.on_primary && task->token_lsn && task->query.lower <= task->token_lsn &&
	       task->session_lsn < task->token_lsn && !task->looked_again;
}

static void query_look_again(struct task *task)
{
	task->looked_again = true;
	query_back_off(task, US_PER_MS);
}

/* The node began another life or timeline meanwhile: lsns of two histories cannot be compared. */
static bool query_is_outdated(const struct task *task)
{
	const struct node_view *view = &task->router->topology.nodes[task->choice.node];

	return view->life != task->life || view->position.timeline != task->timeline ||
	       !requirement_holds(task);
}

static void query_elsewhere(struct task *task);

/*
 * A standby that is re-pointed, or below one that is promoted, follows the new timeline before the
 * monitor sees it: an lsn past the switch point would prove what is lost. Without anything to prove
 * it only has to be told right. True: it was placed again.
 */
static bool query_went_over(struct task *task)
{
	if (!router_gone_over(task->router, task->choice.node, &task->query.call))
		return false;
	monitor_poll_now(task->router->shared.monitor);
	if (task->choice.must_prove) {
		request_fail(task->request, OUTCOME_NO_REPLICA,
			     "the replica has gone over to another timeline");
		query_elsewhere(task);
		return true;
	}
	task->timeline = branch_in_era(task->timeline, task->query.call.timeline);
	return false;
}

/*
 * What a node said, be it rows, none or a refusal, and it does not count. True: the request is on
 * its way again, or ended.
 */
static bool query_does_not_count(struct task *task)
{
	const struct query *query = &task->query;

	if (query_is_outdated(task)) {
		query_forget_failure(task->request);
		query_place_again(task);
		return true;
	}
	if (query_went_over(task))
		return true;
	if (query->on_primary && query->call.newest &&
	    requirement_is_beyond(task, query->call.newest)) {
		query_forget_failure(task->request);
		(void)requirement_refuse_beyond(task);
		task_finish(task);
		return true;
	}
	if (query_may_be_invisible(task)) {
		query_forget_failure(task->request);
		query_look_again(task);
		return true;
	}
	return false;
}

/* The rows were thrown away. What the node has replayed is known now, if less than believed. */
static void query_early(struct task *task)
{
	unsigned node = task->choice.node;

	if (task->query.lower < task->router->uses[node].replayed)
		task->router->uses[node].replayed = task->query.lower;
	router_learn_call(task->router, node, &task->query.call);
	task->early_at |= 1u << node;
	query_forget_failure(task->request);
	query_place_again(task);
}

/* Did a node have it, and fail? What never left, or met a node of another role or timeline by now,
 * is only placed where it belongs. */
static bool query_was_tried(const struct task *task)
{
	const struct query *query = &task->query;
	bool moved = query->on_primary && task->router->topology.primary != (int)task->choice.node;

	return !moved && (query->call.end == CALL_ERROR || query->call.end == CALL_LOST);
}

/* Not at once: what was lost with a node was lost by many. */
static void query_retry(struct task *task)
{
	task->pays = true;
	query_back_off(task, (int64_t)random_below(&task->router->random, QUERY_RETRY_JITTER_US));
}

static void query_elsewhere(struct task *task)
{
	unsigned node = task->choice.node;
	bool tried = query_was_tried(task);

	request_let_go(task->request);
	/* Once elsewhere, never in a loop: a query that makes trouble everywhere is the trouble. */
	if (tried && task->retries++) {
		request_fail(task->request, OUTCOME_NO_REPLICA, "%s could not run on two nodes",
			     task->operation->name);
		task_finish(task);
		return;
	}
	task->trouble = task->request->detail;
	task->failed_at |= 1u << node;
	metric_add(task->router->metrics, METRIC_retries_total,
		   METRIC_LABELS(task->router->shared.nodes[node]->name,
				 outcome_row(task->request->outcome)->code),
		   1);
	query_forget_failure(task->request);
	if (tried)
		query_retry(task);
	else
		query_place_again(task);
}

/* From its node to another one, once and at once. False: none is better, or the budget of that one
 * does not pay for it; nothing has changed. */
static bool query_moves(struct task *task, const char *reason, const char *trouble)
{
	struct router *router = task->router;
	struct choice before = task->choice;
	unsigned node = before.node;

	task->failed_at |= 1u << node;
	query_choose(task);
	task->pays = true;
	if (task->choice.kind != CHOICE_PLACE || !retry_pays(task)) {
		task->pays = false;
		task->failed_at &= ~(1u << node);
		task->choice = before;
		return false;
	}
	task->retries++;
	task->trouble = trouble;
	metric_add(router->metrics, METRIC_retries_total,
		   METRIC_LABELS(router->shared.nodes[node]->name, reason), 1);
	request_let_go(task->request);
	query_forget_failure(task->request);
	request_resume(task->request, query_send_chosen(task));
	return true;
}

/* Placed on another node, if the budget of one pays for it. */
static void query_on_silent(struct flight *flight, int64_t silent_us)
{
	struct task *task = container_of(flight, struct task, flight);

	if (!task->retries && silent_us >= node_health_patience_us(task))
		(void)query_moves(task, "silent", "the node does not answer");
}

static void query_count(struct task *task)
{
	struct request *request = task->request;
	struct metrics *metrics = task->router->metrics;

	metric_add(metrics, METRIC_routed_total,
		   METRIC_LABELS(task->operation->name, request->on_primary ? "primary" : "replica",
				 reason_text(request->reason)),
		   1);
	if (task->waited)
		metric_observe(metrics, METRIC_consistency_wait_seconds, NULL, request->wait_us);
}

/* Who answered and why, and the position that the client has seen now. */
static void query_tell(struct task *task)
{
	struct request *request = task->request;
	struct router *router = task->router;
	unsigned node = task->choice.node;
	struct position seen =
		requirement_and(task, (struct position){ task->timeline, task->query.upper });

	request->routed = true;
	request->reason = task->choice.reason;
	if (task->waited && !task->query.on_primary && request->reason != REASON_STALE)
		request->reason = REASON_WAITED;
	request->node = router->shared.nodes[node]->name;
	request->on_primary = task->query.on_primary;
	request->lag_us = request->on_primary ? 0 : router->topology.nodes[node].lag_us;
	/* A standby that never met a primary cannot name its timeline: no position to promise. */
	if (seen.timeline)
		router_token(router, seen, request->token);
	if (task->timeline == task->judged)
		high_water_raise(router->shared.high_water,
				 (struct position){ task->timeline, task->query.upper });
	query_count(task);
}

static void query_on_taken(struct request *request)
{
	struct query *query = &((struct task *)request->task)->query;

	if (query->pool)
		pool_go_on(query->pool, &query->call);
}

/* The request's deadline was for the first byte; from here on its reader sets the pace. */
static void query_begin_stream(struct task *task)
{
	struct request *request = task->request;

	if (!task->query.on_primary)
		router_learn_call(task->router, task->choice.node, &task->query.call);
	query_tell(task);
	loop_timer_cancel(request->loop, &request->timer);
	request->stream = STREAM_OPEN;
	request->on_taken = query_on_taken;
}

static void query_on_rows(struct query *query)
{
	struct task *task = container_of(query, struct task, query);

	if (task->request->stream == STREAM_NONE) {
		/* The node has answered: whatever comes now is a matter of the reader. */
		hedge_forget(task);
		health_back(&task->flight);
		router_refresh(task->router);
		/* Which may have ended it: its node is gone. */
		if (!query->pool || !query->begun || query_does_not_count(task))
			return;
		query_begin_stream(task);
	}
	task->request->on_stream(task->request);
}

static void query_end_stream(struct task *task, enum query_end end)
{
	/* Whatever went wrong, nothing can be told any more, nor asked elsewhere. */
	task->request->stream = end == QUERY_ANSWERED ? STREAM_WHOLE : STREAM_BROKEN;
	task_finish(task);
}

static void query_on_call(struct query *query, enum query_end end)
{
	struct task *task = container_of(query, struct task, query);

	hedge_forget(task);
	node_health_judge(task->router, task->choice.node, &query->call);
	if (task->request->stream == STREAM_OPEN)
		query_end_stream(task, end);
	else
		query_ended(task, end);
}

/* It waited at a replica, and others were let in for it; there is time left to wait elsewhere. */
static bool query_lost_its_place(const struct task *task)
{
	const struct query *query = &task->query;
	int64_t end_us = loop_now(task->router->loop) + estimate_us(&task->operation->statement);

	return !query->on_primary && query->call.end == CALL_UNSENT && query->call.shed &&
	       end_us < task->request->deadline_us &&
	       task->request->queue_us < task->router->shared.options->queue_wait_us;
}

void query_ended(struct task *task, enum query_end end)
{
	struct query *query = &task->query;

	request_let_go(task->request);
	if (end == QUERY_ANSWERED && task->router->shared.options->hedge)
		hedge_learn((struct statement *)&task->operation->statement,
			    loop_now(task->router->loop) - task->flight.sent_us);
	router_refresh(task->router);
	switch (end) {
	case QUERY_ANSWERED:
		if (query_does_not_count(task))
			return;
		if (!query->on_primary)
			router_learn_call(task->router, task->choice.node, &query->call);
		request_resume(task->request, STEP_NEXT);
		return;
	case QUERY_EARLY:
		query_early(task);
		return;
	case QUERY_LARGE:
		query_forget_failure(task->request);
		query_place_again(task);
		return;
	case QUERY_ELSEWHERE:
		query_elsewhere(task);
		return;
	case QUERY_FAILED:
		if (query_lost_its_place(task)) {
			task->full_last = task->choice.node;
			query_pass_over(task);
			query_forget_failure(task->request);
			query_place_again(task);
			return;
		}
		/* It did not wait for a node with much to do, but for one that does nothing. */
		if (query->call.expired && query->call.end == CALL_UNSENT &&
		    health_silent_since(&task->router->nodes[task->choice.node].health,
					query->call.queued_us)) {
			query_elsewhere(task);
			return;
		}
		if (query->lower && query_does_not_count(task))
			return;
		if (revalidate_is_behind(task, &query->call) &&
		    query_moves(task, "catalog", "the node lacks a change of the schema"))
			return;
		if (revalidate_try(task, &query->call))
			return;
		if (query->upper)
			query_tell(task);
		task_finish(task);
		return;
	}
	assert(!"an end of a query");
}

static enum step query_answer(struct request *request)
{
	query_tell(request->task);
	return STEP_DONE;
}
