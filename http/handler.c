/* SPDX-License-Identifier: Apache-2.0 */
/* Each call of the library finds the connection in a state, and that says what the call is for. */
#include "http/handler.h"

#include "base/limits.h"
#include "http/audited.h"
#include "http/chunked_reply.h"
#include "http/connection.h"
#include "http/cors.h"
#include "http/docs_page.h"
#include "http/encoding.h"
#include "http/forwarded.h"
#include "http/head/accept_encoding.h"
#include "http/head/guard.h"
#include "http/pages.h"
#include "http/principal_in.h"
#include "http/reply.h"
#include "http/request_id.h"
#include "http/share.h"
#include "http/stream_eviction.h"

#include <assert.h>
#include <string.h>
#include <sys/ioctl.h>

void handler_on_target(struct connection *connection, const char *target)
{
	struct exchange *exchange = &connection->exchange;

	if (connection_is_over(connection))
		return;
	assert(!exchange->request);
	exchange->target_at = target;
	recycled_bufs_take(&connection->shared->targets, &exchange->target);
	buf_string(&exchange->target, target ? target : "");
	buf_byte(&exchange->target, '\0');
	exchange->target.len--;
	connection_move(connection, CONNECTION_ARRIVING);
}

static enum MHD_Result handler_reply(struct connection *connection)
{
	enum MHD_Result queued = reply_send(connection);

	connection_send(connection, request_content(connection->exchange.request).len);
	return queued;
}

/* --- headers ---------------------------------------------------------------------------------- */

static void handler_collect(struct connection *connection, struct head *head, const char *method,
			    const char *version)
{
	struct exchange *exchange = &connection->exchange;
	struct head_lines lines = { .method = method, .version = version };

	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(connection->mhd, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);

	if (info) {
		exchange->head_bytes = info->header_size;
		if (connection->shared->sees_lines) {
			lines.target = exchange->target_at;
			lines.bytes = info->header_size;
		}
	}
	head_collect(head, connection->mhd, exchange_target(exchange), &lines);
}

static void handler_take_api(struct connection *connection, const struct head *head)
{
	struct exchange *exchange = &connection->exchange;

	if (connection->peer && connection->peer->is_proxy)
		forwarded_take(connection, head);
	else if (connection->caller->name[0])
		exchange->request->caller = exchange->request->address =
			arena_text(&exchange->request->arena, text_of(connection->caller->name));
	exchange_take_route(exchange, head->method);
	if (exchange_failed(exchange))
		return;
	if (exchange->asked->route.kind == ROUTE_DOCS) {
		validator_take(&exchange->asked->validator, head, &exchange->request->arena);
		return;
	}
	if (headers_in_read(head, connection->shared->settings.user_header, exchange->request))
		exchange_take_query(exchange, head->method);
	validator_take(&exchange->asked->validator, head, &exchange->request->arena);
	if (connection->shared->settings.auth && !exchange_failed(exchange))
		principal_in_take(connection, head);
}

static void handler_take_asked(struct connection *connection, const struct head *head)
{
	if (connection->shared->settings.pages)
		pages_take(connection, head);
	else
		handler_take_api(connection, head);
}

static void handler_too_large(struct connection *connection)
{
	(void)request_fail(connection->exchange.request, OUTCOME_BODY_TOO_LARGE,
			   "At most %zu bytes", connection->shared->settings.body_bytes_max);
	connection->exchange.must_close = true;
}

/* In the first handler call: libmicrohttpd closes the connection after the reply. */
static enum MHD_Result handler_answer_early(struct connection *connection)
{
	connection->lingers = true;
	return handler_reply(connection);
}

/*
 * The library builds the head of a reply in what the request has left of the connection's memory;
 * where that is too little it ends the connection without a reply.
 */
static bool handler_leaves_room(const struct connection *connection, const struct head *head)
{
	size_t records = head->count + HTTP_COOKIE_RECORDS;
	size_t taken = connection->exchange.head_bytes + HTTP_REPLY_HEAD_BYTES +
		       HTTP_HEADER_RECORD_BYTES * records;

	return taken <= connection->shared->settings.connection_memory && !head->too_many;
}

