/* SPDX-License-Identifier: Apache-2.0 */
/* Rows become calls, and calls become ends; what is sent is the plan's matter. */
#include "write/jobs/batch.h"

#include "base/clock.h"
#include "catalog/document.h"
#include "write/jobs/attempt_log.h"
#include "write/jobs/claimed.h"
#include "write/jobs/job_problem.h"
#include "write/jobs/job_row.h"

#include <assert.h>
#include <string.h>

void job_batch_init(struct job_batch *batch)
{
	memset(batch, 0, sizeof(*batch));
	arena_init(&batch->arena);
	buf_init(&batch->out);
	buf_init(&batch->scratch);
	job_claim_init(&batch->claim);
	job_finish_init(&batch->finish);
	for (unsigned i = 0; i < GROUP_CALLS_MAX; i++)
		buf_init(&batch->members[i].out);
}

void job_batch_fini(struct job_batch *batch)
{
	if (batch->pool)
		pool_forget(batch->pool, &batch->call);
	feed_doubt_leave(batch->doubts, &batch->doubt);
	batch->pool = NULL;
	for (unsigned i = 0; i < GROUP_CALLS_MAX; i++)
		buf_fini(&batch->members[i].out);
	job_finish_fini(&batch->finish);
	job_claim_fini(&batch->claim);
	buf_fini(&batch->scratch);
	buf_fini(&batch->out);
	arena_fini(&batch->arena);
}

static struct job_batch *batch_of(struct call *call)
{
	return container_of(call, struct job_batch, call);
}

/* --- the rows are there ---------------------------------------------------------------------- */

static void batch_fill(struct job_batch *batch, struct job_member *member,
		       const char *const *values)
{
	const struct operation *operation = member->operation;

	document_begin(operation, &member->out);
	member->call = (struct call){
		.kind = CALL_COMMAND,
		.statement = operation->statement,
		.values = values,
		.claims = member->row.claims,
		.arena = &batch->arena,
		.out = &member->out,
		.rows_max = document_rows_max(operation),
		.bytes_max = batch->bytes_max,
		.timeout_us = operation->timeout_us,
		.bound = statement_shape(operation->statement),
		.tags_count = operation->tags_count,
	};
	member->call.tags = feed_tags(operation, member->call.bound, values, &batch->arena);
	member->touched = (struct feed_tag_list){ member->call.tags, member->call.tags_count };
	if (feed_doubts_relations(batch->doubts))
		member->touched = feed_tags_touched(operation, member->call.tags, &batch->arena);
}

/* In the transaction of the others, without being run. */
static struct job_settled *batch_settle(struct job_batch *batch, const struct operation *operation,
					const struct job_row *row, struct finished_job job)
{
	struct job_settled *settled = &batch->settled[batch->settled_count++];

	job.n = row->n;
	*settled = (struct job_settled){ .operation = operation, .row = *row, .job = job };
	return settled;
}

/* What was written into scratch, in the arena. */
static struct text batch_keep(struct job_batch *batch)
{
	return arena_text(&batch->arena, (struct text){ batch->scratch.ptr, batch->scratch.len });
}

static struct text batch_problem_with(struct job_batch *batch, enum outcome outcome,
				      const char *detail)
{
	buf_clear(&batch->scratch);
	job_problem_of_outcome(&batch->scratch, outcome, detail);
	return batch_keep(batch);
}

static struct text batch_error(struct job_batch *batch, const struct operation *operation,
			       const struct call *call)
{
	buf_clear(&batch->scratch);
	job_problem_of_error(&batch->scratch, batch->loop, operation, call);
	return batch_keep(batch);
}

