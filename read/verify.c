/* SPDX-License-Identifier: Apache-2.0 */
/* First whether it counts, then what came of it. */
#include "read/verify.h"

#include "base/clock.h"
#include "pg/admission/estimate.h"
#include "read/confirm.h"
#include "read/hedge.h"
#include "read/place.h"
#include "read/report.h"
#include "read/retry.h"
#include "router/requirement.h"
#include "router/revalidate.h"

#include <assert.h>

#define VERIFY_WITNESS_US (5 * US_PER_MS)
#define VERIFY_VISIBLE_US US_PER_MS /* a commit is in the WAL a moment before it is visible */

static bool verify_is_outdated(const struct read *read)
{
	const struct node_view *view = &read->task.router->topology.nodes[read->choice.node];

	return view->life != read->life || view->position.timeline != read->timeline ||
	       !requirement_holds(&read->task);
}

/* Without anything to prove it only has to be told right. */
static bool verify_went_over(struct read *read)
{
	struct router *router = read->task.router;

	if (!router_gone_over(router, read->choice.node, &read->query.call))
		return false;
	monitor_poll_now(router->shared.monitor);
	if (read->choice.must_prove)
		return true;
	read->timeline = branch_in_era(read->timeline, read->query.call.timeline);
	return false;
}

/*
 * The primary needs no proof for what it was the first to commit, but a commit is in its WAL a
 * moment before it is visible there, and a replica may show it first. A token that its flush
 * position had not passed when the batch began may stand for such a commit: asked once more after a
 * moment. A user's own acknowledged writes are visible. Once is enough: a commit that waits for
 * synchronous standbys may stay invisible for long.
 */
static bool verify_may_be_invisible(const struct read *read)
{
	const struct task *task = &read->task;

	return read->query.on_primary && task->token_lsn && read->query.lower <= task->token_lsn &&
	       task->session_lsn < task->token_lsn && !(read->once & READ_LOOKED_AGAIN);
}

/* An answer, or the first rows of one, may have to be confirmed; an error counts as it is. */
static bool verify_is_unconfirmed(const struct read *read)
{
	return read->query.call.end == CALL_OK && confirm_is_due(read) &&
	       confirm_judge(read) != CONFIRMED;
}

enum proof verify_proof(struct read *read)
{
	const struct query *query = &read->query;

	if (verify_is_outdated(read))
		return PROOF_OUTDATED;
	if (verify_went_over(read))
		return PROOF_GONE_OVER;
	if (query->on_primary && query->call.wal_end &&
	    requirement_is_beyond(&read->task, query->call.wal_end))
		return PROOF_BEYOND;
	if (verify_may_be_invisible(read))
		return PROOF_INVISIBLE;
	return verify_is_unconfirmed(read) ? PROOF_UNCONFIRMED : PROOF_HOLDS;
}

/* A witness that has not answered may do so in a moment, or as long as the query may wait. */
static enum step verify_unconfirmed(struct read *read)
{
	int64_t rest_us = read->task.wait_until_us - loop_now(read->task.router->loop);
	bool pending;

	if (!read->query.on_primary)
		router_learn_call(read->task.router, read->choice.node, &read->query.call);
	task_forget_failure(read->task.request);
	if (confirm_is_proven(read, &pending))
		return read_move(read, READ_PLACE);
	if (!pending || rest_us <= 0 || read->once & READ_CONFIRMED_LATE)
		return confirm_fail(read);
	if (read->once & READ_CONFIRMED_SOON)
		read->once |= READ_CONFIRMED_LATE;
	else if (rest_us > VERIFY_WITNESS_US)
		rest_us = VERIFY_WITNESS_US;
	read->once |= READ_CONFIRMED_SOON;
	return retry_after(read, rest_us);
}

enum step verify_refuse(struct read *read, enum proof proof)
{
	struct request *request = read->task.request;