/* The first handler call. */
static enum MHD_Result handler_begin(struct connection *connection, const char *method,
				     const char *version)
{
	struct exchange *exchange = &connection->exchange;
	struct connections *connections = connection->shared;
	struct request *request = request_new(connections->loop);
	struct head head;
	const char *refusal;

	exchange->request = request;
	exchange->asked = arena_zero(&request->arena, 1, sizeof(*exchange->asked));
	request->client = connection;
	handler_collect(connection, &head, method, version);
	request_id_make(&connections->random, request->id);
	exchange->asked->route = (struct route){ .kind = ROUTE_NONE, .path = TEXT("/") };
	if (!handler_leaves_room(connection, &head)) {
		cors_note_origin(connection, &head);
		request->status = 431;
		(void)request_fail(request, OUTCOME_BAD_REQUEST,
				   head.too_many ? "There are too many headers"
						 : "The headers are too large");
		return reply_past_library(connection);
	}
	refusal = guard_refusal(&head);
	if (refusal) {
		cors_note_origin(connection, &head);
		exchange->asked->headers = (struct headers_in){ 0 };
		exchange->must_close = true;
		(void)request_fail(request, OUTCOME_BAD_REQUEST, "%s", refusal);
		return handler_answer_early(connection);
	}
	headers_in_frame(&head, request, &exchange->asked->headers);
	exchange->asked->takes_gzip = accept_encoding_gzip(&head);
	exchange->asked->route = route_find(exchange_target(exchange));
	exchange->must_close = !exchange->asked->headers.keep_alive;
	if (exchange->asked->headers.chunked && connections->sees_lines) {
		exchange->must_close = true;
		connection->lingers = true;
	}
	/* HTTP/1.0 has no chunks: there, a reply that was cut off looks like a whole one. */
	request->may_stream = strcmp(version, "HTTP/1.1") == 0 && !text_is(head.method, "HEAD");
	request->on_stream = chunked_reply_on_rows;
	request->on_streams_full = stream_eviction_make_room;
	if (cors_take(connection, &head))
		handler_take_asked(connection, &head);
	if (exchange->asked->headers.content_length >
	    (int64_t)connections->settings.body_bytes_max) {
		handler_too_large(connection);
		return handler_answer_early(connection);
	}
	/* Its body was not sent yet and never will be. */
	if (exchange_failed(exchange) && exchange->asked->headers.has_body &&
	    exchange->asked->headers.expects_continue)
		return handler_answer_early(connection);
	return MHD_YES;
}

/* --- body ------------------------------------------------------------------------------------- */

static void handler_drop_body(struct connection *connection)
{
	if (!connection->exchange.body.room)
		return;
	connection_let_go_of_body(connection);
	connection->shared->bodies_bytes -= connection->exchange.body.room;
	buf_fini(&connection->exchange.body);
}

static void handler_shed(struct connection *connection)
{
	handler_drop_body(connection);
	(void)request_fail(connection->exchange.request, OUTCOME_SHED,
			   "Bodies on their way in need too much memory");
}

/* All bodies together have a bound; beyond it the slowest of who holds the most goes. */
static enum MHD_Result handler_keep(struct connection *connection, struct text piece)
{
	struct connections *connections = connection->shared;
	struct buf *body = &connection->exchange.body;
	size_t before = body->room, bytes_max = HTTP_BODIES_BYTES_MAX;

	buf_text(body, piece);
	connections->bodies_bytes += body->room - before;
	connection_hold_body(connection, body->room - before);
	if (bytes_max < 2 * connections->settings.body_bytes_max)
		bytes_max = 2 * connections->settings.body_bytes_max;
	while (connections->bodies_bytes > bytes_max) {
		struct connection *slowest = share_slowest_body(connections);
		enum MHD_Result result;

		handler_shed(slowest);
		result = reply_past_library(slowest);
		connection_yield(slowest, "body", "its body was the slowest of too many");
		if (slowest == connection)
			return result;
	}
	return MHD_YES;
}