/* Its parameters are not those of its command any more: it would not be in any later attempt. */
static void batch_refuse(struct job_batch *batch, const struct operation *operation,
			 const struct job_row *row, enum job_row_values values, const char *name)
{
	static const struct {
		enum outcome outcome;
		const char *why;
	} refusals[] = {
		[JOB_ROW_MISSING] = { OUTCOME_MISSING_PARAMETER,
				      "the command needs a parameter by now" },
		[JOB_ROW_UNKNOWN] = { OUTCOME_UNKNOWN_PARAMETER,
				      "the command has no such parameter any more" },
		[JOB_ROW_BROKEN] = { OUTCOME_BAD_REQUEST, "its parameters cannot be read" },
	};
	struct attempt attempt = {
		.n = row->attempts_ended + 1,
		.wall_us = row->wall_us,
		.instance = batch->instance,
	};
	struct finished_job job = { .ending.end = JOB_DEAD };

	attempt.message = refusals[values].why;
	if (name)
		attempt.message = arena_printf(&batch->arena, "%s: %s", name, attempt.message);
	job.entry = attempt_log_entry(&batch->arena, &batch->scratch, &attempt);
	job.problem = batch_problem_with(batch, refusals[values].outcome, attempt.message);
	batch_settle(batch, operation, row, job)->fault = JOB_FAULT_DATA;
}

static struct job_attempts batch_attempts(const struct operation *operation,
					  const struct job_row *row)
{
	return (struct job_attempts){ row->attempts_ended, row->attempts_max,
				      operation->retries_backoff_us };
}

static void batch_mark_begun(struct job_batch *batch, const struct operation *operation,
			     const struct job_row *row)
{
	batch_settle(batch, operation, row,
		     (struct finished_job){ .ending.end = JOB_BEGUN,
					    .result = text_of(batch->instance) });
}

/* An attempt that took no effect, for an error of its own or because all of it was lost. */
static void batch_take_attempt(struct job_batch *batch, const struct operation *operation,
			       const struct job_row *row, const struct job_verdict *verdict)
{
	const struct pg_error *error = verdict ? &verdict->error : NULL;
	bool lost = !verdict || verdict->kind != VERDICT_ERROR;
	struct attempt attempt = {
		.n = row->attempts_ended + 1,
		.wall_us = row->begun_us ? row->begun_us : row->wall_us,
		.instance = row->begun_by ? row->begun_by : batch->instance,
		.error = error,
		.message = lost ? "its connection was lost while it ran" : NULL,
		.took_ms = -1,
	};
	enum job_fault fault = lost ? JOB_FAULT_LOST : job_fault_of(error);
	struct finished_job job = { 0 };
	struct job_settled *settled;

	job.ending = job_ending_of(fault, batch_attempts(operation, row), batch->random);
	if (job.ending.end == JOB_LEFT) {
		batch_mark_begun(batch, operation, row);
		return;
	}
	job.entry = attempt_log_entry(&batch->arena, &batch->scratch, &attempt);
	if (job.ending.end == JOB_DEAD)
		job.problem =
			lost ? batch_problem_with(batch, OUTCOME_QUERY_FAILED, attempt.message)
			     : batch_error(
				       batch, operation,
				       &(struct call){ .arena = &batch->arena, .error = *error });
	settled = batch_settle(batch, operation, row, job);
	settled->fault = fault;
	settled->ran = true;
}

/*
 * True: it waits, and its attempts are what they were. Not one that has begun, nor the one that its
 * breaker tries. One whose batch was rolled back is asked for once more: that may have been before
 * it ran.
 */
static bool batch_put_off(struct job_batch *batch, const struct operation *operation,
			  const struct job_row *row, enum claimed_action action)
{
	struct finished_job job = { .ending.end = action == CLAIMED_RUN ? JOB_PUT_OFF
									: JOB_PUT_OFF_ALONE };

	if (!row->attempts_ended || row->begun_by || action == CLAIMED_ENDED || batch->claim.trial)
		return false;
	job.ending.pause_us = batch->on_retry(batch, operation);
	if (!job.ending.pause_us) {
		batch->retries++;
		return false;
	}
	batch_settle(batch, operation, row, job);
	return true;
}

/* Runs it, or settles it. Its command is known, as the claim named it. */
static void batch_take(struct job_batch *batch, const struct operation *operation,
		       const struct job_row *row)
{
	const struct job_verdict *verdict = job_verdicts_find(batch->verdicts, row);
	enum claimed_action action = claimed_action_of(row, verdict, batch->instance);
	struct job_member *member = &batch->members[batch->claimed];
	const char *const *values, *name;
	enum job_row_values read;

	if (batch_put_off(batch, operation, row, action))
		return;
	switch (action) {
	case CLAIMED_RUN:
		break;
	case CLAIMED_BEGIN:
		batch_mark_begun(batch, operation, row);
		return;
	case CLAIMED_ENDED:
		batch_take_attempt(batch, operation, row, verdict);
		return;
	}
	read = job_row_read(&batch->arena, operation, row->parameters, &values, &name);
	if (read != JOB_ROW_READ) {
		batch_refuse(batch, operation, row, read, name);
		return;
	}
	member->row = *row;
	member->operation = operation;
	batch_fill(batch, member, values);
	batch->jobs.calls[batch->claimed++] = &member->call;
}

