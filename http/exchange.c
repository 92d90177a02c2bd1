/* SPDX-License-Identifier: Apache-2.0 */
/* Turns handler calls of libmicrohttpd into a struct request, and back. */
#include "http/exchange.h"

#include "base/limits.h"
#include "http/chunked_reply.h"
#include "http/connection.h"
#include "http/cors.h"
#include "http/guard.h"
#include "http/listener.h"
#include "http/query_string.h"
#include "http/reply.h"
#include "http/share.h"
#include "http/stream_eviction.h"

#include <assert.h>
#include <string.h>

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

void exchange_on_target(struct connection *connection, const char *target)
{
	struct exchange *exchange = &connection->exchange;

	if (connection->state == CONNECTION_CLOSING)
		return;
	assert(!exchange->request);
	exchange->target_at = target;
	buf_clear(&exchange->target);
	buf_string(&exchange->target, target ? target : "");
	buf_byte(&exchange->target, '\0');
	exchange->target.len--;
	connection_move(connection, CONNECTION_ARRIVING);
}

static struct text exchange_target(const struct exchange *exchange)
{
	return (struct text){ exchange->target.ptr, exchange->target.len };
}

static bool exchange_failed(const struct exchange *exchange)
{
	return exchange->request->outcome != OUTCOME_OK;
}

/* --- headers ---------------------------------------------------------------------------------- */

static void exchange_collect(struct connection *connection, struct head *head, const char *method,
			     const char *version)
{
	struct exchange *exchange = &connection->exchange;
	struct head_lines lines = { .method = method, .version = version };

	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(connection->mhd, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);

	if (info) {
		exchange->head_bytes = info->header_size;
		if (connection->listener->sees_lines) {
			lines.target = exchange->target_at;
			lines.bytes = info->header_size;
		}
	}
	head_collect(head, connection->mhd, exchange_target(exchange), &lines);
}

/* Eight digits at once, each in a byte of its own. */
static void exchange_write_hex(char *out, uint32_t bits)
{
	uint64_t digits = (bits | (uint64_t)bits << 16) & UINT64_C(0x0000ffff0000ffff);
	uint64_t letters;

	digits = (digits | digits << 8) & UINT64_C(0x00ff00ff00ff00ff);
	digits = (digits | digits << 4) & UINT64_C(0x0f0f0f0f0f0f0f0f);
	letters = (digits + UINT64_C(0x0606060606060606)) >> 4 & UINT64_C(0x0101010101010101);
	digits += UINT64_C(0x3030303030303030) + letters * ('a' - '0' - 10);
	memcpy(out, &digits, sizeof(digits));
}

void exchange_make_id(struct listener *listener, char *id)
{
	for (unsigned i = 0; i < 4; i += 2) {
		uint64_t bits = random_next(&listener->random);

		exchange_write_hex(id + 8 * i, (uint32_t)bits);
		exchange_write_hex(id + 8 * i + 8, (uint32_t)(bits >> 32));
	}
	id[32] = '\0';
}

/* Which operation is meant, and may this method ask for it? */
static void exchange_take_route(struct exchange *exchange, struct text method)
{
	struct request *request = exchange->request;
	struct route *route = &exchange->asked->route;

	if (route->kind == ROUTE_NONE) {
		(void)request_fail(request, OUTCOME_NOT_FOUND, "There is nothing at this path");
		return;
	}
	if (route->kind == ROUTE_NOT_YET) {
		(void)request_fail(request, OUTCOME_NOT_FOUND, "This is not available yet");
		return;
	}
	request->kind = route->kind == ROUTE_COMMAND ? REQUEST_COMMAND : REQUEST_QUERY;
	if (!route_allows(route, method))
		(void)request_fail(request, OUTCOME_METHOD_NOT_ALLOWED, "Allowed here: %s",
				   route->allow);
	else if (!percent_decode(route->name, false, &request->arena, &request->operation))
		(void)request_fail(request, OUTCOME_NOT_FOUND,
				   "The path is not percent-encoded UTF-8");
}

/* Parameters come in the target of a GET, and in the body of everything else. */
static void exchange_take_query(struct exchange *exchange, struct text method)
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

