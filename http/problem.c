/* SPDX-License-Identifier: Apache-2.0 */
/* Writes a problem document member by member; what is not known is left out. */
#include "http/problem.h"

#include "base/limits.h"

#include <assert.h>
#include <string.h>

unsigned problem_status(enum outcome outcome, unsigned status)
{
	return status >= 400 && status <= 599 ? status : outcome_row(outcome)->status;
}

/* A detail never grows beyond its limit, whatever is quoted in it. */
static void problem_string(struct buf *out, const char *string)
{
	size_t len = strnlen(string, PROBLEM_DETAIL_BYTES_MAX);

	/* Not in the middle of a character. */
	if (len == PROBLEM_DETAIL_BYTES_MAX && string[len])
		while (len && ((unsigned char)string[len] & 0xc0) == 0x80)
			len--;
	buf_json_string(out, string, len);
}

static void problem_member(struct buf *out, const char *name, const char *value)
{
	if (!value)
		return;
	buf_literal(out, ",\"");
	buf_string(out, name);
	buf_literal(out, "\":");
	problem_string(out, value);
}

static void problem_errors(struct buf *out, const struct param_error *errors, size_t count)
{
	if (count == 0)
		return;
	buf_literal(out, ",\"errors\":[");
	for (size_t i = 0; i < count; i++) {
		if (i)
			buf_byte(out, ',');
		buf_literal(out, "{\"param\":");
		problem_string(out, errors[i].param);
		buf_literal(out, ",\"detail\":");
		problem_string(out, errors[i].detail);
		buf_byte(out, '}');
	}
	buf_byte(out, ']');
}

void problem_write(struct buf *out, const struct problem *problem)
{
	const struct outcome_row *row = outcome_row(problem->outcome);

	assert(problem->outcome != OUTCOME_OK);
	assert(problem->request_id);
	buf_literal(out, "{\"type\":\"" PROBLEM_TYPE "#");
	buf_string(out, row->code);
	buf_literal(out, "\",\"title\":");
	problem_string(out, row->title);
	buf_literal(out, ",\"status\":");
	buf_int(out, problem_status(problem->outcome, problem->status));
	problem_member(out, "detail", problem->detail);
	if (problem->instance.ptr) {
		buf_literal(out, ",\"instance\":");
		buf_json_string(out, problem->instance.ptr, problem->instance.len);
	}
	problem_member(out, "code", row->code);
	problem_member(out, "request_id", problem->request_id);
	buf_literal(out, ",\"retryable\":");
	buf_string(out, row->retryable ? "true" : "false");
	problem_errors(out, problem->errors, problem->errors_count);
	problem_member(out, "sqlstate", problem->sqlstate);
	problem_member(out, "constraint", problem->constraint);
	problem_member(out, "column", problem->column);
	problem_member(out, "db_detail", problem->db_detail);
	problem_member(out, "hint", problem->hint);
	buf_literal(out, "}");
}
