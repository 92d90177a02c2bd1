/* SPDX-License-Identifier: Apache-2.0 */
/* Each header costs libmicrohttpd three allocations: those that say nothing are left out. */
#include "http/reply.h"

#include "base/clock.h"
#include "base/hash.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/rate_policy.h"
#include "base/repeats.h"
#include "http/cors.h"
#include "http/listener.h"
#include "http/prefer.h"
#include "http/problem.h"
#include "http/refusal.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#define REPLY_JITTER_S 3 /* Retry-After is 1 to 3 s where nobody knows better */

static unsigned reply_status(const struct request *request)
{
	if (request->outcome != OUTCOME_OK)
		return problem_status(request->outcome, request->status);
	return request->status >= 200 && request->status <= 599 ? request->status : 200;
}

/* --- headers ---------------------------------------------------------------------------------- */

/* Microseconds with three decimals of a larger unit. Not by printf: it would be most of a reply. */
static void reply_decimals(struct buf *out, int64_t us, int64_t unit_us)
{
	int64_t thousandths = us > 0 ? us / (unit_us / 1000) : 0;
	int64_t rest = thousandths % 1000;
	char digits[4] = { '.', (char)('0' + rest / 100), (char)('0' + rest / 10 % 10),
			   (char)('0' + rest % 10) };

	buf_int(out, thousandths / 1000);
	buf_add(out, digits, sizeof(digits));
}

void reply_consistency(const struct request *request, struct buf *out)
{
	bool cached = request->reason == REASON_CACHE;

	buf_string(out, level_text(request->level_used));
	if (request->node) {
		buf_literal(out, ";node=\"");
		buf_string(out, request->node);
		buf_byte(out, '"');
	}
	buf_literal(out, ";role=");
	buf_string(out, cached ? "cache" : request->on_primary ? "primary" : "replica");
	buf_literal(out, ";reason=");
	buf_string(out, reason_text(request->reason));
	buf_literal(out, ";waited=");
	reply_decimals(out, request->wait_us, US_PER_S);
	if (request->lag_us >= 0) {
		buf_literal(out, ";lag=");
		reply_decimals(out, request->lag_us, US_PER_S);
	}
}

void reply_timing(const struct request *request, struct buf *out)
{
	buf_literal(out, "queue;dur=");
	reply_decimals(out, request->queue_us, US_PER_MS);
	buf_literal(out, ", wait;dur=");
	reply_decimals(out, request->wait_us, US_PER_MS);
	buf_literal(out, ", db;dur=");
	reply_decimals(out, request->db_us, US_PER_MS);
}

/* Nobody knows when there will be room: those who were refused together do not come back so. */
static int64_t reply_jitter_s(const struct request *request)
{
	switch (request->outcome) {
	case OUTCOME_QUEUE_FULL:
	case OUTCOME_QUEUE_TIMEOUT:
	case OUTCOME_SHED:
		return (int64_t)(hash_bytes(request->id, strlen(request->id), 0) % REPLY_JITTER_S);
	default:
		return 0;
	}
}

int64_t reply_retry_after_s(const struct request *request)
{
	int64_t seconds = (request->retry_after_us + US_PER_S - 1) / US_PER_S;

	return seconds > 0 ? seconds : 1 + reply_jitter_s(request);
}

void reply_header(struct MHD_Response *response, const char *name, const char *value)
{
	/* It refuses only control characters. */
	enum MHD_Result added = MHD_add_response_header(response, name, value);

	assert(added == MHD_YES);
}

/* The value is what line holds; line is empty again. */
static void reply_header_line(struct MHD_Response *response, const char *name, struct buf *line)
{
	buf_byte(line, '\0');
	reply_header(response, name, line->ptr);
	buf_clear(line);
}

/* draft-ietf-httpapi-ratelimit-headers-10: lists of items, in the same order. */
static void reply_rates(struct MHD_Response *response, const struct request *request,
			struct buf *line)
{
	if (!request->rates_count)
		return;
	for (unsigned i = 0; i < request->rates_count; i++) {
		if (i)
			buf_literal(line, ", ");
		buf_string(line, request->rates[i].policy->header);
	}
	reply_header_line(response, "RateLimit-Policy", line);
	for (unsigned i = 0; i < request->rates_count; i++) {
		const struct rate_state *state = &request->rates[i];

		buf_string(line, i ? ", \"" : "\"");
		buf_string(line, state->policy->name);
		buf_literal(line, "\";r=");
		buf_int(line, state->left);
		buf_literal(line, ";t=");
		buf_int(line, state->next_s);
	}
	reply_header_line(response, "RateLimit", line);
}

