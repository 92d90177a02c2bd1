/* SPDX-License-Identifier: Apache-2.0 */
/* The result keeps its bytes: it is not read. */
#include "write/jobs/job_reply.h"

#include "base/json.h"
#include "write/jobs/job_problem.h"

#include <assert.h>
#include <string.h>

#define REPLY_RESULT ",\"result\":"

/* Takes the result off the row's end. No text within JSON holds what is before it. */
static struct text job_reply_result(struct text *row)
{
	const char *at = memmem(row->ptr, row->len, REPLY_RESULT, strlen(REPLY_RESULT));
	struct text result;

	assert(at);
	result.ptr = at + strlen(REPLY_RESULT);
	result.len = (size_t)(row->ptr + row->len - result.ptr) - 1;
	row->len = (size_t)(at - row->ptr);
	return result;
}

static enum job_reply job_reply_problem(struct request *request, struct text row)
{
	const char *text = arena_printf(&request->arena, "{%.*s}", (int)row.len, row.ptr);
	struct json_error error;
	struct json *json = json_read(text_of(text), &error);
	const struct json *problem = json ? json_get(json, "problem") : NULL;

	assert(json);
	if (problem && json_kind(problem) == JSON_OBJECT)
		job_problem_take(request, problem);
	else
		problem = NULL;
	json_free(json);
	return problem ? JOB_REPLY_PROBLEM : JOB_REPLY_NEVER_RAN;
}

enum job_reply job_reply_take(struct request *request, struct text row)
{
	struct text result = job_reply_result(&row);

	if (text_is(result, "null"))
		return job_reply_problem(request, row);
	buf_clear(&request->out);
	buf_add(&request->out, result.ptr, result.len - 1);
	return JOB_REPLY_DONE;
}