	switch (proof) {
	case PROOF_HOLDS:
		break;
	case PROOF_OUTDATED:
		task_forget_failure(request);
		return read_move(read, READ_PLACE);
	case PROOF_GONE_OVER:
		request_fail(request, OUTCOME_NO_REPLICA,
			     "the replica has gone over to another timeline");
		return retry_elsewhere(read);
	case PROOF_BEYOND:
		task_forget_failure(request);
		return requirement_refuse_beyond(&read->task);
	case PROOF_INVISIBLE:
		task_forget_failure(request);
		read->once |= READ_LOOKED_AGAIN;
		return retry_after(read, VERIFY_VISIBLE_US);
	case PROOF_UNCONFIRMED:
		return verify_unconfirmed(read);
	}
	assert(!"a proof that does not hold");
	return STEP_DONE;
}

static enum step verify_answered(struct read *read)
{
	enum proof proof = verify_proof(read);

	if (proof != PROOF_HOLDS)
		return verify_refuse(read, proof);
	if (!read->query.on_primary)
		router_learn_call(read->task.router, read->choice.node, &read->query.call);
	return STEP_NEXT;
}

/* The rows were thrown away. What the node has replayed is known now, if less than believed. */
static enum step verify_early(struct read *read)
{
	struct router *router = read->task.router;
	unsigned node = read->choice.node;

	if (read->query.lower < router->uses[node].replayed)
		router->uses[node].replayed = read->query.lower;
	router_learn_call(router, node, &read->query.call);
	read->early_at |= 1u << node;
	task_forget_failure(read->task.request);
	return read_move(read, READ_PLACE);
}

/* It waited at a replica, and others were let in for it; there is time left to wait elsewhere. */
static bool verify_lost_its_place(const struct read *read)
{
	const struct query *query = &read->query;
	const struct task *task = &read->task;
	int64_t end_us = loop_now(task->router->loop) + estimate_us(task->operation->statement);

	return !query->on_primary && query->call.end == CALL_UNSENT &&
	       query->call.refusal == REFUSAL_SHED && end_us < task->request->deadline_us &&
	       task->request->queue_us < task->router->shared.options->queue_wait_us;
}

/* It did not wait for a node with much to do, but for one that does nothing. */
static bool verify_waited_for_silence(const struct read *read)
{
	const struct call *call = &read->query.call;

	return call->refusal == REFUSAL_EXPIRED && call->end == CALL_UNSENT &&
	       health_silent_since(&read->task.router->nodes[read->choice.node].health,
				   call->queued_us);
}

static enum step verify_failed(struct read *read)
{
	struct query *query = &read->query;
	enum proof proof;

	if (verify_lost_its_place(read)) {
		place_pass_over(read);
		task_forget_failure(read->task.request);
		return read_move(read, READ_PLACE);
	}
	if (verify_waited_for_silence(read))
		return retry_elsewhere(read);
	proof = query->lower ? verify_proof(read) : PROOF_HOLDS;
	if (proof != PROOF_HOLDS)
		return verify_refuse(read, proof);
	if (!read->retries && revalidate_is_behind(&read->task, &query->call, read->choice.node) &&
	    retry_moves(read, "catalog", "the node lacks a change of the schema"))
		return place_chosen(read);
	if (revalidate_try(&read->task, &query->call))
		return read_move(read, READ_DESCRIBE);
	if (query->upper)
		report_answer(read);
	return STEP_DONE;
}

enum step verify_step(struct request *request)
{
	struct read *read = read_of(request);
	struct router *router = read->task.router;

	if (read->end == QUERY_ANSWERED && router->shared.options->hedge)
		hedge_learn(read->task.operation->statement,
			    loop_now(router->loop) - read->flight.sent_us);
	router_refresh(router);
	switch (read->end) {
	case QUERY_ANSWERED:
		return verify_answered(read);
	case QUERY_EARLY:
		return verify_early(read);
	case QUERY_LARGE:
		task_forget_failure(request);
		return read_move(read, READ_PLACE);
	case QUERY_ELSEWHERE:
		return retry_elsewhere(read);
	case QUERY_FAILED:
		return verify_failed(read);
	}
	assert(!"an end of a query");
	return STEP_DONE;
}
