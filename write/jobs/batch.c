/* SPDX-License-Identifier: Apache-2.0 */
/* Rows become calls, and calls become ends; what is sent is the plan's matter. */
#include "write/jobs/batch.h"

#include "base/clock.h"
#include "catalog/document.h"
#include "pg/sqlstate.h"
#include "write/jobs/job_problem.h"
#include "write/jobs/job_row.h"

#include <assert.h>
#include <string.h>
#include <time.h>

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
	};
}

/* False: its command, or a parameter of it, is not known any more: the row is left. */
static bool batch_take(struct job_batch *batch, struct job_member *member)
{
	const struct operation *operation =
		catalog_find(batch->catalog, REQUEST_COMMAND, member->row.command);
	const char *const *values, *name;

	if (!operation || !statement_shape(operation->statement))
		return false;
	member->operation = operation;
	if (job_row_read(&batch->arena, member->operation, member->row.parameters, &values,
			 &name) != JOB_ROW_READ)
		return false;
	batch_fill(batch, member, values);
	return true;
}

static unsigned batch_on_claimed(struct call *call)
{
	struct job_batch *batch = batch_of(call);
	struct job_row rows[GROUP_CALLS_MAX];
	unsigned claimed =
		job_claim_read(&batch->arena, (struct text){ batch->out.ptr, batch->out.len }, rows,
			       GROUP_CALLS_MAX);
	unsigned count = 0;

	batch->unreadable = 0;
	batch->claimed_us = loop_now(batch->loop);
	for (unsigned i = 0; i < claimed; i++) {
		struct job_member *member = &batch->members[count];

		member->row = rows[i];
		if (batch_take(batch, member))
			batch->jobs.calls[count++] = &member->call;
		else
			batch->unreadable++;
	}
	batch->on_members(batch, count);
	return count;
}

/* --- they have run --------------------------------------------------------------------------- */

/* What was written into scratch, in the arena. */
static struct text batch_keep(struct job_batch *batch)
{
	return arena_text(&batch->arena, (struct text){ batch->scratch.ptr, batch->scratch.len });
}

/* Words of PostgreSQL may hold rows of others: a job's caller may read its log. */
static bool batch_message_may_leave(const struct pg_error *error)
{
	return error->message &&
	       (sqlstate_is_of_application(error->sqlstate) ||
		strncmp(error->sqlstate, "23", 2) == 0 || strcmp(error->sqlstate, "P0001") == 0 ||
		strncmp(error->sqlstate, "PT", 2) == 0);
}

static void batch_member_string(struct buf *out, const char *key, const char *string)
{
	if (!string || !*string)
		return;
	buf_printf(out, ",\"%s\":", key);
	buf_json_string(out, string, strlen(string));
}

static void batch_write_moment(struct buf *out, int64_t wall_us)
{
	time_t s = (time_t)(wall_us / US_PER_S);
	char text[32];
	struct tm tm;

	gmtime_r(&s, &tm);
	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &tm);
	buf_printf(out, "\"%s.%06dZ\"", text, (int)(wall_us % US_PER_S));
}

/* An element of attempt_log; only of attempts that failed. */
static struct text batch_attempt(struct job_batch *batch, const struct job_member *member)
{
	const struct pg_error *error = &member->call.error;
	struct buf *out = &batch->scratch;

	buf_clear(out);
	buf_printf(out, "{\"n\":%u,\"started_at\":", member->row.attempts_ended + 1);
	batch_write_moment(out, member->row.wall_us);
	buf_printf(out, ",\"ms\":%lld",
		   (long long)((loop_now(batch->loop) - batch->claimed_us) / US_PER_MS));
	batch_member_string(out, "instance", batch->instance);
	batch_member_string(out, "sqlstate", error->sqlstate);
	batch_member_string(out, "constraint", error->constraint);
	batch_member_string(out, "message", batch_message_may_leave(error) ? error->message : NULL);
	buf_byte(out, '}');
	return batch_keep(batch);
}

static struct text batch_problem(struct job_batch *batch, enum outcome outcome)
{
	buf_clear(&batch->scratch);
	job_problem_of_outcome(&batch->scratch, outcome);
	return batch_keep(batch);
}

static struct text batch_error(struct job_batch *batch, const struct job_member *member)
{
	buf_clear(&batch->scratch);
	job_problem_of_error(&batch->scratch, batch->loop, member->operation, &member->call);
	return batch_keep(batch);
}

/* It took effect: what it returned, or why that cannot be told. */
static void batch_tell(struct job_batch *batch, struct job_member *member, struct finished_job *job)
{
	const struct call *call = &member->call;

	if (call->end == CALL_TOO_LARGE) {
		job->problem = batch_problem(batch, OUTCOME_RESULT_TOO_LARGE);
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

static void batch_end(struct job_batch *batch, struct job_member *member)
{
	struct finished_job job = { .n = member->row.n };
	const struct pg_error *error = &member->call.error;
	bool failed = member->call.end == CALL_ERROR;

	member->fault = failed ? job_fault_of(error) : JOB_FAULT_NONE;
	member->ending = job_ending_of(
		member->fault,
		(struct job_attempts){ member->row.attempts_ended, member->row.attempts_max,
				       member->operation->retries_backoff_us },
		batch->random);
	if (member->ending.end == JOB_LEFT)
		return;
	job.ending = member->ending;
	if (failed)
		job.entry = batch_attempt(batch, member);
	else
		batch_tell(batch, member, &job);
	if (member->ending.end == JOB_DEAD)
		job.problem = batch_error(batch, member);
	job_finish_add(&batch->finish, &job);
}

static bool batch_on_ran(struct call *call)
{
	struct job_batch *batch = batch_of(call);

	job_finish_begin(&batch->finish);
	for (unsigned i = 0; i < batch->jobs.count; i++)
		batch_end(batch, &batch->members[i]);
	job_finish_end(&batch->finish);
	batch->jobs.finish = job_finish_statement(&batch->finish);
	batch->jobs.finish_values = batch->finish.values;
	return batch->finish.jobs > 0;
}

/* --- all of it ------------------------------------------------------------------------------- */

static void batch_on_done(struct call *call)
{
	struct job_batch *batch = batch_of(call);

	batch->pool = NULL;
	batch->on_done(batch);
}

bool job_batch_send(struct job_batch *batch, struct pool *pool, unsigned limit)
{
	assert(!batch->pool);
	assert(limit <= GROUP_CALLS_MAX);
	job_claim_end(&batch->claim, limit);
	arena_reset(&batch->arena);
	buf_clear(&batch->out);
	batch->jobs = (struct call_jobs){
		.on_claimed = batch_on_claimed,
		.on_ran = batch_on_ran,
	};
	batch->call = (struct call){
		.kind = CALL_JOBS,
		.isolation = batch->isolation,
		.statement = job_claim_statement(),
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
