/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Of each operation: a path, with a call for each way to ask, and the schemas NAME.row and
 * NAME.parameters that these refer to. Operations come in the order of their names, and all within
 * them in a fixed order.
 */
#include "catalog/openapi/openapi.h"

#include "base/hash.h"
#include "catalog/openapi/parts.h"
#include "catalog/openapi/problems.h"
#include "catalog/openapi/proof.h"
#include "catalog/openapi/responses.h"
#include "catalog/openapi/schema.h"

#include <stdio.h>
#include <string.h>

#define OPENAPI_REF_BYTES 300

struct document_writer {
	struct writer writer;
	const struct openapi_item *items; /* [count] */
	unsigned count;
	bool has_jobs;
};

static bool openapi_is_internal(const struct operation *operation)
{
	return operation->access == ACCESS_INTERNAL;
}

/* Set from outside, and in the statement; false: :request_user. */
static bool openapi_is_asked(const struct parameter *parameter)
{
	return !parameter->is_request_user;
}

static bool openapi_is_required(const struct parameter *parameter)
{
	return openapi_is_asked(parameter) && !parameter->optional && !parameter->default_value.ptr;
}

static bool openapi_has_required(const struct operation *operation)
{
	for (unsigned i = 0; i < operation->parameters_count; i++)
		if (openapi_is_required(&operation->parameters[i]))
			return true;
	return false;
}

/* --- parameters ------------------------------------------------------------------------------- */

/* The type of $N. The statement of a @lookup has an array of keys, the client gives one. */
static int64_t openapi_param_type(const struct openapi_item *item, unsigned param)
{
	const struct json *oids = json_get(item->facts->json, "params"), *it, *type;
	unsigned before = param;
	int64_t oid, element;

	if (!oids || json_kind(oids) != JSON_ARRAY)
		return 0;
	for (it = json_first(oids); it && before > 0; before--)
		it = json_next(it);
	oid = facts_number(it);
	type = facts_type(item->facts, oid);
	element = type ? facts_number(json_get(type, "element")) : 0;
	return item->operation->statement->lookup == param + 1 && element ? element : oid;
}

static void openapi_param_schema(struct writer *writer, const char *key,
				 const struct openapi_item *item, unsigned param, enum way way)
{
	const struct parameter *parameter = &item->operation->parameters[param];

	writer_object(writer, key);
	schema_write(writer, item->facts,
		     &(struct schema_of){
			     .oid = openapi_param_type(item, param),
			     .side = SCHEMA_IN,
			     .nullable = way == WAY_POST && parameter->optional,
			     .description = way == WAY_POST ? parameter->description : NULL,
			     .default_value = parameter->default_value,
		     });
	writer_end(writer);
}

/* Of one parameter, or, with NULL, of all in a body. */
static void openapi_example(struct writer *writer, const struct operation *operation,
			    const char *param)
{
	struct json_error error;
	const struct json *value;
	struct json *json;

	if (!operation->example.ptr)
		return;
	json = json_read(operation->example, &error);
	value = json && param ? json_get(json, param) : json;
	if (value && (!param || json_kind(value) != JSON_NULL))
		writer_json(writer, "example", value);
	if (json)
		json_free(json);
}

static void openapi_query_param(struct writer *writer, const struct openapi_item *item,
				unsigned param)
{
	const struct parameter *parameter = &item->operation->parameters[param];

	writer_object(writer, NULL);
	writer_string(writer, "name", parameter->name);
	writer_string(writer, "in", "query");
	if (openapi_is_required(parameter))
		writer_bool(writer, "required", true);
	if (*parameter->description)
		writer_string(writer, "description", parameter->description);
	if (schema_is_json_text(item->facts, openapi_param_type(item, param))) {
		writer_object(writer, "content");
		writer_object(writer, "application/json");
		openapi_param_schema(writer, "schema", item, param, WAY_GET);
		openapi_example(writer, item->operation, parameter->name);
		writer_end(writer);
		writer_end(writer);
	} else {
		openapi_param_schema(writer, "schema", item, param, WAY_GET);
		openapi_example(writer, item->operation, parameter->name);
	}
	writer_end(writer);
}

static void openapi_headers_in(struct writer *writer, const struct operation *operation,
			       enum way way)
{
	bool is_query = operation->kind == REQUEST_QUERY;

