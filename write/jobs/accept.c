/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One INSERT whose types are known beforehand. What it returns begins with the number of the job
 * and the seconds until it is due, which the client does not see; its id takes their place.
 */
#include "write/jobs/accept.h"

#include "base/clock.h"
#include "pg/sqlstate.h"
#include "write/jobs/job_row.h"
#include "write/jobs/job_statement.h"

#include <assert.h>
#include <pthread.h>
#include <string.h>

enum accept_value {
	ACCEPT_MARK,
	ACCEPT_COMMAND,
	ACCEPT_VERSION,
	ACCEPT_PARAMETERS,
	ACCEPT_ATTEMPTS_MAX,
	ACCEPT_NOT_BEFORE,
	ACCEPT_KEEP_S,
	ACCEPT_KEYED,
	ACCEPT_CLAIMS,
	ACCEPT_CALLER,
	ACCEPT_USER,
	ACCEPT_TRACE,
	ACCEPT_VALUES
};

static const uint32_t accept_params[ACCEPT_VALUES] = {
	[ACCEPT_MARK] = INT4OID,         [ACCEPT_COMMAND] = TEXTOID,
	[ACCEPT_VERSION] = TEXTOID,      [ACCEPT_PARAMETERS] = JSONOID,
	[ACCEPT_ATTEMPTS_MAX] = INT2OID, [ACCEPT_NOT_BEFORE] = TIMESTAMPTZOID,
	[ACCEPT_KEEP_S] = INT4OID,       [ACCEPT_KEYED] = BOOLOID,
	[ACCEPT_CLAIMS] = JSONOID,       [ACCEPT_CALLER] = TEXTOID,
	[ACCEPT_USER] = TEXTOID,         [ACCEPT_TRACE] = TEXTOID,
};

/* A time that has passed gives no right to be served before others. */
static const char accept_text[] =
	"INSERT INTO cqrsd.job (mark, command, version, parameters, attempts_max, run_at, keep_s,"
	" keyed, claims, caller, \"user\", trace) VALUES ($1, $2, $3, $4, $5,"
	" greatest($6, clock_timestamp()), $7, $8, $9, $10, $11, $12) RETURNING n,"
	" CASE WHEN $6 IS NULL THEN 0 ELSE ceil(extract(epoch FROM run_at - accepted_at))::int8"
	" END AS due_s, command,"
	" CASE WHEN $6 > accepted_at THEN 'scheduled' ELSE 'queued' END AS state,"
	" attempts, attempts_max, accepted_at AS created_at, run_at";

static const uint32_t accept_columns[] = {
	INT8OID, INT8OID, TEXTOID, TEXTOID, INT2OID, INT2OID, TIMESTAMPTZOID, TIMESTAMPTZOID,
};

#define ACCEPT_COLUMNS (sizeof(accept_columns) / sizeof(accept_columns[0]))

static struct statement accept_statement;
static pthread_once_t accept_once = PTHREAD_ONCE_INIT;

static void accept_make(void)
{
	job_statement_make(&accept_statement, "jobs.accept", accept_text,
			   (struct job_types){ accept_params, ACCEPT_VALUES },
			   (struct job_types){ accept_columns, ACCEPT_COLUMNS });
}

struct acceptance {
	struct job_ids *const *ids;
	int32_t mark;
	const char *values[ACCEPT_VALUES];
};

bool accept_is_wanted(const struct request *request, const struct operation *operation)
{
	switch (operation->async) {
	case ASYNC_NEVER:
		return false;
	case ASYNC_ALLOWED:
		/* What waits for a time cannot be waited for. */
		return request->respond == RESPOND_ASYNC || request->not_before.ptr;
	case ASYNC_ALWAYS:
		return true;
	}
	assert(!"when a command is a job");
	return false;
}

/* What was written into request->out, NUL-terminated in the arena. */
static const char *accept_keep(struct request *request)
{
	const char *copy = arena_copy(&request->arena, request->out.ptr, request->out.len);

	buf_clear(&request->out);
	return copy;
}

static const char *accept_number(struct request *request, int64_t number)
{
	buf_int(&request->out, number);
	return accept_keep(request);
}