/*
 * The library reads a body into what the head has left of half the connection's memory, which may
 * be one byte, and makes that larger only while it is full. So a small piece is left there, if more
 * has come already and the head may be the reason. Never the last one: nothing would call for it.
 */
static bool handler_leaves_piece(struct connection *connection, size_t len)
{
	struct exchange *exchange = &connection->exchange;
	int unread = 0;

	if (len >= HTTP_PIECE_BYTES_MIN ||
	    exchange->head_bytes + HTTP_PIECE_BYTES_MIN <
		    connection->shared->settings.connection_memory / 2 ||
	    exchange->asked->pieces_left == HTTP_PIECES_LEFT_MAX ||
	    (int64_t)(exchange->body_bytes + len) == exchange->asked->headers.content_length)
		return false;
	if (ioctl(connection->fd, FIONREAD, &unread) != 0 || unread == 0)
		return false;
	exchange->asked->pieces_left++;
	return true;
}

static bool handler_is_page_at_once(const struct connection *connection)
{
	const struct asked *asked = connection->exchange.asked;

	if (connection->shared->settings.pages)
		return !(asked->page && asked->page->take);
	return asked->route.kind == ROUTE_DOCS;
}

/* MHD_NO: more than twice what is allowed keeps coming. No reply is possible amid a body. */
static enum MHD_Result handler_on_body(struct connection *connection, struct text piece)
{
	struct exchange *exchange = &connection->exchange;
	size_t bytes_max = connection->shared->settings.body_bytes_max;

	exchange->body_bytes += piece.len;
	if (exchange->body_bytes > bytes_max) {
		if (!exchange_failed(exchange))
			handler_too_large(connection);
		return exchange->body_bytes > 2 * (uint64_t)bytes_max ? MHD_NO : MHD_YES;
	}
	if (exchange_failed(exchange) || exchange->asked->preflight ||
	    handler_is_page_at_once(connection))
		return MHD_YES;
	/* Most come in one piece, which need not be kept. */
	if ((int64_t)piece.len == exchange->asked->headers.content_length)
		exchange_read_json(exchange, piece);
	else
		return handler_keep(connection, piece);
	return MHD_YES;
}

/* --- complete --------------------------------------------------------------------------------- */