/* By all that are to run. */
static struct feed_tag_list batch_touched(struct job_batch *batch)
{
	unsigned count = 0;
	uint64_t *tags;

	for (unsigned i = 0; i < batch->claimed; i++)
		count += batch->members[i].touched.count;
	tags = arena_alloc(&batch->arena, (count + 1) * sizeof(*tags));
	count = 0;
	for (unsigned i = 0; i < batch->claimed; i++) {
		struct feed_tag_list touched = batch->members[i].touched;

		for (unsigned j = 0; j < touched.count; j++)
			tags[count++] = touched.items[j];
	}
	return (struct feed_tag_list){ tags, count };
}

/* Before any of it can commit. It may have begun before, when all of it was rolled back. */
static void batch_doubt(struct job_batch *batch)
{
	static const struct call rolled_back = { .end = CALL_UNSENT };
	struct feed_tag_list touched = batch_touched(batch);

	feed_doubt_end(batch->doubts, &batch->doubt, &rolled_back);
	feed_doubt_begin(batch->doubts, &batch->doubt, touched.items, touched.count);
}

static unsigned batch_on_claimed(struct call *call)
{
	struct job_batch *batch = batch_of(call);
	struct job_row rows[GROUP_CALLS_MAX];
	unsigned count =
		job_claim_read(&batch->arena, (struct text){ batch->out.ptr, batch->out.len }, rows,
			       GROUP_CALLS_MAX);
	const struct job_row *last = NULL;

	batch->found = count;
	batch->claimed = batch->settled_count = batch->retries = 0;
	batch->claimed_us = loop_now(batch->loop);
	for (unsigned i = 0; i < count; i++) {
		const struct operation *operation =
			catalog_find(batch->catalog, REQUEST_COMMAND, rows[i].command);

		/* One that is no job says how far its part was gone through: others come later. */
		if (!last || last->n)
			last = &rows[i];
		if (rows[i].n && operation && statement_shape(operation->statement))
			batch_take(batch, operation, &rows[i]);
	}
	batch->goes_on = last && !last->n;
	batch_doubt(batch);
	batch->on_members(batch, batch->claimed, last);
	return batch->claimed;
}

/* --- they have run --------------------------------------------------------------------------- */

static struct text batch_problem(struct job_batch *batch, enum outcome outcome)
{
	return batch_problem_with(batch, outcome, NULL);
}

/* It took effect: what it returned, or why that cannot be told. */
static void batch_tell(struct job_batch *batch, struct job_member *member, struct finished_job *job)
{
	const struct call *call = &member->call;

	if (call->end == CALL_TOO_LARGE) {
		job->problem = batch_problem(batch, OUTCOME_RESULT_TOO_LARGE);
		return;
	}
	if (call->untellable) {
		job->problem = batch_problem_with(batch, OUTCOME_QUERY_FAILED, call->untellable);
		return;
	}
	switch (document_end(member->operation, &member->out, call->rows, call->affected)) {
	case DOCUMENT_WHOLE:
		buf_byte(&member->out, '}');
		job->result = (struct text){ member->out.ptr, member->out.len };
		return;
	case DOCUMENT_NO_ROW:
		job->problem = batch_problem(batch, OUTCOME_NOT_FOUND);
		return;
	case DOCUMENT_MANY_ROWS:
		job->problem = batch_problem(batch, OUTCOME_UNEXPECTED_CARDINALITY);
		return;
	}
	assert(!"an end of a document");
}

static void batch_tell_failure(struct job_batch *batch, const struct job_member *member,
			       struct finished_job *job)
{
	const struct pg_error *error = &member->call.error;
	struct attempt attempt = {
		.n = member->row.attempts_ended + 1,
		.wall_us = member->row.wall_us,
		.instance = batch->instance,
		.error = error,
		.took_ms = (loop_now(batch->loop) - batch->claimed_us) / US_PER_MS,
	};

