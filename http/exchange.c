/* SPDX-License-Identifier: Apache-2.0 */
/* What of an exchange needs no connection: which operation, by which parameters. */
#include "http/exchange.h"

#include "base/json.h"
#include "base/limits.h"
#include "http/head/query_string.h"

#include <assert.h>

void exchange_init(struct exchange *exchange)
{
	buf_init(&exchange->target);
	buf_init(&exchange->body);
}

void exchange_fini(struct exchange *exchange)
{
	buf_fini(&exchange->target);
	buf_fini(&exchange->body);
}

static enum request_kind exchange_kind(const struct route *route, struct text method)
{
	switch (route->kind) {
	case ROUTE_JOB:
		return text_is(method, "DELETE") ? REQUEST_JOB_CANCEL : REQUEST_JOB;
	case ROUTE_JOB_EVENTS:
		return REQUEST_JOB;
	case ROUTE_COMMAND:
		return REQUEST_COMMAND;
	case ROUTE_DOCUMENT:
		return REQUEST_DOCUMENT;
	case ROUTE_QUERY:
	case ROUTE_DOCS:
	case ROUTE_NONE:
		return REQUEST_QUERY;
	}
	assert(!"a kind of route");
	return REQUEST_QUERY;
}

/* Each event leaves as it comes: not compressed. */
static void exchange_take_events(struct exchange *exchange)
{
	exchange->request->respond = RESPOND_EVENTS;
	exchange->content_type = "text/event-stream";
	exchange->asked->takes_gzip = false;
}

/* Which operation is meant, and may this method ask for it? */
void exchange_take_route(struct exchange *exchange, struct text method)
{
	struct request *request = exchange->request;
	struct route *route = &exchange->asked->route;

	if (route->kind == ROUTE_NONE) {
		(void)request_fail(request, OUTCOME_NOT_FOUND, "There is nothing at this path");
		return;
	}
	request->kind = exchange_kind(route, method);
	if (route->kind == ROUTE_JOB_EVENTS)
		exchange_take_events(exchange);
	if (!route_allows(route, method))
		(void)request_fail(request, OUTCOME_METHOD_NOT_ALLOWED, "Allowed here: %s%s",
				   route->allow,
				   request->kind == REQUEST_COMMAND
					   ? "; what only reads is a query: /v1/queries/NAME"
					   : "");
	else if (route->name.ptr &&
		 !percent_decode(route->name, false, &request->arena, &request->operation))
		(void)request_fail(request, OUTCOME_NOT_FOUND,
				   "The path is not percent-encoded UTF-8");
}

static void exchange_take_nothing(struct exchange *exchange, const char *what)
{
	if (exchange->asked->route.query.len || exchange->asked->headers.has_body)
		(void)request_fail(exchange->request, OUTCOME_BAD_REQUEST,
				   "%s takes neither a query string nor a body", what);
}

/* Parameters come in the target of a GET, and in the body of everything else. */
static void exchange_take_parameters(struct exchange *exchange, struct text method)
{
	struct request *request = exchange->request;
	bool in_target = text_is(method, "GET") || text_is(method, "HEAD");
	const char *refusal = query_string_read(exchange->asked->route.query, &request->arena,
						&request->pairs, &request->pairs_count);

	if (!refusal && in_target && exchange->asked->headers.has_body)
		refusal = "A GET has no body: parameters go into the query string, or use POST";
	if (!refusal && !in_target && request->pairs_count)
		refusal = "Parameters go into the body, not into the query string";
	if (refusal)
		(void)request_fail(request, OUTCOME_BAD_REQUEST, "%s", refusal);
	else if (!in_target && exchange->asked->headers.media_type == MEDIA_OTHER)
		(void)request_fail(request, OUTCOME_UNSUPPORTED_MEDIA_TYPE,
				   "The Content-Type must be application/json in UTF-8");
	/* Of a command even without a body: a page elsewhere can send any POST but with this. */
	else if (!in_target && exchange->asked->headers.media_type == MEDIA_ABSENT &&
		 (exchange->asked->headers.has_body || request->kind == REQUEST_COMMAND))
		(void)request_fail(request, OUTCOME_UNSUPPORTED_MEDIA_TYPE,
				   "The Content-Type is missing: application/json");
}

void exchange_take_query(struct exchange *exchange, struct text method)
{
	switch (exchange->request->kind) {
	case REQUEST_JOB:
	case REQUEST_JOB_CANCEL:
		exchange_take_nothing(exchange, "A job");
		return;
	case REQUEST_DOCUMENT:
		exchange_take_nothing(exchange, "The document");
		return;
	case REQUEST_QUERY:
	case REQUEST_COMMAND:
		exchange_take_parameters(exchange, method);
		return;
	}
	assert(!"a kind of request");
}

void exchange_read_json(struct exchange *exchange, struct text text)
{
	struct request *request = exchange->request;
	struct json_error error;

	request->body = json_read(text, &error);
	if (!request->body)
		(void)request_fail(request, OUTCOME_INVALID_JSON, "Line %u, column %u: %s",
				   error.line, error.column, error.text);
	else if (json_kind(request->body) != JSON_OBJECT &&
		 !(json_kind(request->body) == JSON_ARRAY && request->kind == REQUEST_COMMAND))
		(void)request_fail(request, OUTCOME_INVALID_JSON, "The body must be a JSON object");
}
