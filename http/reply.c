/* SPDX-License-Identifier: Apache-2.0 */
/* Puts a reply together; it moves no connection. */
#include "http/reply.h"

#include "base/clock.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/repeats.h"
#include "http/audited.h"
#include "http/connection.h"
#include "http/cors.h"
#include "http/docs_page.h"
#include "http/encoding.h"
#include "http/header_lines.h"
#include "http/headers_out.h"
#include "http/pages.h"
#include "http/problem.h"
#include "http/refusal.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

static unsigned reply_status(const struct request *request)
{
	if (request->outcome != OUTCOME_OK)
		return problem_status(request->outcome, request->status);
	return request->status >= 200 && request->status <= 599 ? request->status : 200;
}

/* --- headers ---------------------------------------------------------------------------------- */

/* The headers of the request by which the reply would have been another one. */
static void reply_vary(struct header_lines *lines, const struct connection *connection)
{
	bool origins = connection->shared->settings.origins.origins_count;

	if (connection->exchange.request->kind == REQUEST_DOCUMENT)
		header_lines_add(lines, "Vary",
				 origins ? "Origin, Authorization, Accept-Encoding"
					 : "Authorization, Accept-Encoding");
	else if (encoding_varies(connection->exchange.asked))
		header_lines_add(lines, "Vary",
				 origins ? "Origin, Accept-Encoding" : "Accept-Encoding");
	else if (origins)
		header_lines_add(lines, "Vary", "Origin");
}

/* Added as itself: the library looks for it. */
static void reply_close(struct MHD_Response *response)
{
	enum MHD_Result added = MHD_add_response_header(response, "Connection", "close");

	assert(added == MHD_YES);
}

static void reply_headers(struct MHD_Response *response, const struct connection *connection,
			  unsigned status)
{
	const struct exchange *exchange = &connection->exchange;
	const struct request *request = exchange->request;
	struct header_lines *lines = &connection->shared->lines;
	const char *type = exchange->content_type ? exchange->content_type : "application/json";

	if (request->outcome != OUTCOME_OK)
		type = "application/problem+json";
	if (!exchange->asked->preflight && status != 304)
		header_lines_add(lines, "Content-Type", type);
	headers_out_of_request(lines, request, status);
	if (request->outcome == OUTCOME_METHOD_NOT_ALLOWED)
		header_lines_add(lines, "Allow",
				 exchange->asked->route.allow && !connection->shared->settings.pages
					 ? exchange->asked->route.allow
					 : pages_allow(exchange->asked->page));
	cors_reply(lines, connection);
	if (exchange->asked->route.kind == ROUTE_DOCS)
		docs_page_headers(lines);
	if (status != 304)
		encoding_headers(lines, exchange->asked);
	validator_header(&exchange->asked->validator, lines);
	reply_vary(lines, connection);
	if (request->trace.ptr)
		header_lines_add(lines, "traceparent", request->trace.ptr);
	if (exchange->asked->headers.tracestate.ptr)
		header_lines_add(lines, "tracestate", exchange->asked->headers.tracestate.ptr);
	header_lines_hand_over(lines, response);
	if (exchange->must_close || connection->shared->quiescing)
		reply_close(response);
}

/* --- counted and logged ----------------------------------------------------------------------- */

static const char *reply_kind(const struct exchange *exchange)
{
	switch (exchange->asked->route.kind) {
	case ROUTE_QUERY:
		return "query";
	case ROUTE_COMMAND:
		return "command";
	case ROUTE_JOB:
	case ROUTE_JOB_EVENTS:
		return "job";
	case ROUTE_DOCUMENT:
	case ROUTE_DOCS:
		return "document";
	case ROUTE_NONE:
		return "-";
	}
	assert(!"a kind of route");
	return "-";
}

/* again: what to add to the line. */
static bool reply_is_logged(const struct connection *connection, enum log_level level,
			    char again[REPEATS_TEXT_BYTES])
{
	*again = '\0';
	if (!log_enabled(level))
		return false;
	return level != LOG_WARN ||
	       repeats_allow(REPEATS_ANSWERS, (uint64_t)connection->exchange.request->outcome,
			     loop_now(connection->shared->loop), again);
}

