/* SPDX-License-Identifier: Apache-2.0 */
/* The proof is there before the first row (docs/consistency.md); what fails later is cut off. */
#include "read/tell.h"

#include "read/hedge.h"
#include "read/report.h"
#include "read/verify.h"

static void tell_on_taken(struct request *request)
{
	struct query *query = &read_of(request)->query;

	if (query->pool)
		pool_go_on(query->pool, &query->call);
}

/* The request's deadline was for the first byte; from here on its reader sets the pace. */
static void tell_begin(struct read *read)
{
	struct request *request = read->task.request;

	if (!read->query.on_primary)
		router_learn_call(read->task.router, read->choice.node, &read->query.call);
	report_answer(read);
	loop_timer_cancel(request->loop, &request->timer);
	request->stream = STREAM_OPEN;
	request->on_taken = tell_on_taken;
	(void)read_move(read, READ_TELL);
}

/* True: what comes is sent. Else the query is forgotten, and the request on its way or ended. */
static bool tell_may_begin(struct read *read)
{
	struct request *request = read->task.request;
	struct query *query = &read->query;
	enum proof proof;

	/* The node has answered: whatever comes now is a matter of the reader. */
	hedge_forget(read);
	health_back(&read->flight);
	router_refresh(read->task.router);
	/* Which may have ended it: its node is gone. */
	if (!query->pool || !query->begun)
		return false;
	proof = verify_proof(read);
	if (proof == PROOF_HOLDS)
		return true;
	request_let_go(request);
	(void)read_move(read, READ_VERIFY);
	request_resume(request, verify_refuse(read, proof));
	return false;
}

void tell_on_rows(struct query *query)
{
	struct read *read = container_of(query, struct read, query);

	if (read->task.request->stream == STREAM_NONE) {
		if (!tell_may_begin(read))
			return;
		tell_begin(read);
	}
	read->task.request->on_stream(read->task.request);
}

void tell_end(struct read *read, enum query_end end)
{
	/* Whatever went wrong, nothing can be told any more, nor asked elsewhere. */
	read->task.request->stream = end == QUERY_ANSWERED ? STREAM_WHOLE : STREAM_BROKEN;
	request_finish(read->task.request);
}
