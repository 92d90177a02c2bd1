/* SPDX-License-Identifier: Apache-2.0 */
/* JSON of strings and nulls, written and read. */
#include "write/jobs/job_row.h"

#include "base/json.h"
#include "pg/call.h"

#include <string.h>

static void job_row_string(struct buf *out, const char *string)
{
	if (string)
		buf_json_string(out, string, strlen(string));
	else
		buf_literal(out, "null");
}

void job_row_write_parameters(struct buf *out, const struct operation *operation,
			      const char *const *values)
{
	buf_byte(out, '{');
	for (unsigned i = 0; i < operation->parameters_count; i++) {
		if (i)
			buf_byte(out, ',');
		job_row_string(out, operation->parameters[i].name);
		buf_byte(out, ':');
		job_row_string(out, values[i]);
	}
	buf_byte(out, '}');
}

void job_row_write_claims(struct buf *out, const char *const *claims)
{
	for (unsigned i = 0; i < CLAIMS_VALUES; i++) {
		buf_byte(out, i ? ',' : '[');
		job_row_string(out, claims[i]);
	}
	buf_byte(out, ']');
}

const char *job_row_caller(struct arena *arena, const struct principal *principal)
{
	if (principal->kind == PRINCIPAL_KEY)
		return arena_printf(arena, "key:%.*s", (int)principal->subject.len,
				    principal->subject.ptr);
	return principal->id.ptr;
}

/* --- read ------------------------------------------------------------------------------------- */

static const struct parameter *job_row_parameter(const struct operation *operation,
						 struct text name)
{
	for (unsigned i = 0; i < operation->parameters_count; i++)
		if (text_is(name, operation->parameters[i].name))
			return &operation->parameters[i];
	return NULL;
}

/* Which of those that were accepted has no place in the operation? */
static enum job_row_values job_row_take(struct arena *arena, const struct operation *operation,
					const struct json *json, const char **values, bool *given,
					const char **name)
{
	for (const struct json *it = json_first(json); it; it = json_next(it)) {
		const struct parameter *parameter = job_row_parameter(operation, json_key(it));
		struct text value;

		if (!parameter) {
			*name = arena_text(arena, json_key(it)).ptr;
			return JOB_ROW_UNKNOWN;
		}
		given[parameter - operation->parameters] = true;
		if (json_kind(it) == JSON_NULL)
			continue;
		if (json_kind(it) != JSON_STRING)
			return JOB_ROW_BROKEN;
		value = json_text(it);
		values[parameter - operation->parameters] = arena_copy(arena, value.ptr, value.len);
	}
	return JOB_ROW_READ;
}

/* Those that the operation did not have when the job was accepted. */
static enum job_row_values job_row_complete(const struct operation *operation, const char **values,
					    const bool *given, const char **name)
{
	for (unsigned i = 0; i < operation->parameters_count; i++) {
		const struct parameter *parameter = &operation->parameters[i];

		if (given[i])
			continue;
		values[i] = parameter->default_value.ptr;
		if (values[i] || parameter->optional || parameter->is_request_user)
			continue;
		*name = parameter->name;
		return JOB_ROW_MISSING;
	}
	return JOB_ROW_READ;
}

enum job_row_values job_row_read(struct arena *arena, const struct operation *operation,
				 struct text parameters, const char *const **values,
				 const char **name)
{
	unsigned count = operation->parameters_count;
	const char **read = arena_zero(arena, count + 1, sizeof(*read));
	bool *given = arena_zero(arena, count + 1, sizeof(*given));
	struct json_error error;
	struct json *json = json_read(parameters, &error);
	enum job_row_values end = JOB_ROW_BROKEN;

	*name = NULL;
	*values = read;
	if (!json)
		return JOB_ROW_BROKEN;
	if (json_kind(json) == JSON_OBJECT)
		end = job_row_take(arena, operation, json, read, given, name);
	json_free(json);
	return end == JOB_ROW_READ ? job_row_complete(operation, read, given, name) : end;
}
