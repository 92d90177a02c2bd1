/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An INSERT whose types are known beforehand: of one job, of the array of a request, or of several
 * requests that commit together. What it returns begins with the number of the job, the seconds
 * until it is due and its mark, which the client does not see; its id takes their place, and what
 * is known of a new job.
 */
#include "write/jobs/accept.h"

#include "base/array.h"
#include "base/clock.h"
#include "pg/sqlstate.h"
#include "write/jobs/job_row.h"
#include "write/jobs/job_statement.h"

#include <assert.h>
#include <pthread.h>
#include <string.h>

/* The parameters in their order, and their types. */
#define ACCEPT_PARAMS(PARAM)                                                                       \
	PARAM(MARK, INT4)                                                                          \
	PARAM(COMMAND, TEXT)                                                                       \
	PARAM(VERSION, TEXT)                                                                       \
	PARAM(PARAMETERS, JSON)                                                                    \
	PARAM(ATTEMPTS_MAX, INT2)                                                                  \
	PARAM(NOT_BEFORE, TIMESTAMPTZ)                                                             \
	PARAM(KEEP_S, INT4)                                                                        \
	PARAM(KEYED, BOOL)                                                                         \
	PARAM(CLAIMS, JSON)                                                                        \
	PARAM(CALLER, TEXT)                                                                        \
	PARAM(USER, TEXT)                                                                          \
	PARAM(TRACE, TEXT)                                                                         \
	PARAM(SESSION, TEXT)                                                                       \
	PARAM(ORDER_KEY, TEXT)

#define ACCEPT_VALUE(name, type) ACCEPT_##name,
#define ACCEPT_OF_ONE(name, type) [ACCEPT_##name] = type##OID,
#define ACCEPT_OF_EACH(name, type) [ACCEPT_##name] = type##ARRAYOID,

enum accept_value { ACCEPT_PARAMS(ACCEPT_VALUE) ACCEPT_VALUES };

static const uint32_t accept_params[ACCEPT_VALUES] = { ACCEPT_PARAMS(ACCEPT_OF_ONE) };
static const uint32_t accept_together_params[ACCEPT_VALUES] = { ACCEPT_PARAMS(ACCEPT_OF_EACH) };

/* clang-format off */
/* A time that has passed gives no right to be served before others: what is not to wait is due
 * when it is accepted. What is known here is not asked for. */
#define ACCEPT_INTO                                                                                \
	"INSERT INTO cqrsd.job (mark, command, version, parameters, attempts_max, run_at, keep_s," \
	" keyed, claims, caller, \"user\", trace, session, order_key, tenant, accepted_at) "
#define ACCEPT_RETURNING                                                                           \
	" RETURNING n, CASE WHEN run_at > accepted_at"                                             \
	" THEN ceil(extract(epoch FROM run_at - accepted_at))::int8 ELSE 0 END AS due_s,"          \
	" mark, accepted_at AS created_at, nullif(run_at, accepted_at) AS run_at"
#define ACCEPT_CLOCK "(SELECT clock_timestamp() AS now OFFSET 0) AS clock"

static const char accept_text[] = ACCEPT_INTO
	"SELECT $1, $2, $3, $4, $5, greatest($6, now), $7, $8, $9, $10, $11, $12, $13, "
	JOB_ORDER_KEY("$14") ", " JOB_TENANT("$10", "$11") ", now FROM " ACCEPT_CLOCK
	ACCEPT_RETURNING;

/* In the order of the array, so that their numbers are. $14 is the name of a parameter. */
static const char accept_array_text[] = ACCEPT_INTO
	"SELECT a.mark, $2, $3, a.parameters, $5, greatest($6, now), $7, $8, $9,"
	" $10, $11, $12, $13, " JOB_ORDER_KEY("(a.parameters ->> $14)") ", "
	JOB_TENANT("$10", "$11") ", now FROM " ACCEPT_CLOCK
	" CROSS JOIN unnest($1::int4[], $4::json[]) WITH ORDINALITY"
	" AS a(mark, parameters, place) ORDER BY a.place" ACCEPT_RETURNING;

/* Of several requests, in their order. In a list of columns unnest hands out one element after the
 * other, and NULL behind the last one; in FROM it would copy all rows first. */