static void handler_on_done(struct request *request)
{
	struct client *client = request->client;
	struct connection *connection = request->client;

	if (client->kind == CLIENT_ORPHANS) {
		struct orphans *orphans = request->client;

		orphans->count--;
		audited_orphan(container_of(orphans, struct connections, orphans), request);
		list_append(&orphans->dead, &request->link);
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

/* The last byte is in. */
static enum MHD_Result handler_complete(struct connection *connection)
{
	struct exchange *exchange = &connection->exchange;
	struct connections *connections = connection->shared;
	struct request *request = exchange->request;

	request->born_us = loop_now(connections->loop);
	request->deadline_us = request->born_us + connections->settings.request_timeout_us;
	if (exchange->body.len)
		connection_let_go_of_body(connection);
	if (!exchange_failed(exchange) && exchange->body.len)
		exchange_read_json(exchange,
				   (struct text){ exchange->body.ptr, exchange->body.len });
	if (exchange_failed(exchange) || exchange->asked->preflight)
		return handler_reply(connection);
	if (handler_is_page_at_once(connection)) {
		if (connections->settings.pages)
			pages_answer(connection);
		else
			docs_page_answer(exchange);
		return handler_reply(connection);
	}
	request->on_done = handler_on_done;
	exchange->with_router = true;
	connection_move(connection, CONNECTION_WORKING);
	if (connections->settings.pages)
		exchange->asked->page->take(request, connections->settings.pages_arg);
	else
		connections->settings.handlers.on_request(request,
							  connections->settings.handlers.arg);
	if (connection->state == CONNECTION_DONE)
		return handler_reply(connection);
	/* Not suspended before its next call: then it does not read when it is resumed, which
	 * would cost a system call, and would end it if the client has half closed. */
	connections->to_suspend++;
	return MHD_YES;
}

static enum MHD_Result handler_suspend(struct connection *connection)
{
	assert(!connection->suspended);
	connection->shared->to_suspend--;
	connection->suspended = true;
	MHD_suspend_connection(connection->mhd);
	return MHD_YES;
}

enum MHD_Result handler_on_call(struct connection *connection, const char *method,
				const char *version, const char *upload, size_t *upload_bytes)
{
	struct exchange *exchange = &connection->exchange;

	if (connection_is_over(connection)) {
		connection->lingers |= connection->state == CONNECTION_PARTING;
		return MHD_NO;
	}
	if (!exchange->request)
		return handler_begin(connection, method, version);
	if (*upload_bytes) {
		struct text piece = { upload, *upload_bytes };

		if (handler_leaves_piece(connection, piece.len))
			return MHD_YES;
		*upload_bytes = 0;
		return handler_on_body(connection, piece);
	}
	if (connection->state == CONNECTION_ARRIVING)
		return handler_complete(connection);
	if (connection->state == CONNECTION_WORKING || connection->state == CONNECTION_WATCHED)
		return handler_suspend(connection);
	assert(!connection->suspended);
	if (connection->client_gone)
		return MHD_NO;
	if (connection->state == CONNECTION_DONE)
		connection->shared->to_suspend--;
	return exchange->request->stream == STREAM_OPEN ? chunked_reply_begin(connection)
							: handler_reply(connection);
}

/*
 * The connection ended before it was suspended: the router keeps the request until it is done.
 * on_done stays as it is: between its steps and us the router has put one of its own.
 */
static void handler_orphan(struct connection *connection)
{
	struct connections *connections = connection->shared;
	struct request *request = connection->exchange.request;

	connection->exchange.request = NULL;
	connection->exchange.with_router = false;
	connections->orphans.count++;
	request->client = &connections->orphans;
	if (!connection->client_gone && request->on_client_gone)
		request->on_client_gone(request);
}

void handler_on_completed(struct connection *connection, enum MHD_RequestTerminationCode code)
{
	struct exchange *exchange = &connection->exchange;
	bool working =
		connection->state == CONNECTION_WORKING || connection->state == CONNECTION_WATCHED;

	assert(!connection->suspended);
	/* The library answered in our place. */
	if (connection->state == CONNECTION_ARRIVING && code == MHD_REQUEST_TERMINATED_WITH_ERROR)
		connection->lingers = true;
	if (working || connection->state == CONNECTION_DONE)
		connection->shared->to_suspend--;
	if (connection->state == CONNECTION_STREAMING)
		chunked_reply_on_lost(connection);
	else if (working || connection->state == CONNECTION_RESUMED ||
		 connection->state == CONNECTION_DONE)
		reply_discard(connection);
	if (exchange->asked)
		encoding_end(connection->shared, exchange->asked);
	if (exchange->with_router)
		handler_orphan(connection);
	if (exchange->request) {
		request_free(exchange->request);
		exchange->request = NULL;
	}
	exchange->asked = NULL;
	if (connection->shared->replying == connection)
		connection->shared->replying = NULL;
	recycled_bufs_give_back(&connection->shared->targets, &exchange->target);
	handler_drop_body(connection);
	connection->bytes_taken += exchange->head_bytes + exchange->body_bytes;
	exchange->head_bytes = 0;
	exchange->body_bytes = 0;
	exchange->must_close = false;
	exchange->content_type = NULL;
	if (!connection_is_over(connection))
		connection_move(connection, CONNECTION_RESTING);
}

void handler_on_closed(struct connection *connection)
{
	if (connection->exchange.request ||
	    (connection->state != CONNECTION_RESTING && !connection_is_over(connection)))
		handler_on_completed(connection, MHD_REQUEST_TERMINATED_WITH_ERROR);
}