static void reply_headers_of_request(struct MHD_Response *response, const struct request *request,
				     unsigned status, struct buf *line)
{
	assert(line->len == 0);
	reply_header(response, "X-Request-Id", request->id);
	if (request->routed) {
		reply_consistency(request, line);
		reply_header_line(response, "Consistency", line);
	}
	if (request->replayed)
		reply_header(response, "Idempotent-Replayed", "true");
	if (request->token[0])
		reply_header(response, "Consistency-Token", request->token);
	if (request->routed || request->db_us > 0 || request->queue_us > 0) {
		reply_timing(request, line);
		reply_header_line(response, "Server-Timing", line);
	}
	if (status == 429 || status == 503 || request->outcome == OUTCOME_IDEMPOTENCY_IN_PROGRESS) {
		buf_int(line, reply_retry_after_s(request));
		reply_header_line(response, "Retry-After", line);
	}
	reply_rates(response, request, line);
	prefer_applied(request, line);
	if (line->len)
		reply_header_line(response, "Preference-Applied", line);
}

static void reply_headers(struct MHD_Response *response, const struct connection *connection,
			  unsigned status)
{
	const struct exchange *exchange = &connection->exchange;
	const struct request *request = exchange->request;
	const char *type = exchange->content_type ? exchange->content_type : "application/json";

	if (request->outcome != OUTCOME_OK)
		type = "application/problem+json";
	if (!exchange->asked->preflight)
		reply_header(response, "Content-Type", type);
	reply_header(response, "Cache-Control", "no-store");
	reply_headers_of_request(response, request, status, &connection->listener->line);
	if (request->outcome == OUTCOME_METHOD_NOT_ALLOWED)
		reply_header(response, "Allow",
			     exchange->asked->route.allow && !connection->listener->settings.pages
				     ? exchange->asked->route.allow
				     : "GET, HEAD");
	cors_reply(response, connection);
	if (exchange->asked->headers.traceparent.ptr)
		reply_header(response, "traceparent", exchange->asked->headers.traceparent.ptr);
	if (exchange->asked->headers.tracestate.ptr)
		reply_header(response, "tracestate", exchange->asked->headers.tracestate.ptr);
	if (exchange->must_close || connection->listener->quiescing)
		reply_header(response, "Connection", "close");
}

/* --- counted and logged ----------------------------------------------------------------------- */

static const char *reply_kind(const struct exchange *exchange)
{
	if (exchange->asked->route.kind == ROUTE_QUERY)
		return "query";
	return exchange->asked->route.kind == ROUTE_COMMAND ? "command" : "-";
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
			     loop_now(connection->listener->loop), again);
}

static void reply_log(struct connection *connection, const char *code, int64_t took_us)
{
	const struct exchange *exchange = &connection->exchange;
	const struct request *request = exchange->request;
	bool is_page = connection->listener->settings.pages;
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
	struct listener *listener = connection->listener;
	const struct exchange *exchange = &connection->exchange;
	const struct request *request = exchange->request;
	int64_t now_us = loop_now(listener->loop);
	int64_t took_us = request->born_us ? now_us - request->born_us : 0;
	const char code[4] = { (char)('0' + status / 100), (char)('0' + status / 10 % 10),
			       (char)('0' + status % 10), '\0' };

	if (!listener->settings.pages)
		metric_observe(
			listener->metrics, METRIC_http_request_duration_seconds,
			METRIC_LABELS(reply_kind(exchange),
				      request->operation_name ? request->operation_name : "-",
				      code),
			took_us);
	reply_log(connection, code, took_us);
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
	connection->listener->replying = connection;
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
	unsigned status = reply_status(request);
	struct MHD_Response *response;

	if (request->outcome != OUTCOME_OK)
		reply_write_problem(connection, request);
	response = MHD_create_response_from_buffer(request->out.len, request->out.ptr,
						   MHD_RESPMEM_PERSISTENT);
	if (!response)
		log_fatal("http", "out of memory");
	connection_move(connection, CONNECTION_SENDING);
	return reply_send_head(connection, status, response);
}