void *accept_new(const struct command *command, struct job_ids *const *ids, int32_t mark)
{
	struct request *request = command->request;
	const struct operation *operation = command->operation;
	struct acceptance *acceptance = arena_alloc(&request->arena, sizeof(*acceptance));
	const char **values = acceptance->values;

	pthread_once(&accept_once, accept_make);
	acceptance->ids = ids;
	acceptance->mark = mark;
	buf_clear(&request->out);
	values[ACCEPT_MARK] = accept_number(request, mark);
	values[ACCEPT_COMMAND] = operation->name;
	values[ACCEPT_VERSION] = operation->version;
	job_row_write_parameters(&request->out, operation, command->values);
	values[ACCEPT_PARAMETERS] = accept_keep(request);
	values[ACCEPT_ATTEMPTS_MAX] = accept_number(request, operation->retries + 1);
	values[ACCEPT_NOT_BEFORE] = request->not_before.ptr;
	values[ACCEPT_KEEP_S] = accept_number(request, operation->keep_us / US_PER_S);
	values[ACCEPT_KEYED] = request->idempotency_key.ptr ? "t" : "f";
	values[ACCEPT_CLAIMS] = NULL;
	if (command->claims) {
		job_row_write_claims(&request->out, command->claims);
		values[ACCEPT_CLAIMS] = accept_keep(request);
	}
	values[ACCEPT_CALLER] = job_row_caller(&request->arena, request->principal);
	values[ACCEPT_USER] = request->user.ptr;
	values[ACCEPT_TRACE] = request->trace.ptr;
	return acceptance;
}

/* --- the form --------------------------------------------------------------------------------- */

static void accept_fill(struct command *command, struct call *call)
{
	const struct acceptance *acceptance = command->subject;

	call->statement = &accept_statement;
	call->values = acceptance->values;
	call->rows_max = 1;
	call->isolation = ISOLATION_READ_COMMITTED;
	call->transaction = TRANSACTION_SHARED;
}

static void accept_begin(struct command *command)
{
	buf_literal(&command->request->out, JOB_DOCUMENT_BEGINS);
}

/* {"n":7,"due_s":0, before the members that the client sees. */
static struct text accept_take(struct text row, int64_t *n, int64_t *due_s)
{
	bool good = job_document_take(&row, "{\"n\":", n) &&
		    job_document_take(&row, "\"due_s\":", due_s);

	assert(good);
	return row;
}

static enum command_end accept_tell(struct command *command)
{
	const struct acceptance *acceptance = command->subject;
	struct request *request = command->request;
	const size_t begins = strlen(JOB_DOCUMENT_BEGINS);
	struct job_number number = { .mark = acceptance->mark };
	char id[JOB_ID_CHARS + 1];
	struct text members;
	int64_t due_s;

	assert(command->call.rows == 1);
	members = accept_take((struct text){ request->out.ptr + begins, request->out.len - begins },
			      &number.n, &due_s);
	members = arena_text(&request->arena, members);
	job_id_write(*acceptance->ids, number, id);
	request->retry_after_us = due_s * US_PER_S;
	buf_clear(&request->out);
	buf_literal(&request->out, JOB_DOCUMENT_BEGINS JOB_ROW_BEGINS);
	buf_string(&request->out, id);
	buf_literal(&request->out, "\",");
	buf_text(&request->out, members);
	return COMMAND_COMMITTED;
}

const struct command_form accept_form = {
	.fill = accept_fill,
	.begin = accept_begin,
	.tell = accept_tell,
	.explain = job_statement_explain,
};

/* --- the reply -------------------------------------------------------------------------------- */

void accept_note(struct request *request)
{
	static const char begins[] = JOB_DOCUMENT_BEGINS JOB_ROW_BEGINS;
	const size_t at = sizeof(begins) - 1;

	if (request->out.len < at + JOB_ID_CHARS || memcmp(request->out.ptr, begins, at) != 0)
		return;
	request->job =
		arena_text(&request->arena, (struct text){ request->out.ptr + at, JOB_ID_CHARS });
	request->status = 202;
}