	job->entry = attempt_log_entry(&batch->arena, &batch->scratch, &attempt);
	if (job->ending.end == JOB_DEAD)
		job->problem = batch_error(batch, member->operation, &member->call);
}

static void batch_end(struct job_batch *batch, struct job_member *member)
{
	struct finished_job job = { .n = member->row.n };
	bool failed = member->call.end == CALL_ERROR;

	member->fault = failed ? job_fault_of(&member->call.error) : JOB_FAULT_NONE;
	member->ending = job_ending_of(
		member->fault, batch_attempts(member->operation, &member->row), batch->random);
	if (member->ending.end == JOB_LEFT)
		return;
	job.ending = member->ending;
	if (failed)
		batch_tell_failure(batch, member, &job);
	else
		batch_tell(batch, member, &job);
	job_finish_add(&batch->finish, &job);
}

/* Where all were left, an empty end is committed all the same: their rows are as good as before. */
static bool batch_on_ran(struct call *call)
{
	struct job_batch *batch = batch_of(call);

	job_finish_begin(&batch->finish);
	for (unsigned i = 0; i < batch->jobs.count; i++)
		batch_end(batch, &batch->members[i]);
	for (unsigned i = 0; i < batch->settled_count; i++)
		job_finish_add(&batch->finish, &batch->settled[i].job);
	job_finish_end(&batch->finish);
	batch->jobs.finish = job_finish_statement(&batch->finish);
	batch->jobs.finish_values = batch->finish.values;
	return batch->finish.jobs > 0 || batch->jobs.count > 0;
}

/* --- all of it ------------------------------------------------------------------------------- */

static void batch_on_done(struct call *call)
{
	struct job_batch *batch = batch_of(call);

	batch->pool = NULL;
	feed_doubt_end(batch->doubts, &batch->doubt, call);
	batch->on_done(batch);
}

bool job_batch_send(struct job_batch *batch, struct pool *pool, unsigned limit)
{
	assert(!batch->pool);
	assert(limit <= GROUP_CALLS_MAX);
	job_claim_end(&batch->claim, limit, batch->instance);
	arena_reset(&batch->arena);
	buf_clear(&batch->out);
	batch->settled_count = 0;
	batch->goes_on = false;
	batch->jobs = (struct call_jobs){
		.on_claimed = batch_on_claimed,
		.on_ran = batch_on_ran,
		.lone = limit == 1,
	};
	batch->call = (struct call){
		.kind = CALL_JOBS,
		.isolation = batch->isolation,
		.statement = job_claim_statement(&batch->claim),
		.values = batch->claim.values,
		.arena = &batch->arena,
		.out = &batch->out,
		.rows_max = GROUP_CALLS_MAX,
		.jobs = &batch->jobs,
		.on_done = batch_on_done,
	};
	if (!pool_submit(pool, &batch->call))
		return false;
	batch->pool = pool;
	return true;
}

bool job_batch_ran(const struct job_batch *batch)
{
	return batch->call.end == CALL_OK && batch->call.frame_end == FRAME_NONE;
}

enum verdict_kind job_batch_verdict(const struct job_batch *batch)
{
	if (batch->call.end != CALL_ERROR)
		return VERDICT_LOST;
	return batch->jobs.count == 1 && batch->call.frame_end != FRAME_RAISED ? VERDICT_ERROR
									       : VERDICT_ROLLED;
}

static bool batch_is_end(enum job_end end)
{
	return end == JOB_DONE || end == JOB_DEAD;
}

unsigned job_batch_ended(const struct job_batch *batch, int64_t n[2 * GROUP_CALLS_MAX])
{
	unsigned count = 0;

	for (unsigned i = 0; i < batch->jobs.count; i++)
		if (batch_is_end(batch->members[i].ending.end))
			n[count++] = batch->members[i].row.n;
	for (unsigned i = 0; i < batch->settled_count; i++)
		if (batch->settled[i].job.ending.end == JOB_DEAD)
			n[count++] = batch->settled[i].row.n;
	return count;
}
