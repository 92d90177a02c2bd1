/* SPDX-License-Identifier: Apache-2.0 */
/* One request walks two paths: what the first one left in it is cleared for the second one. */
#include "cmd/after_job.h"

#include <assert.h>

struct after_job {
	void (*on_done)(struct request *request); /* http's */
	void (*on_ready)(struct request *request, void *arg);
	void *arg;
	struct text operation; /* the query */
	int64_t prefer_wait_us;
};

/* What the query must see. */
static void after_job_take_token(struct request *request)
{
	struct text token = arena_text(&request->arena, text_of(request->token));

	assert(request->tokens_count <= TOKENS_MAX);
	request->tokens[request->tokens_count++] = token;
}

static void after_job_clear(struct request *request)
{
	buf_clear(&request->out);
	request->token[0] = '\0';
	request->served_by = SERVED_BY_NONE;
	request->node = request->node_shown = NULL;
	request->lag_us = -1;
	request->rates = NULL;
	request->rates_count = 0;
	request->done_us = 0;
}

static void after_job_on_done(struct request *request)
{
	struct after_job *after = request->after;

	request->kind = REQUEST_QUERY;
	request->operation = after->operation;
	request->prefer_wait_us = after->prefer_wait_us;
	request->on_done = after->on_done;
	if (request->outcome == OUTCOME_OK && !request->token[0])
		request_fail(request, OUTCOME_TIMEOUT, "the job has not ended in time");
	if (request->outcome != OUTCOME_OK) {
		request->on_done(request);
		return;
	}
	after_job_take_token(request);
	after_job_clear(request);
	after->on_ready(request, after->arg);
}

void after_job_take(struct request *request, struct writes *writes,
		    void (*on_ready)(struct request *request, void *arg), void *arg)
{
	struct after_job *after = arena_zero(&request->arena, 1, sizeof(*after));

	assert(request->kind == REQUEST_QUERY);
	after->on_done = request->on_done;
	after->on_ready = on_ready;
	after->arg = arg;
	after->operation = request->operation;
	after->prefer_wait_us = request->prefer_wait_us;
	request->after = after;
	request->kind = REQUEST_JOB;
	request->operation = request->after_job;
	if (request->prefer_wait_us < 0)
		request->prefer_wait_us = request->deadline_us - request->born_us;
	request->on_done = after_job_on_done;
	write_take(writes, request);
}