static const char accept_together_text[] = ACCEPT_INTO
	"SELECT mark, coalesce(command, ($2::text[])[1]), coalesce(version, ($3::text[])[1]),"
	" parameters, coalesce(attempts_max, ($5::int2[])[1]), greatest(not_before, now),"
	" coalesce(keep_s, ($7::int4[])[1]), coalesce(keyed, ($8::bool[])[1]), claims, caller,"
	" \"user\", trace, session, " JOB_ORDER_KEY("order_key") ", "
	JOB_TENANT("caller", "\"user\"") ", now FROM (SELECT clock_timestamp() AS now,"
	" unnest($1::int4[]) AS mark, unnest($2::text[]) AS command,"
	" unnest($3::text[]) AS version, unnest($4::json[]) AS parameters,"
	" unnest($5::int2[]) AS attempts_max, unnest($6::timestamptz[]) AS not_before,"
	" unnest($7::int4[]) AS keep_s, unnest($8::bool[]) AS keyed, unnest($9::json[]) AS claims,"
	" unnest($10::text[]) AS caller, unnest($11::text[]) AS \"user\","
	" unnest($12::text[]) AS trace, unnest($13::text[]) AS session,"
	" unnest($14::text[]) AS order_key) AS a" ACCEPT_RETURNING;
/* clang-format on */

enum { ACCEPT_COLUMN_MARK = 3 };

static const uint32_t accept_columns[] = {
	INT8OID, INT8OID, INT4OID, TIMESTAMPTZOID, TIMESTAMPTZOID,
};

static struct statement accept_statement, accept_array_statement, accept_together_statement;
static const struct statement_together accept_together = {
	.statement = &accept_together_statement,
	.param = ACCEPT_MARK + 1,
	.column = ACCEPT_COLUMN_MARK,
	.shared = 1u << ACCEPT_COMMAND | 1u << ACCEPT_VERSION | 1u << ACCEPT_ATTEMPTS_MAX |
		  1u << ACCEPT_KEEP_S | 1u << ACCEPT_KEYED,
};
static pthread_once_t accept_once = PTHREAD_ONCE_INIT;

static void accept_make_one(struct statement *statement, const char *name, const char *text,
			    const uint32_t params[ACCEPT_VALUES])
{
	job_statement_make(statement, name, text, (struct job_types){ params, ACCEPT_VALUES },
			   (struct job_types){ accept_columns, sizeof(accept_columns) /
								       sizeof(accept_columns[0]) });
}

static void accept_make(void)
{
	uint32_t array_params[ACCEPT_VALUES];

	memcpy(array_params, accept_params, sizeof(array_params));
	array_params[ACCEPT_MARK] = INT4ARRAYOID;
	array_params[ACCEPT_PARAMETERS] = JSONARRAYOID;
	accept_make_one(&accept_statement, "jobs.accept", accept_text, accept_params);
	accept_make_one(&accept_array_statement, "jobs.accept_array", accept_array_text,
			array_params);
	accept_make_one(&accept_together_statement, "jobs.accept_together", accept_together_text,
			accept_together_params);
	accept_statement.leavings = LEAVINGS_NONE;
	accept_statement.together = &accept_together;
}

struct acceptance {
	struct job_ids *const *ids;
	unsigned count; /* of jobs */
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

enum step accept_check_array(struct request *request, const struct operation *operation)
{
	unsigned count = 0;

	if (!request->body || json_kind(request->body) != JSON_ARRAY)
		return STEP_NEXT;
	if (!operation->batch_max || operation->async == ASYNC_NEVER)
		return request_fail(request, OUTCOME_INVALID_JSON,
				    "The body must be a JSON object");
	for (const struct json *it = json_first(request->body); it; it = json_next(it), count++)
		if (json_kind(it) != JSON_OBJECT)
			return request_fail(request, OUTCOME_INVALID_JSON,
					    "Element %u of the body must be a JSON object", count);
	if (count == 0 || count > operation->batch_max)
		return request_fail(request, OUTCOME_BAD_REQUEST,
				    "%s takes 1 to %u objects in an array", operation->name,
				    operation->batch_max);
	return STEP_NEXT;
}

/* What was written into request->out, NUL-terminated in the arena. */
static const char *accept_keep(struct request *request)
{
	const char *copy = arena_copy(&request->arena, request->out.ptr, request->out.len);

	buf_clear(&request->out);
	return copy;
}

static const char *accept_keep_array(struct request *request, struct buf *array)
{
	return arena_text(&request->arena, text_of(array_end(array))).ptr;
}

static const char *accept_number(struct request *request, int64_t number)
{
	buf_int(&request->out, number);
	return accept_keep(request);
}

/* What all jobs of a request have in common. */
static struct acceptance *accept_begin_new(const struct command *command,
					   struct job_ids *const *ids)
{
	struct request *request = command->request;
	const struct operation *operation = command->operation;
	struct acceptance *acceptance = arena_alloc(&request->arena, sizeof(*acceptance));
	const char **values = acceptance->values;