static void exchange_take_api(struct connection *connection, const struct head *head)
{
	struct exchange *exchange = &connection->exchange;

	if (connection->caller->name[0])
		exchange->request->caller =
			arena_text(&exchange->request->arena, text_of(connection->caller->name));
	exchange_take_route(exchange, head->method);
	if (exchange_failed(exchange))
		return;
	if (headers_in_read(head, connection->listener->settings.user_header, exchange->request))
		exchange_take_query(exchange, head->method);
}

static void exchange_take_asked(struct connection *connection, const struct head *head)
{
	if (!connection->listener->settings.pages)
		exchange_take_api(connection, head);
	else if (!text_is(head->method, "GET") && !text_is(head->method, "HEAD"))
		(void)request_fail(connection->exchange.request, OUTCOME_METHOD_NOT_ALLOWED,
				   "Allowed here: GET, HEAD");
}

static void exchange_too_large(struct connection *connection)
{
	(void)request_fail(connection->exchange.request, OUTCOME_BODY_TOO_LARGE,
			   "At most %zu bytes", connection->listener->settings.body_bytes_max);
	connection->exchange.must_close = true;
}

/* In the first handler call: libmicrohttpd closes the connection after the reply. */
static enum MHD_Result exchange_answer_early(struct connection *connection)
{
	connection->lingers = true;
	return reply_send(connection);
}

/*
 * The library builds the head of a reply in what the request has left of the connection's memory;
 * where that is too little it ends the connection without a reply.
 */
static bool exchange_leaves_room(const struct connection *connection, const struct head *head)
{
	size_t records = head->count + HTTP_COOKIE_RECORDS;
	size_t taken = connection->exchange.head_bytes + HTTP_REPLY_HEAD_BYTES +
		       HTTP_HEADER_RECORD_BYTES * records;

	return taken <= connection->listener->settings.connection_memory && !head->too_many;
}

/* The first handler call. */
static enum MHD_Result exchange_begin(struct connection *connection, const char *method,
				      const char *version)
{
	struct exchange *exchange = &connection->exchange;
	struct listener *listener = connection->listener;
	struct request *request = request_new(listener->loop);
	struct head head;
	const char *refusal;

	exchange->request = request;
	exchange->asked = arena_zero(&request->arena, 1, sizeof(*exchange->asked));
	request->client = connection;
	exchange_collect(connection, &head, method, version);
	exchange_make_id(listener, request->id);
	exchange->asked->route = (struct route){ .kind = ROUTE_NONE, .path = TEXT("/") };
	if (!exchange_leaves_room(connection, &head)) {
		request->status = 431;
		(void)request_fail(request, OUTCOME_BAD_REQUEST,
				   head.too_many ? "There are too many headers"
						 : "The headers are too large");
		return reply_past_library(connection);
	}
	refusal = guard_refusal(&head);
	if (refusal) {
		exchange->asked->headers = (struct headers_in){ 0 };
		exchange->must_close = true;
		(void)request_fail(request, OUTCOME_BAD_REQUEST, "%s", refusal);
		return exchange_answer_early(connection);
	}
	headers_in_frame(&head, request, &exchange->asked->headers);
	exchange->asked->route = route_find(exchange_target(exchange));
	exchange->must_close = !exchange->asked->headers.keep_alive;
	if (exchange->asked->headers.chunked && listener->sees_lines) {
		exchange->must_close = true;
		connection->lingers = true;
	}
	/* HTTP/1.0 has no chunks: there, a reply that was cut off looks like a whole one. */
	request->may_stream = strcmp(version, "HTTP/1.1") == 0 && !text_is(head.method, "HEAD");
	request->on_stream = chunked_reply_on_rows;
	request->on_streams_full = stream_eviction_make_room;
	if (cors_take(connection, &head))
		exchange_take_asked(connection, &head);
	if (exchange->asked->headers.content_length > (int64_t)listener->settings.body_bytes_max) {
		exchange_too_large(connection);
		return exchange_answer_early(connection);
	}
	/* Its body was not sent yet and never will be. */
	if (exchange_failed(exchange) && exchange->asked->headers.has_body &&
	    exchange->asked->headers.expects_continue)
		return exchange_answer_early(connection);
	return MHD_YES;
}

/* --- body ------------------------------------------------------------------------------------- */

