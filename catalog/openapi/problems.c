/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A status lists the codes that it may come with. What the application raises has the status that
 * it asks for (PT404), so that "rejected" is among the codes of all of them.
 */
#include "catalog/openapi/problems.h"

#include "base/hash.h"
#include "base/outcome.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#define PROBLEM_NAME_BYTES 32

static bool problem_has_params(const struct operation *operation, bool required)
{
	for (unsigned i = 0; i < operation->parameters_count; i++) {
		const struct parameter *parameter = &operation->parameters[i];

		if (!parameter->is_request_user && (!required || !parameter->optional))
			return true;
	}
	return false;
}

/* Which operations may be answered with an outcome. */
enum problem_of {
	OF_ALL,
	OF_NONE,
	OF_QUERIES,
	OF_COMMANDS,
	OF_BODIES,
	OF_REQUIRED_PARAMS,
	OF_PARAMS,
	OF_REQUIRED_KEYS,
	OF_KEYS,
	OF_SINGLE_ROWS,
	OF_ROWS_WANTED, /* no row, or no such job to wait for */
	OF_JOBS,
};

/* What is not named here may come of all. */
static const enum problem_of problem_of[OUTCOME_COUNT] = {
	[OUTCOME_OK] = OF_NONE,
	[OUTCOME_METHOD_NOT_ALLOWED] = OF_NONE,
	[OUTCOME_JOB_RUNNING] = OF_NONE,
	[OUTCOME_JOB_FINISHED] = OF_NONE,
	[OUTCOME_INVALID_JSON] = OF_BODIES,
	[OUTCOME_BODY_TOO_LARGE] = OF_BODIES,
	[OUTCOME_UNSUPPORTED_MEDIA_TYPE] = OF_BODIES,
	[OUTCOME_MISSING_PARAMETER] = OF_REQUIRED_PARAMS,
	[OUTCOME_INVALID_PARAMETER] = OF_PARAMS,
	[OUTCOME_IDEMPOTENCY_KEY_REQUIRED] = OF_REQUIRED_KEYS,
	[OUTCOME_IDEMPOTENCY_IN_PROGRESS] = OF_KEYS,
	[OUTCOME_IDEMPOTENCY_MISMATCH] = OF_KEYS,
	[OUTCOME_UNEXPECTED_CARDINALITY] = OF_SINGLE_ROWS,
	[OUTCOME_NOT_FOUND] = OF_ROWS_WANTED,
	[OUTCOME_JOBS_FULL] = OF_JOBS,
	[OUTCOME_QUERY_WRITES] = OF_QUERIES,
	[OUTCOME_NO_REPLICA] = OF_QUERIES,
	[OUTCOME_CONSISTENCY_TIMEOUT] = OF_QUERIES,
	[OUTCOME_UNCONFIRMED] = OF_QUERIES,
	[OUTCOME_SPILL_LIMIT] = OF_QUERIES,
	[OUTCOME_NOT_CACHED] = OF_QUERIES,
	[OUTCOME_OUTCOME_UNKNOWN] = OF_COMMANDS,
};

static bool problem_is_possible(const struct operation *operation, bool by_body,
				enum outcome outcome)
{
	bool is_query = operation->kind == REQUEST_QUERY;

	switch (problem_of[outcome]) {
	case OF_ALL:
		return true;
	case OF_NONE:
		return false;
	case OF_QUERIES:
		return is_query;
	case OF_COMMANDS:
		return !is_query;
	case OF_BODIES:
		return by_body;
	case OF_REQUIRED_PARAMS:
		return problem_has_params(operation, true);
	case OF_PARAMS:
		return problem_has_params(operation, false);
	case OF_REQUIRED_KEYS:
		return !is_query && operation->idempotency == IDEMPOTENCY_REQUIRED;
	case OF_KEYS:
		return !is_query && operation->idempotency != IDEMPOTENCY_NONE;
	case OF_SINGLE_ROWS:
		return operation->rows == ROWS_ONE || operation->rows == ROWS_MAYBE;
	case OF_ROWS_WANTED:
		return is_query || operation->rows == ROWS_ONE;
	case OF_JOBS:
		return !is_query && operation->async != ASYNC_NEVER;
	}
	return false;
}

static const struct problem_status {
	unsigned status;
	const char *key, *description;
	bool retry_after;
} problem_rows[] = {
	{ 400, "400", "The request is wrong.", false },
	{ 401, "401", "The credential is missing, or does not count.", false },
	{ 403, "403", "The caller may not do this.", false },
	{ 404, "404", "There is no such thing.", false },
	{ 409, "409", "It conflicts with what else is there.", false },
	{ 413, "413", "The body is too large.", false },
	{ 415, "415", "The body is not `application/json`.", false },
	{ 422, "422", "The database refuses a value, or the application the call.", false },
	{ 429, "429", "Too many requests.", true },
	{ 500, "500", "The operation failed.", false },
	{ 503, "503", "Not at the moment.", true },
	{ 504, "504", "Not in time.", false },
};

#define PROBLEM_ROWS (sizeof(problem_rows) / sizeof(problem_rows[0]))

static_assert(OUTCOME_COUNT <= 64, "a bit for each outcome");