	writer_ref(writer, NULL, "parameters", "User", "");
	if (is_query)
		writer_ref(writer, NULL, "parameters", "Consistency", "");
	writer_ref(writer, NULL, "parameters", "Consistency-Token", "");
	if (!is_query && operation->idempotency != IDEMPOTENCY_NONE)
		writer_ref(writer, NULL, "parameters", "Idempotency-Key",
			   operation->idempotency == IDEMPOTENCY_REQUIRED ? "-Required" : "");
	writer_ref(writer, NULL, "parameters", "Prefer", is_query ? "-Query" : "-Command");
	writer_ref(writer, NULL, "parameters", "Priority", "");
	writer_ref(writer, NULL, "parameters", "Request-Timeout", "");
	if (is_query && operation->cache_us)
		writer_ref(writer, NULL, "parameters", "Cache-Control", "");
	if (is_query && way == WAY_GET)
		writer_ref(writer, NULL, "parameters", "If-None-Match", "");
	writer_ref(writer, NULL, "parameters", "X-Request-Id", "");
	writer_ref(writer, NULL, "parameters", "traceparent", "");
}

static void openapi_parameters(struct writer *writer, const struct openapi_item *item, enum way way)
{
	const struct operation *operation = item->operation;

	writer_array(writer, "parameters");
	for (unsigned i = 0; way == WAY_GET && i < operation->parameters_count; i++)
		if (openapi_is_asked(&operation->parameters[i]))
			openapi_query_param(writer, item, i);
	openapi_headers_in(writer, operation, way);
	writer_end(writer);
}

static void openapi_body(struct writer *writer, const struct operation *operation)
{
	bool takes_array = operation_may_be_job(operation) && operation->batch_max;

	writer_object(writer, "requestBody");
	writer_bool(writer, "required",
		    operation->kind == REQUEST_COMMAND || openapi_has_required(operation));
	writer_object(writer, "content");
	writer_object(writer, "application/json");
	if (takes_array) {
		writer_object(writer, "schema");
		writer_array(writer, "oneOf");
		writer_ref(writer, NULL, "schemas", operation->name, ".parameters");
		writer_object(writer, NULL);
		writer_string(writer, "type", "array");
		writer_number(writer, "minItems", 1);
		writer_number(writer, "maxItems", operation->batch_max);
		writer_ref(writer, "items", "schemas", operation->name, ".parameters");
		writer_end(writer);
		writer_end(writer);
		writer_end(writer);
	} else {
		writer_ref(writer, "schema", "schemas", operation->name, ".parameters");
	}
	openapi_example(writer, operation, NULL);
	writer_end(writer);
	writer_end(writer);
	writer_end(writer);
}

/* --- operations ------------------------------------------------------------------------------- */

static void openapi_security(struct writer *writer, const struct operation *operation)
{
	writer_array(writer, "security");
	if (operation->access != ACCESS_PRINCIPALS) {
		writer_object(writer, NULL);
		writer_end(writer);
	}
	for (unsigned i = 0; i < operation->roles_count; i++) {
		writer_object(writer, NULL);
		writer_array(writer, "Bearer");
		writer_text(writer, NULL, operation->roles[i]);
		writer_end(writer);
		writer_end(writer);
	}
	if (!operation->roles_count && !openapi_is_internal(operation)) {
		writer_object(writer, NULL);
		writer_array(writer, "Bearer");
		writer_end(writer);
		writer_end(writer);
	}
	writer_end(writer);
}

/* And what to call instead. */
static void openapi_description(struct writer *writer, const struct operation *operation)
{
	const struct deprecated *deprecated = &operation->deprecated;
	struct buf text;

	buf_init(&text);
	buf_string(&text, operation->description);
	if (deprecated->day)
		buf_printf(&text, "%sDeprecated from %s on", text.len ? "\n\n" : "",
			   deprecated->day);
	if (deprecated->successor.ptr)
		buf_printf(&text, ": call `%.*s` instead", (int)deprecated->successor.len,
			   deprecated->successor.ptr);
	if (deprecated->day)
		buf_byte(&text, '.');
	if (text.len)
		writer_text(writer, "description", (struct text){ text.ptr, text.len });
	buf_fini(&text);
}

/* The first line, without its full stop; the name where there is none. */
static void openapi_summary(struct writer *writer, const struct operation *operation)
{
	const char *text = operation->description;
	size_t len = strcspn(text, "\n");

	if (len && text[len - 1] == '.')
		len--;
	if (len)
		writer_text(writer, "summary", (struct text){ text, len });
	else
		writer_string(writer, "summary", operation->name);
	openapi_description(writer, operation);
}