static void exchange_read_json(struct exchange *exchange, struct text text)
{
	struct request *request = exchange->request;
	struct json_error error;

	request->body = json_read(text, &error);
	if (!request->body)
		(void)request_fail(request, OUTCOME_INVALID_JSON, "Line %u, column %u: %s",
				   error.line, error.column, error.text);
	else if (json_kind(request->body) != JSON_OBJ)
		(void)request_fail(request, OUTCOME_INVALID_JSON, "The body must be a JSON object");
}

static void exchange_drop_body(struct connection *connection)
{
	if (!connection->exchange.body.room)
		return;
	connection_let_go_of_body(connection);
	connection->listener->bodies_bytes -= connection->exchange.body.room;
	buf_fini(&connection->exchange.body);
}

static void exchange_shed(struct connection *connection)
{
	exchange_drop_body(connection);
	(void)request_fail(connection->exchange.request, OUTCOME_SHED,
			   "Bodies on their way in need too much memory");
}

/* All bodies together have a bound; beyond it the slowest of who holds the most goes. */
static enum MHD_Result exchange_keep(struct connection *connection, struct text piece)
{
	struct listener *listener = connection->listener;
	struct buf *body = &connection->exchange.body;
	size_t before = body->room, bytes_max = HTTP_BODIES_BYTES_MAX;

	buf_text(body, piece);
	listener->bodies_bytes += body->room - before;
	connection_hold_body(connection, body->room - before);
	if (bytes_max < 2 * listener->settings.body_bytes_max)
		bytes_max = 2 * listener->settings.body_bytes_max;
	while (listener->bodies_bytes > bytes_max) {
		struct connection *slowest = share_slowest_body(listener);
		enum MHD_Result result;

		exchange_shed(slowest);
		result = reply_past_library(slowest);
		connection_yield(slowest, "body", "its body was the slowest of too many");
		if (slowest == connection)
			return result;
	}
	return MHD_YES;
}

/* MHD_NO: more than twice what is allowed keeps coming. No reply is possible amid a body. */
static enum MHD_Result exchange_on_body(struct connection *connection, struct text piece)
{
	struct exchange *exchange = &connection->exchange;
	size_t bytes_max = connection->listener->settings.body_bytes_max;

	exchange->body_bytes += piece.len;
	if (exchange->body_bytes > bytes_max) {
		if (!exchange_failed(exchange))
			exchange_too_large(connection);
		return exchange->body_bytes > 2 * (uint64_t)bytes_max ? MHD_NO : MHD_YES;
	}
	if (exchange_failed(exchange) || exchange->asked->preflight ||
	    connection->listener->settings.pages)
		return MHD_YES;
	/* Most come in one piece, which need not be kept. */
	if ((int64_t)piece.len == exchange->asked->headers.content_length)
		exchange_read_json(exchange, piece);
	else
		return exchange_keep(connection, piece);
	return MHD_YES;
}

/* --- complete --------------------------------------------------------------------------------- */

static void exchange_on_done(struct request *request)
{
	struct connection *connection = request->client;
	struct listener *listener = request->client;

	if (request->orphaned) {
		listener->orphans--;
		list_append(&listener->dead, &request->link);
		return;
	}
	assert(connection->exchange.request == request);
	assert(connection->exchange.with_router);
	connection->exchange.with_router = false;
	if (request->stream == STREAM_NONE)
		connection_move(connection, CONNECTION_DONE);
	else
		chunked_reply_on_rows(request);
}

static void exchange_take_page(struct connection *connection)
{
	struct exchange *exchange = &connection->exchange;
	const struct listener_settings *settings = &connection->listener->settings;
	struct request *request = exchange->request;

	for (const struct admin_page *page = settings->pages; page->path; page++) {
		struct admin_reply reply = { .status = 200, .body = request->out };

		if (!text_is(exchange->asked->route.path, page->path))
			continue;
		page->answer(&reply, settings->pages_arg);
		request->out = reply.body;
		request->status = reply.status;
		exchange->content_type = reply.content_type;
		return;
	}
	(void)request_fail(request, OUTCOME_NOT_FOUND, "There is nothing at this path");
}

/* The last byte is in. */
static enum MHD_Result exchange_complete(struct connection *connection)
{
	struct exchange *exchange = &connection->exchange;
	struct listener *listener = connection->listener;
	struct request *request = exchange->request;