	pthread_once(&accept_once, accept_make);
	acceptance->ids = ids;
	buf_clear(&request->out);
	values[ACCEPT_COMMAND] = operation->name;
	values[ACCEPT_VERSION] = operation->version;
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
	/* Mostly it is the user by name. */
	values[ACCEPT_SESSION] =
		text_equal(request->user_key, request->user) ? NULL : request->user_key.ptr;
	return acceptance;
}

/* Without a sign: it is read back. */
static int64_t accept_mark(struct random *random)
{
	return (int64_t)(random_next(random) & INT32_MAX);
}

void *accept_new(const struct command *command, struct job_ids *const *ids, struct random *random)
{
	struct acceptance *acceptance = accept_begin_new(command, ids);
	struct request *request = command->request;
	unsigned ordered_by = command->operation->ordered_by;

	acceptance->count = 1;
	acceptance->values[ACCEPT_ORDER_KEY] = ordered_by ? command->values[ordered_by - 1] : NULL;
	acceptance->values[ACCEPT_MARK] = accept_number(request, accept_mark(random));
	job_row_write_parameters(&request->out, command->operation, command->values);
	acceptance->values[ACCEPT_PARAMETERS] = accept_keep(request);
	return acceptance;
}

void *accept_array_new(const struct command *command, struct job_ids *const *ids,
		       const char *const *const *elements, unsigned count, struct random *random)
{
	struct acceptance *acceptance = accept_begin_new(command, ids);
	struct request *request = command->request;
	unsigned ordered_by = command->operation->ordered_by;
	struct buf array, row;

	acceptance->count = count;
	acceptance->values[ACCEPT_ORDER_KEY] =
		ordered_by ? command->operation->parameters[ordered_by - 1].name : NULL;
	buf_init(&array);
	buf_init(&row);
	array_begin(&array);
	for (unsigned i = 0; i < count; i++)
		array_add_int(&array, accept_mark(random));
	acceptance->values[ACCEPT_MARK] = accept_keep_array(request, &array);
	array_begin(&array);
	for (unsigned i = 0; i < count; i++) {
		buf_clear(&row);
		job_row_write_parameters(&row, command->operation, elements[i]);
		array_add_text(&array, (struct text){ row.ptr, row.len });
	}
	acceptance->values[ACCEPT_PARAMETERS] = accept_keep_array(request, &array);
	buf_fini(&row);
	buf_fini(&array);
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

static void accept_array_fill(struct command *command, struct call *call)
{
	const struct acceptance *acceptance = command->subject;

	accept_fill(command, call);
	call->statement = &accept_array_statement;
	call->rows_max = acceptance->count;
	call->bytes_max = 0; /* rows of ours, each of a few hundred bytes */
	call->transaction = TRANSACTION_OWN;
}

static void accept_array_begin(struct command *command)
{
	buf_literal(&command->request->out, JOBS_DOCUMENT_BEGINS);
}

static void accept_begin(struct command *command)
{
	buf_literal(&command->request->out, JOB_DOCUMENT_BEGINS);
}

/* {"n":7,"due_s":0,"mark":1, before the members that the client sees. */
static struct text accept_take(struct text row, struct job_number *number, int64_t *due_s)
{
	int64_t mark;
	bool good = job_document_take(&row, "{\"n\":", &number->n) &&
		    job_document_take(&row, "\"due_s\":", due_s) &&
		    job_document_take(&row, "\"mark\":", &mark);

	assert(good);
	number->mark = (int32_t)mark;
	return row;
}

#define ACCEPT_CREATED_AT "\"created_at\":\""
#define ACCEPT_DUE_AT_ONCE ",\"run_at\":null}"

/* "created_at":"…","run_at":…}, where null is the same moment. */
static void accept_write_times(struct buf *out, struct text times)
{
	const size_t at = strlen(ACCEPT_CREATED_AT), end = strlen(ACCEPT_DUE_AT_ONCE);

	if (times.len < at + end ||
	    memcmp(times.ptr + times.len - end, ACCEPT_DUE_AT_ONCE, end) != 0) {
		buf_text(out, times);
		return;
	}
	times.len -= end;
	buf_text(out, times);
	buf_literal(out, ",\"run_at\":\"");
	buf_add(out, times.ptr + at, times.len - at);
	buf_byte(out, '}');
}

/* A new job as it is shown: its row, and before the times that are left of that what it does not
 * have. */
static void accept_write(struct buf *out, const struct command *command, struct job_number number,
			 int64_t due_s, struct text times)
{
	const struct acceptance *acceptance = command->subject;
	char id[JOB_ID_CHARS + 1];

	job_id_write(*acceptance->ids, number, id);
	buf_literal(out, JOB_ROW_BEGINS);
	buf_string(out, id);
	buf_literal(out, "\",\"command\":\"");
	buf_string(out, command->operation->name);
	buf_literal(out, "\",\"state\":\"");
	buf_string(out, due_s ? "scheduled" : "queued");
	buf_literal(out, "\",\"attempts\":0,\"attempts_max\":");
	buf_string(out, acceptance->values[ACCEPT_ATTEMPTS_MAX]);
	buf_byte(out, ',');
	accept_write_times(out, times);
}

static enum command_end accept_tell(struct command *command)
{
	struct request *request = command->request;
	const size_t begins = strlen(JOB_DOCUMENT_BEGINS);
	struct job_number number;
	struct text times;
	int64_t due_s;

	assert(command->call.rows == 1);
	times = accept_take((struct text){ request->out.ptr + begins, request->out.len - begins },
			    &number, &due_s);
	times = arena_text(&request->arena, times);
	request->retry_after_us = due_s * US_PER_S;
	buf_clear(&request->out);
	buf_literal(&request->out, JOB_DOCUMENT_BEGINS);
	accept_write(&request->out, command, number, due_s, times);
	return COMMAND_COMMITTED;
}

/* The next row of several, without what is between them; its strings hold no brace. */
static struct text accept_next_row(struct text *rows)
{
	const char *end = memchr(rows->ptr, '}', rows->len);
	struct text row;

	assert(end);
	row = (struct text){ rows->ptr, (size_t)(end - rows->ptr) + 1 };
	rows->ptr += row.len;
	rows->len -= row.len;
	if (rows->len) {
		rows->ptr++;
		rows->len--;
	}
	return row;
}

static enum command_end accept_array_tell(struct command *command)
{
	const struct acceptance *acceptance = command->subject;
	struct request *request = command->request;
	const size_t begins = strlen(JOBS_DOCUMENT_BEGINS);
	struct text rows = arena_text(&request->arena, (struct text){ request->out.ptr + begins,
								      request->out.len - begins });

	assert(command->call.rows == acceptance->count);
	buf_clear(&request->out);
	buf_literal(&request->out, JOBS_DOCUMENT_BEGINS);
	for (unsigned i = 0; i < acceptance->count; i++) {
		struct job_number number;
		struct text row = accept_next_row(&rows);
		int64_t due_s;

		row = accept_take(row, &number, &due_s);
		request->retry_after_us = due_s * US_PER_S;
		if (i)
			buf_byte(&request->out, ',');
		accept_write(&request->out, command, number, due_s, row);
	}
	buf_byte(&request->out, ']');
	return COMMAND_COMMITTED;
}

const struct command_form accept_array_form = {
	.fill = accept_array_fill,
	.begin = accept_array_begin,
	.tell = accept_array_tell,
	.explain = job_statement_explain,
};

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
	static const char several[] = JOBS_DOCUMENT_BEGINS JOB_ROW_BEGINS;
	const size_t at = sizeof(begins) - 1;

	if (request->out.len >= sizeof(several) &&
	    memcmp(request->out.ptr, several, sizeof(several) - 1) == 0)
		request->status = 202;
	if (request->out.len < at + JOB_ID_CHARS || memcmp(request->out.ptr, begins, at) != 0)
		return;
	request->job =
		arena_text(&request->arena, (struct text){ request->out.ptr + at, JOB_ID_CHARS });
	request->status = 202;
}
