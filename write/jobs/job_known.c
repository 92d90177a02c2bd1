/* SPDX-License-Identifier: Apache-2.0 */
/* Names of a catalog hold no character that JSON would escape. */
#include "write/jobs/job_known.h"

static bool known_needs(const struct parameter *parameter)
{
	return !parameter->optional && !parameter->default_value.ptr && !parameter->is_request_user;
}

static void known_names(struct buf *out, const struct operation *operation, bool needed)
{
	const char *separator = "";

	for (unsigned i = 0; i < operation->parameters_count; i++) {
		if (needed && !known_needs(&operation->parameters[i]))
			continue;
		buf_printf(out, "%s\"%s\"", separator, operation->parameters[i].name);
		separator = ",";
	}
}

void job_known_write(struct buf *out, const struct catalog *catalog)
{
	const char *separator = "";

	buf_byte(out, '{');
	for (unsigned i = 0; i < catalog->count; i++) {
		const struct operation *operation = &catalog->operations[i];

		if (!operation_is_job(operation))
			continue;
		buf_printf(out, "%s\"%s\":{\"takes\":[", separator, operation->name);
		known_names(out, operation, false);
		buf_literal(out, "],\"needs\":[");
		known_names(out, operation, true);
		buf_literal(out, "]}");
		separator = ",";
	}
	buf_byte(out, '}');
}