	request->born_us = loop_now(listener->loop);
	request->deadline_us = request->born_us + listener->settings.request_timeout_us;
	if (exchange->body.len)
		connection_let_go_of_body(connection);
	if (!exchange_failed(exchange) && exchange->body.len)
		exchange_read_json(exchange,
				   (struct text){ exchange->body.ptr, exchange->body.len });
	if (exchange_failed(exchange) || exchange->asked->preflight)
		return reply_send(connection);
	if (listener->settings.pages) {
		exchange_take_page(connection);
		return reply_send(connection);
	}
	request->on_done = exchange_on_done;
	exchange->with_router = true;
	connection_move(connection, CONNECTION_WORKING);
	listener->settings.handlers.on_request(request, listener->settings.handlers.arg);
	if (connection->state == CONNECTION_DONE)
		return reply_send(connection);
	/* Not suspended before its next call: then it does not read when it is resumed, which
	 * would cost a system call, and would end it if the client has half closed. */
	listener->to_suspend++;
	return MHD_YES;
}

static enum MHD_Result exchange_suspend(struct connection *connection)
{
	assert(!connection->suspended);
	connection->listener->to_suspend--;
	connection->suspended = true;
	MHD_suspend_connection(connection->mhd);
	return MHD_YES;
}

enum MHD_Result exchange_on_call(struct connection *connection, const char *method,
				 const char *version, const char *upload, size_t *upload_bytes)
{
	struct exchange *exchange = &connection->exchange;

	if (connection->state == CONNECTION_CLOSING)
		return MHD_NO;
	if (!exchange->request)
		return exchange_begin(connection, method, version);
	if (*upload_bytes) {
		struct text piece = { upload, *upload_bytes };

		*upload_bytes = 0;
		return exchange_on_body(connection, piece);
	}
	if (connection->state == CONNECTION_ARRIVING)
		return exchange_complete(connection);
	if (connection->state == CONNECTION_WORKING || connection->state == CONNECTION_WATCHED)
		return exchange_suspend(connection);
	assert(!connection->suspended);
	if (connection->client_gone)
		return MHD_NO;
	if (connection->state == CONNECTION_DONE)
		connection->listener->to_suspend--;
	return exchange->request->stream == STREAM_OPEN ? chunked_reply_begin(connection)
							: reply_send(connection);
}

/*
 * The connection ended before it was suspended: the router keeps the request until it is done.
 * on_done stays as it is: between its steps and us the router has put one of its own.
 */
static void exchange_orphan(struct connection *connection)
{
	struct listener *listener = connection->listener;
	struct request *request = connection->exchange.request;

	connection->exchange.request = NULL;
	connection->exchange.with_router = false;
	listener->orphans++;
	request->client = listener;
	request->orphaned = true;
	if (!connection->client_gone && request->on_client_gone)
		request->on_client_gone(request);
}

void exchange_on_completed(struct connection *connection, enum MHD_RequestTerminationCode code)
{
	struct exchange *exchange = &connection->exchange;
	bool working =
		connection->state == CONNECTION_WORKING || connection->state == CONNECTION_WATCHED;

	assert(!connection->suspended);
	/* The library answered in our place. */
	if (connection->state == CONNECTION_ARRIVING && code == MHD_REQUEST_TERMINATED_WITH_ERROR)
		connection->lingers = true;
	if (working || connection->state == CONNECTION_DONE)
		connection->listener->to_suspend--;
	if (connection->state == CONNECTION_STREAMING)
		chunked_reply_on_lost(connection);
	else if (working || connection->state == CONNECTION_RESUMED ||
		 connection->state == CONNECTION_DONE)
		reply_discard(connection);
	if (exchange->with_router)
		exchange_orphan(connection);
	if (exchange->request) {
		request_free(exchange->request);
		exchange->request = NULL;
	}
	exchange->asked = NULL;
	if (connection->listener->replying == connection)
		connection->listener->replying = NULL;
	buf_fini(&exchange->target);
	exchange_drop_body(connection);
	connection->bytes_taken += exchange->head_bytes + exchange->body_bytes;
	exchange->head_bytes = 0;
	exchange->body_bytes = 0;
	exchange->must_close = false;
	exchange->content_type = NULL;
	if (connection->state != CONNECTION_CLOSING)
		connection_move(connection, CONNECTION_RESTING);
}
