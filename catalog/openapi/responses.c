/* SPDX-License-Identifier: Apache-2.0 */
/* Objects are written in the order in which catalog/document.h and http/headers_out.h have them. */
#include "catalog/openapi/responses.h"

#include "catalog/openapi/problems.h"

bool operation_may_be_job(const struct operation *operation)
{
	return operation->kind == REQUEST_COMMAND && operation->async != ASYNC_NEVER;
}

static void response_row_ref(struct writer *writer, const char *key,
			     const struct operation *operation)
{
	writer_ref(writer, key, "schemas", operation->name, ".row");
}

static void response_data(struct writer *writer, const struct operation *operation)
{
	switch (operation->rows) {
	case ROWS_ONE:
		response_row_ref(writer, "data", operation);
		return;
	case ROWS_MAYBE:
		writer_object(writer, "data");
		writer_array(writer, "oneOf");
		response_row_ref(writer, NULL, operation);
		writer_object(writer, NULL);
		writer_string(writer, "type", "null");
		writer_end(writer);
		writer_end(writer);
		writer_end(writer);
		return;
	case ROWS_MANY:
		writer_object(writer, "data");
		writer_string(writer, "type", "array");
		if (operation->rows_max)
			writer_number(writer, "maxItems", (int64_t)operation->rows_max);
		response_row_ref(writer, "items", operation);
		writer_end(writer);
		return;
	case ROWS_EXEC:
		writer_object(writer, "data");
		writer_string(writer, "type", "null");
		writer_end(writer);
		writer_object(writer, "rows_affected");
		writer_string(writer, "type", "integer");
		writer_string(writer, "format", "int64");
		writer_string(writer, "description",
			      "Absent where PostgreSQL names no number, as for `CALL`.");
		writer_end(writer);
	}
}

static void response_reply(struct writer *writer, const struct operation *operation)
{
	writer_object(writer, "content");
	writer_object(writer, "application/json");
	writer_object(writer, "schema");
	writer_string(writer, "type", "object");
	writer_array(writer, "required");
	writer_string(writer, NULL, "data");
	if (operation->kind == REQUEST_COMMAND)
		writer_string(writer, NULL, "token");
	writer_end(writer);
	writer_object(writer, "properties");
	response_data(writer, operation);
	if (operation->kind == REQUEST_COMMAND) {
		writer_object(writer, "token");
		writer_string(writer, "type", "string");
		writer_string(writer, "description", "The same as `Consistency-Token`.");
		writer_end(writer);
	}
	writer_end(writer);
	writer_end(writer);
	writer_end(writer);
	writer_end(writer);
}

static void response_headers(struct writer *writer, const char *const *names, size_t count)
{
	for (size_t i = 0; i < count; i++)
		writer_ref(writer, names[i], "headers", names[i], "");
}

static void response_deprecation(struct writer *writer, const struct operation *operation)
{
	static const char *const headers[] = { "Deprecation", "Sunset" };

	if (!operation->deprecated.day)
		return;
	response_headers(writer, headers, sizeof(headers) / sizeof(headers[0]));
	if (operation->deprecated.successor.ptr)
		writer_ref(writer, "Link", "headers", "Link", "");
}

static void response_headers_out(struct writer *writer, const struct operation *operation,
				 enum way way)
{
	static const char *const common[] = { "Consistency",   "Consistency-Token",
					      "Server-Timing", "X-Request-Id",
					      "Cache-Control", "RateLimit-Policy",
					      "RateLimit",     "Preference-Applied" };
	bool is_query = operation->kind == REQUEST_QUERY;

	writer_object(writer, "headers");
	response_headers(writer, common, sizeof(common) / sizeof(common[0]));
	response_deprecation(writer, operation);
	if (is_query && way == WAY_GET)
		writer_ref(writer, "ETag", "headers", "ETag", "");
	if (is_query && operation->cache_us) {
		writer_ref(writer, "Cache-Status", "headers", "Cache-Status", "");
		writer_ref(writer, "Age", "headers", "Age", "");
	}
	if (operation->tags_count) {
		const char *name = is_query ? "Cache-Groups" : "Cache-Group-Invalidation";

		writer_ref(writer, name, "headers", name, "");
	}
	if (!is_query && operation->idempotency != IDEMPOTENCY_NONE)
		writer_ref(writer, "Idempotent-Replayed", "headers", "Idempotent-Replayed", "");
	writer_end(writer);
}

static void response_accepted_schema(struct writer *writer, bool takes_array)
{
	writer_string(writer, "type", "object");
	writer_array(writer, "required");
	writer_string(writer, NULL, takes_array ? "jobs" : "job");
	writer_end(writer);
	writer_object(writer, "properties");
	if (takes_array) {
		writer_object(writer, "jobs");
		writer_string(writer, "type", "array");
		writer_ref(writer, "items", "schemas", "AcceptedJob", "");
		writer_end(writer);
	} else {
		writer_ref(writer, "job", "schemas", "AcceptedJob", "");
	}
	writer_end(writer);
}

static void response_accepted(struct writer *writer, const struct operation *operation)
{
	static const char *const headers[] = { "Location",           "Retry-After",
					       "Preference-Applied", "Idempotent-Replayed",
					       "Consistency-Token",  "X-Request-Id",
					       "Consistency",        "Server-Timing",
					       "Cache-Control",      "RateLimit-Policy",
					       "RateLimit" };

	writer_object(writer, "202");
	writer_string(writer, "description", "Accepted as a job.");
	writer_object(writer, "headers");
	response_headers(writer, headers, sizeof(headers) / sizeof(headers[0]));
	response_deprecation(writer, operation);
	writer_end(writer);
	writer_object(writer, "content");
	writer_object(writer, "application/json");
	writer_object(writer, "schema");
	if (operation->batch_max) {
		writer_array(writer, "oneOf");
		for (int i = 0; i < 2; i++) {
			writer_object(writer, NULL);
			response_accepted_schema(writer, i == 1);
			writer_end(writer);
		}
		writer_end(writer);
	} else {
		response_accepted_schema(writer, false);
	}
	for (int i = 0; i < 4; i++)
		writer_end(writer);
}

void responses_write(struct writer *writer, const struct operation *operation, enum way way)
{
	writer_object(writer, "responses");
	writer_object(writer, "200");
	writer_string(writer, "description", "It was done.");
	response_headers_out(writer, operation, way);
	response_reply(writer, operation);
	writer_end(writer);
	if (operation_may_be_job(operation))
		response_accepted(writer, operation);
	if (operation->kind == REQUEST_QUERY && way == WAY_GET) {
		writer_object(writer, "304");
		writer_string(writer, "description", "The client has this answer.");
		response_headers_out(writer, operation, way);
		writer_end(writer);
	}
	problems_write(writer, operation, way == WAY_POST);
	writer_end(writer);
}