static void reply_log(struct connection *connection, const char *code, int64_t took_us)
{
	const struct exchange *exchange = &connection->exchange;
	const struct request *request = exchange->request;
	bool is_page = connection->shared->settings.pages;
	enum log_level level = code[0] == '5' && !is_page ? LOG_WARN : LOG_DEBUG;
	char took[32], again[REPEATS_TEXT_BYTES];

	if (!reply_is_logged(connection, level, again))
		return;
	snprintf(took, sizeof(took), "%.3f", (double)took_us / US_PER_MS);
	log_with(level, "http",
		 LOG_FIELDS({ "request_id", request->id }, { "kind", reply_kind(exchange) },
			    { "operation", request->operation_name }, { "status", code },
			    { "code", outcome_row(request->outcome)->code }, { "ms", took }),
		 "%s%s", request->detail ? request->detail : "answered", again);
}

static void reply_account(struct connection *connection, unsigned status)
{
	struct connections *connections = connection->shared;
	const struct exchange *exchange = &connection->exchange;
	const struct request *request = exchange->request;
	int64_t now_us = loop_now(connections->loop);
	int64_t took_us = request->born_us ? now_us - request->born_us : 0;
	const char code[4] = { (char)('0' + status / 100), (char)('0' + status / 10 % 10),
			       (char)('0' + status % 10), '\0' };

	if (!connections->settings.pages)
		metric_observe(
			connections->metrics, METRIC_http_request_duration_seconds,
			METRIC_LABELS(reply_kind(exchange),
				      request->operation_name ? request->operation_name : "-",
				      code),
			took_us);
	reply_log(connection, code, took_us);
	if (connections->settings.audit)
		audited_reply(connection);
}

void reply_discard(struct connection *connection)
{
	/* What nginx calls a client that went away; it is only ever seen in metrics and the log. */
	reply_account(connection, 499);
}

/* --- the reply -------------------------------------------------------------------------------- */

static struct problem reply_problem(const struct connection *connection)
{
	const struct request *request = connection->exchange.request;

	return (struct problem){
		.outcome = request->outcome,
		.status = problem_status(request->outcome, request->status),
		.detail = request->detail,
		.instance = connection->exchange.asked->route.path,
		.request_id = request->id,
		.errors = request->errors,
		.errors_count = request->errors_count,
		.sqlstate = request->sqlstate,
		.constraint = request->constraint,
		.column = request->column,
		.hint = request->hint,
		.db_detail = request->db_detail,
	};
}

static void reply_write_problem(const struct connection *connection, struct request *request)
{
	struct problem problem = reply_problem(connection);

	buf_clear(&request->out);
	problem_write(&request->out, &problem);
}

enum MHD_Result reply_send_head(struct connection *connection, unsigned status,
				struct MHD_Response *response)
{
	enum MHD_Result queued;

	reply_headers(response, connection, status);
	connection->shared->replying = connection;
	queued = MHD_queue_response(connection->mhd, status, response);
	MHD_destroy_response(response);
	reply_account(connection, status);
	return queued;
}

enum MHD_Result reply_past_library(struct connection *connection)
{
	struct problem problem = reply_problem(connection);

	reply_account(connection, problem.status);
	refusal_past_library(connection, &problem);
	return MHD_NO;
}

enum MHD_Result reply_send(struct connection *connection)
{
	struct request *request = connection->exchange.request;
	struct asked *asked = connection->exchange.asked;
	unsigned status = reply_status(request);
	struct MHD_Response *response;

	if (request->outcome != OUTCOME_OK)
		reply_write_problem(connection, request);
	else if (request->lent)
		validator_take_tag(&asked->validator, request->lent->tag);
	else if (request->tag_key)
		validator_make(&asked->validator, connection->shared->siphash, request->tag_key,
			       (struct text){ request->out.ptr, request->out.len });
	response = encoding_response(connection);
	if (asked->encoding == ENCODING_GZIP)
		validator_gzip(&asked->validator, asked->gzip);
	if (validator_holds(&asked->validator)) {
		status = 304;
		response = encoding_unsent(connection, response);
	}
	return reply_send_head(connection, status, response);
}