/* The codes that a status of the operation may come with; 0: it does not come. */
static uint64_t problem_codes(const struct operation *operation, bool by_body, unsigned status)
{
	uint64_t codes = 0;

	for (int i = 0; i < OUTCOME_COUNT; i++)
		if (outcome_row((enum outcome)i)->status == status &&
		    problem_is_possible(operation, by_body, (enum outcome)i))
			codes |= UINT64_C(1) << i;
	return codes ? codes | UINT64_C(1) << OUTCOME_REJECTED : 0;
}

/* Of the codes' names, so that it stays when another outcome is added. */
static void problem_name(char *name, size_t room, unsigned row, uint64_t codes)
{
	uint64_t hash = 0;

	for (int i = 0; i < OUTCOME_COUNT; i++) {
		const char *code = outcome_row((enum outcome)i)->code;

		if (codes >> i & 1)
			hash = hash_bytes(code, strlen(code), hash);
	}
	snprintf(name, room, "Problem%s-%06llx", problem_rows[row].key,
		 (unsigned long long)(hash & 0xffffff));
}

/* --- what operations refer to ----------------------------------------------------------------- */

void problems_write(struct writer *writer, const struct operation *operation, bool by_body)
{
	char name[PROBLEM_NAME_BYTES], ref[PROBLEM_NAME_BYTES + 32];

	for (unsigned i = 0; i < PROBLEM_ROWS; i++) {
		uint64_t codes = problem_codes(operation, by_body, problem_rows[i].status);

		if (!codes)
			continue;
		problem_name(name, sizeof(name), i, codes);
		snprintf(ref, sizeof(ref), "#/components/responses/%s", name);
		writer_object(writer, problem_rows[i].key);
		writer_string(writer, "$ref", ref);
		writer_end(writer);
	}
	writer_object(writer, "default");
	writer_string(writer, "$ref", "#/components/responses/Problem");
	writer_end(writer);
}

/* Insertion keeps them sorted, by status and codes. */
static void problem_add(struct problem_responses *responses, unsigned row, uint64_t codes)
{
	unsigned at = responses->count;

	for (unsigned i = 0; i < responses->count; i++)
		if (responses->items[i].status == row && responses->items[i].codes == codes)
			return;
	assert(responses->count < PROBLEM_RESPONSES_MAX);
	for (; at > 0; at--) {
		const struct problem_response *before = &responses->items[at - 1];

		if (before->status < row || (before->status == row && before->codes < codes))
			break;
		responses->items[at] = *before;
	}
	responses->items[at] = (struct problem_response){ row, codes };
	responses->count++;
}

void problems_collect(struct problem_responses *responses, const struct operation *operation,
		      bool by_body)
{
	for (unsigned i = 0; i < PROBLEM_ROWS; i++) {
		uint64_t codes = problem_codes(operation, by_body, problem_rows[i].status);

		if (codes)
			problem_add(responses, i, codes);
	}
}

/* --- the responses ---------------------------------------------------------------------------- */

static void problem_schema(struct writer *writer, uint64_t codes)
{
	writer_object(writer, "content");
	writer_object(writer, "application/problem+json");
	writer_object(writer, "schema");
	writer_array(writer, "allOf");
	writer_object(writer, NULL);
	writer_string(writer, "$ref", "#/components/schemas/Problem");
	writer_end(writer);
	writer_object(writer, NULL);
	writer_string(writer, "type", "object");
	writer_object(writer, "properties");
	writer_object(writer, "code");
	writer_string(writer, "type", "string");
	writer_array(writer, "enum");
	for (int i = 0; i < OUTCOME_COUNT; i++)
		if (codes >> i & 1)
			writer_string(writer, NULL, outcome_row((enum outcome)i)->code);
	for (int i = 0; i < 8; i++)
		writer_end(writer);
}

static void problem_headers(struct writer *writer, const struct problem_status *row)
{
	/* Those of Consistency: where it was answered by a node. */
	static const char *const common[] = { "X-Request-Id",     "Cache-Control",
					      "Consistency",      "Consistency-Token",
					      "Server-Timing",    "Preference-Applied",
					      "RateLimit-Policy", "RateLimit" };

	writer_object(writer, "headers");
	for (size_t i = 0; i < sizeof(common) / sizeof(common[0]); i++)
		writer_ref(writer, common[i], "headers", common[i], "");
	if (row->retry_after)
		writer_ref(writer, "Retry-After", "headers", "Retry-After", "");
	if (row->status == 401)
		writer_ref(writer, "WWW-Authenticate", "headers", "WWW-Authenticate", "");
	writer_end(writer);
}

void problems_write_responses(struct writer *writer, const struct problem_responses *responses)
{
	char name[PROBLEM_NAME_BYTES];

	for (unsigned i = 0; i < responses->count; i++) {
		const struct problem_response *item = &responses->items[i];
		const struct problem_status *row = &problem_rows[item->status];

		problem_name(name, sizeof(name), item->status, item->codes);
		writer_object(writer, name);
		writer_string(writer, "description", row->description);
		problem_headers(writer, row);
		problem_schema(writer, item->codes);
		writer_end(writer);
	}
}
