/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Queries: the document grows in request->out while the rows arrive; what was begun and is not to
 * be told is cleared. The first probe of the batch is the proof of freshness (docs/consistency.md).
 */
#include "read/query.h"

#include "base/control.h"
#include "catalog/document.h"
#include "pg/admission/estimate.h"
#include "pg/sqlstate.h"

#include <assert.h>

static void query_on_call(struct call *call);
static void query_on_rows(struct call *call);

static size_t query_bytes_max(const struct query *query)
{
	if (query->streams)
		return query->stream_bytes_max;
	if (query->stream_bytes_max && query->bytes_max > STREAM_BUFFER_BYTES)
		return STREAM_BUFFER_BYTES;
	return query->bytes_max;
}

static struct buf *query_out(struct query *query)
{
	return query->out ? query->out : &query->request->out;
}

bool query_send(struct query *query, struct pool *pool, uint64_t required, bool on_primary)
{
	assert(!query->pool);
	document_begin(query->operation, query_out(query));
	query->required = required;
	query->on_primary = on_primary;
	query->lower = query->upper = 0;
	query->begun = false;
	query->streams = query->stream_bytes_max && estimate_is_large(query->operation->statement);
	query->call = (struct call){
		.kind = CALL_QUERY,
		.statement = query->operation->statement,
		.values = query->values,
		.bound = query->shape,
		.claims = query->claims,
		.revalidates = true,
		.arena = &query->request->arena,
		.out = query_out(query),
		.rows_max = document_rows_max(query->operation),
		.bytes_max = query_bytes_max(query),
		.timeout_us = query->streams ? query->stream_timeout_us : query->timeout_us,
		/* A stream ends with its conn. */
		.ticket.priority = query->priority,
		.ticket.deadline_us = query->streams ? 0 : query->request->deadline_us,
		.cancels = !query->streams,
		.coalesces = !query->streams,
		.on_done = query_on_call,
		.on_rows = query->streams ? query_on_rows : NULL,
	};
	if (!pool_submit(pool, &query->call))
		return false;
	query->pool = pool;
	return true;
}

void query_forget(struct query *query)
{
	if (query->pool)
		pool_forget(query->pool, &query->call);
	query->pool = NULL;
}

static enum query_end query_finish_document(struct query *query)
{
	const struct operation *operation = query->operation;
	struct request *request = query->request;

	switch (document_end(operation, query_out(query), query->call.rows, query->call.affected)) {
	case DOCUMENT_WHOLE:
		buf_byte(query_out(query), '}');
		return QUERY_ANSWERED;
	case DOCUMENT_NO_ROW:
		request_fail(request, OUTCOME_NOT_FOUND, "%s found no row", operation->name);
		return QUERY_FAILED;
	case DOCUMENT_MANY_ROWS:
		request_fail(request, OUTCOME_UNEXPECTED_CARDINALITY,
			     "%s returned more than one row", operation->name);
		return QUERY_FAILED;
	}
	assert(!"an end of a document");
	return QUERY_FAILED;
}

/* What a node said before it had come far enough proves nothing, be it rows or a refusal. */
static bool query_is_early(const struct query *query)
{
	return CONTROL_PROOF && query->call.lower < query->required;
}

static enum query_end query_too_large(struct query *query)
{
	const struct operation *operation = query->operation;

	if (!query->streams && query_bytes_max(query) < query->bytes_max) {
		estimate_learn_size(query->call.statement, true);
		return QUERY_LARGE;
	}
	query->lower = query->call.lower;
	if (query_is_early(query))
		return QUERY_EARLY;
	query->upper = query->call.upper;
	if (document_rows_max(operation) == 1 && query->call.rows > 1)
		return query_finish_document(query);
	request_fail(query->request, OUTCOME_RESULT_TOO_LARGE,
		     "%s returned more rows or bytes than allowed", operation->name);
	return QUERY_FAILED;
}

static enum query_end query_error(struct query *query)
{
	struct call *call = &query->call;
	struct verdict verdict = sqlstate_verdict(call->error.sqlstate, false, call->in_recovery);
	struct text param = { 0 };

	if (call->error.param && call->error.param <= query->operation->parameters_count)
		param = text_of(query->operation->parameters[call->error.param - 1].name);
	sqlstate_explain(query->request, call, false, param);
	if (verdict.retry == RETRY_ELSEWHERE)
		return QUERY_ELSEWHERE;
	query->lower = call->lower;
	return query_is_early(query) ? QUERY_EARLY : QUERY_FAILED;
}

static enum outcome query_no_node(const struct query *query)
{
	return query->on_primary ? OUTCOME_NO_PRIMARY : OUTCOME_NO_REPLICA;
}

static enum query_end query_lost(struct query *query)
{
	const struct call *call = &query->call;

	if (call->refusal == REFUSAL_SHED) {
		request_fail(query->request, OUTCOME_SHED, "%s", call->lost_reason);
		return QUERY_FAILED;
	}
	if (call->refusal == REFUSAL_EXPIRED && pool_connected(call->pool)) {
		request_fail(query->request, OUTCOME_QUEUE_TIMEOUT, "%s", call->lost_reason);
		return QUERY_FAILED;
	}
	request_fail(query->request, query_no_node(query), "%s", call->lost_reason);
	return QUERY_ELSEWHERE;
}

/* Do rows count: is the node what it was taken for, and had it replayed far enough? */
static enum query_end query_verify(struct query *query)
{
	const struct call *call = &query->call;

	if (call->in_recovery == query->on_primary) {
		request_fail(query->request, query_no_node(query), "the node has changed its role");
		return QUERY_ELSEWHERE;
	}
	query->lower = call->lower;
	query->upper = call->upper;
	if (query_is_early(query))
		return QUERY_EARLY;
	return QUERY_ANSWERED;
}

static void query_take_times(struct query *query, int64_t until_us)
{
	const struct call *call = &query->call;

	query->request->queue_us += call->sent_us - call->queued_us;
	query->request->db_us += until_us - call->sent_us;
}

static void query_on_rows(struct call *call)
{
	struct query *query = container_of(call, struct query, call);
	enum query_end end;

	if (!query->begun) {
		estimate_learn_size(call->statement, true);
		end = query_verify(query);
		if (end != QUERY_ANSWERED) {
			query_forget(query);
			buf_clear(&query->request->out);
			query->on_done(query, end);
			return;
		}
		query->begun = true;
		query_take_times(query, loop_now(query->request->loop));
	}
	query->on_rows(query);
}

static enum query_end query_rows_over(struct query *query)
{
	enum query_end end = query->begun ? QUERY_ANSWERED : query_verify(query);

	if (query->streams && !query->begun)
		estimate_learn_size(query->call.statement, false);
	return end == QUERY_ANSWERED ? query_finish_document(query) : end;
}

static void query_on_call(struct call *call)
{
	struct query *query = container_of(call, struct query, call);
	enum query_end end = QUERY_FAILED;

	assert(query->pool);
	query->pool = NULL;
	if (!call->sent_us)
		query->request->queue_us += call->done_us - call->queued_us;
	else if (!query->begun)
		query_take_times(query, call->done_us);
	switch (call->end) {
	case CALL_OK:
		end = query_rows_over(query);
		break;
	case CALL_ERROR:
		end = query_error(query);
		break;
	case CALL_TOO_LARGE:
		end = query_too_large(query);
		break;
	case CALL_UNSENT:
	case CALL_LOST:
		end = query_lost(query);
		break;
	}
	if (end != QUERY_ANSWERED)
		buf_clear(query_out(query));
	query->on_done(query, end);
}
