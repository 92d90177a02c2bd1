/* SPDX-License-Identifier: Apache-2.0 */
/* Members of RFC 9457 and of ours, one table of texts for writing and taking. */
#include "write/jobs/job_problem.h"

#include "pg/sqlstate.h"

#include <stddef.h>
#include <string.h>

static const struct {
	const char *key;
	size_t at; /* of a const char * in struct request */
} job_problem_texts[] = {
	{ "detail", offsetof(struct request, detail) },
	{ "sqlstate", offsetof(struct request, sqlstate) },
	{ "constraint", offsetof(struct request, constraint) },
	{ "column", offsetof(struct request, column) },
	{ "db_detail", offsetof(struct request, db_detail) },
	{ "hint", offsetof(struct request, hint) },
};

#define PROBLEM_TEXTS (sizeof(job_problem_texts) / sizeof(job_problem_texts[0]))

static void job_problem_member(struct buf *out, const char *key, const char *string)
{
	buf_printf(out, ",\"%s\":", key);
	buf_json_string(out, string, strlen(string));
}

static void job_problem_errors(struct buf *out, const struct request *request)
{
	if (!request->errors_count)
		return;
	buf_literal(out, ",\"errors\":[");
	for (size_t i = 0; i < request->errors_count; i++) {
		buf_string(out, i ? ",{\"param\":" : "{\"param\":");
		buf_json_string(out, request->errors[i].param, strlen(request->errors[i].param));
		job_problem_member(out, "detail", request->errors[i].detail);
		buf_byte(out, '}');
	}
	buf_byte(out, ']');
}

static void job_problem_write(struct buf *out, const struct request *request)
{
	const struct outcome_row *row = outcome_row(request->outcome);

	buf_printf(out, "{\"type\":\"" PROBLEM_TYPE "#%s\"", row->code);
	job_problem_member(out, "title", row->title);
	buf_printf(out, ",\"status\":%u", request->status ? request->status : row->status);
	job_problem_member(out, "code", row->code);
	buf_printf(out, ",\"retryable\":%s", row->retryable ? "true" : "false");
	for (size_t i = 0; i < PROBLEM_TEXTS; i++) {
		const char *text =
			*(const char *const *)((const char *)request + job_problem_texts[i].at);

		if (text)
			job_problem_member(out, job_problem_texts[i].key, text);
	}
	job_problem_errors(out, request);
	buf_byte(out, '}');
}

void job_problem_of_error(struct buf *out, struct loop *loop, const struct operation *operation,
			  const struct call *call)
{
	struct request *request = request_new(loop);
	unsigned param = call->error.param;
	struct text name = { 0 };

	if (param && param <= operation->parameters_count)
		name = text_of(operation->parameters[param - 1].name);
	request->operation_name = operation->name;
	sqlstate_explain(request, call, true, name);
	job_problem_write(out, request);
	request_free(request);
}

void job_problem_of_outcome(struct buf *out, enum outcome outcome, const char *detail)
{
	const struct request request = { .outcome = outcome, .detail = detail };

	job_problem_write(out, &request);
}

/* --- taken ------------------------------------------------------------------------------------ */

/* Of a program that knew other codes: its status says as much. */
static enum outcome job_problem_outcome(struct text code)
{
	for (unsigned i = OUTCOME_OK + 1; i < OUTCOME_COUNT; i++)
		if (text_is(code, outcome_row((enum outcome)i)->code))
			return (enum outcome)i;
	return OUTCOME_QUERY_FAILED;
}

static struct text job_problem_text(const struct json *problem, const char *key)
{
	const struct json *member = json_get(problem, key);

	return member && json_kind(member) == JSON_STRING ? json_text(member)
							  : (struct text){ NULL, 0 };
}

static unsigned job_problem_status(const struct json *problem)
{
	const struct json *member = json_get(problem, "status");
	struct text digits = member ? json_source(member) : (struct text){ NULL, 0 };
	unsigned status = 0;

	for (size_t i = 0; i < digits.len && i < 3 && byte_is_digit(digits.ptr[i]); i++)
		status = status * 10 + (unsigned)(digits.ptr[i] - '0');
	return status;
}

static void job_problem_take_errors(struct request *request, const struct json *problem)
{
	const struct json *errors = json_get(problem, "errors");

	if (!errors || json_kind(errors) != JSON_ARRAY)
		return;
	for (const struct json *it = json_first(errors); it; it = json_next(it)) {
		struct text detail = job_problem_text(it, "detail");

		request_param_error(request, job_problem_text(it, "param"), "%.*s", (int)detail.len,
				    detail.ptr);
	}
}

void job_problem_take(struct request *request, const struct json *problem)
{
	request_fail(request, job_problem_outcome(job_problem_text(problem, "code")), "%s", "");
	request->detail = NULL;
	request->status = job_problem_status(problem);
	for (size_t i = 0; i < PROBLEM_TEXTS; i++) {
		struct text text = job_problem_text(problem, job_problem_texts[i].key);
		const char **to = (const char **)((char *)request + job_problem_texts[i].at);

		if (text.ptr)
			*to = arena_copy(&request->arena, text.ptr, text.len);
	}
	job_problem_take_errors(request, problem);
}