static void openapi_call(struct writer *writer, const struct openapi_item *item, enum way way)
{
	const struct operation *operation = item->operation;
	bool is_query = operation->kind == REQUEST_QUERY;
	char id[OPENAPI_REF_BYTES];

	/* No name of an operation has a hyphen. */
	snprintf(id, sizeof(id), "%s%s", operation->name,
		 is_query && way == WAY_POST ? "-post" : "");
	writer_object(writer, way == WAY_GET ? "get" : "post");
	writer_string(writer, "operationId", id);
	writer_array(writer, "tags");
	writer_string(writer, NULL, is_query ? "queries" : "commands");
	writer_end(writer);
	openapi_summary(writer, operation);
	if (operation->deprecated.day)
		writer_bool(writer, "deprecated", true);
	if (openapi_is_internal(operation))
		writer_bool(writer, "x-internal", true);
	/* Where it is only allowed, the client asks for the 202. */
	if (!is_query && operation->async == ASYNC_ALWAYS)
		writer_string(writer, "x-async", "always");
	openapi_security(writer, operation);
	openapi_parameters(writer, item, way);
	if (way == WAY_POST)
		openapi_body(writer, operation);
	responses_write(writer, operation, way);
	writer_end(writer);
}

static void openapi_path(struct writer *writer, const struct openapi_item *item)
{
	bool is_query = item->operation->kind == REQUEST_QUERY;
	char path[OPENAPI_REF_BYTES];

	snprintf(path, sizeof(path), "/v1/%s/%s", is_query ? "queries" : "commands",
		 item->operation->name);
	writer_object(writer, path);
	if (is_query)
		openapi_call(writer, item, WAY_GET);
	openapi_call(writer, item, WAY_POST);
	writer_end(writer);
}

/* --- schemas ---------------------------------------------------------------------------------- */

static void openapi_parameters_schema(struct writer *writer, const struct openapi_item *item)
{
	const struct operation *operation = item->operation;
	char name[OPENAPI_REF_BYTES];

	snprintf(name, sizeof(name), "%s.parameters", operation->name);
	writer_object(writer, name);
	writer_string(writer, "type", "object");
	writer_object(writer, "properties");
	for (unsigned i = 0; i < operation->parameters_count; i++)
		if (openapi_is_asked(&operation->parameters[i]))
			openapi_param_schema(writer, operation->parameters[i].name, item, i,
					     WAY_POST);
	writer_end(writer);
	if (openapi_has_required(operation)) {
		writer_array(writer, "required");
		for (unsigned i = 0; i < operation->parameters_count; i++)
			if (openapi_is_required(&operation->parameters[i]))
				writer_string(writer, NULL, operation->parameters[i].name);
		writer_end(writer);
	}
	writer_bool(writer, "additionalProperties", false);
	writer_end(writer);
}

/* Which parameters cannot bind NULL. */
static void openapi_bound(const struct operation *operation, bool params[PARAMS_MAX])
{
	for (unsigned i = 0; i < operation->parameters_count && i < PARAMS_MAX; i++) {
		const struct parameter *parameter = &operation->parameters[i];

		params[i] = openapi_is_asked(parameter) && !parameter->optional;
	}
}

/* Proved, or said by the author. */
static bool openapi_is_not_null(const struct openapi_item *item, unsigned column)
{
	const struct operation *operation = item->operation;
	bool params[PARAMS_MAX] = { false };

	for (unsigned i = 0; i < operation->not_null_count; i++)
		if (text_equal(operation->not_null[i].name, proof_column_name(item->facts, column)))
			return true;
	openapi_bound(item->operation, params);
	return proof_is_not_null(item->facts, params, item->operation->parameters_count, column);
}

static void openapi_row_schema(struct writer *writer, const struct openapi_item *item)
{
	const struct json *oids = json_get(item->facts->json, "columns");
	const struct json *oid = oids ? json_first(oids) : NULL;
	unsigned columns = proof_columns(item->facts);
	char name[OPENAPI_REF_BYTES];

	snprintf(name, sizeof(name), "%s.row", item->operation->name);
	writer_object(writer, name);
	writer_string(writer, "type", "object");
	writer_object(writer, "properties");
	for (unsigned i = 0; i < columns; i++, oid = oid ? json_next(oid) : NULL) {
		writer_key(writer, proof_column_name(item->facts, i));
		writer_object(writer, NULL);
		schema_write(writer, item->facts,
			     &(struct schema_of){
				     .oid = facts_number(oid),
				     .side = SCHEMA_OUT,
				     .nullable = !openapi_is_not_null(item, i),
				     .int8_as_text = item->operation->statement->int8_as_text,
			     });
		writer_end(writer);
	}
	writer_end(writer);
	if (columns) {
		writer_array(writer, "required");
		for (unsigned i = 0; i < columns; i++)
			writer_text(writer, NULL, proof_column_name(item->facts, i));
		writer_end(writer);
	}
	writer_end(writer);
}

static void openapi_problems(struct document_writer *document)
{
	struct problem_responses responses = { .count = 0 };

	for (unsigned i = 0; i < document->count; i++) {
		const struct operation *operation = document->items[i].operation;

		problems_collect(&responses, operation, true);
		if (operation->kind == REQUEST_QUERY)
			problems_collect(&responses, operation, false);
	}
	problems_write_responses(&document->writer, &responses);
}

static void openapi_components(struct document_writer *document, const char *user_header)
{
	struct writer *writer = &document->writer;

	writer_object(writer, "components");
	writer_object(writer, "schemas");
	parts_write_schemas(writer, document->has_jobs);
	for (unsigned i = 0; i < document->count; i++) {
		openapi_parameters_schema(writer, &document->items[i]);
		if (document->items[i].operation->rows != ROWS_EXEC)
			openapi_row_schema(writer, &document->items[i]);
	}
	writer_end(writer);
	writer_object(writer, "responses");
	parts_write_responses(writer);
	openapi_problems(document);
	writer_end(writer);
	parts_write(writer, user_header);
	writer_end(writer);
}

/* --- the whole -------------------------------------------------------------------------------- */

/* Of the operations' texts: another catalog has another version. */
static void openapi_info(struct document_writer *document)
{
	struct writer *writer = &document->writer;
	uint64_t hash = 0;
	char version[20];

	for (unsigned i = 0; i < document->count; i++) {
		const struct operation *operation = document->items[i].operation;

		hash = hash_bytes(operation->name, strlen(operation->name), hash);
		hash = hash_bytes(operation->version, strlen(operation->version), hash);
	}
	snprintf(version, sizeof(version), "%016llx", (unsigned long long)hash);
	writer_object(writer, "info");
	writer_string(writer, "title", "Commands and queries");
	writer_string(writer, "version", version);
	writer_string(
		writer, "description",
		"Queries may be asked by `GET`, by `POST`, and by `QUERY` with the body of the "
		"`POST`, which OpenAPI 3.1 has no place for. `HEAD` is as `GET`.");
	/* That of the operations is their author's, who has no place to name it. */
	writer_object(writer, "license");
	writer_string(writer, "name", "Not stated");
	writer_string(writer, "identifier", "LicenseRef-not-stated");
	writer_end(writer);
	writer_end(writer);
}

static void openapi_tag(struct writer *writer, const char *name, const char *description)
{
	writer_object(writer, NULL);
	writer_string(writer, "name", name);
	writer_string(writer, "description", description);
	writer_end(writer);
}

void openapi_write(struct buf *out, const struct openapi_item *items, unsigned count,
		   const char *user_header)
{
	struct document_writer document = { .items = items, .count = count };
	struct writer *writer = &document.writer;

	writer_init(writer, out);
	for (unsigned i = 0; i < count; i++)
		document.has_jobs = document.has_jobs || operation_may_be_job(items[i].operation);
	writer_object(writer, NULL);
	writer_string(writer, "openapi", "3.1.0");
	openapi_info(&document);
	writer_array(writer, "servers");
	writer_object(writer, NULL);
	writer_string(writer, "url", "/");
	writer_end(writer);
	writer_end(writer);
	writer_array(writer, "tags");
	openapi_tag(writer, "queries", "They read: from replicas, or from the primary.");
	openapi_tag(writer, "commands", "They write, on the primary.");
	if (document.has_jobs)
		openapi_tag(writer, "jobs", "Commands that were accepted, to be run later.");
	openapi_tag(writer, "document", "What may be called.");
	writer_end(writer);
	writer_object(writer, "paths");
	for (unsigned i = 0; i < count; i++)
		openapi_path(writer, &items[i]);
	parts_write_paths(writer, document.has_jobs);
	writer_end(writer);
	openapi_components(&document, user_header);
	writer_end(writer);
	buf_byte(out, '\n');
}
