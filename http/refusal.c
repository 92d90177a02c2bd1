/* SPDX-License-Identifier: Apache-2.0 */
/* Writes the reply to the socket itself, and shuts it for writing before the library can. */
#include "http/refusal.h"

#include "base/clock.h"
#include "base/limits.h"
#include "base/log.h"
#include "http/connection.h"
#include "http/cors.h"
#include "http/problem.h"
#include "http/request_id.h"

#include <linux/sockios.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define REFUSAL_REPLY "Closing connection (failed to create response header)"
#define REFUSAL_TOO_LARGE "The headers are too large"
#define REFUSAL_FORMAT "Error processing request (HTTP response code is %u"

/* States of a socket, as the kernel numbers them; its headers do not name them beside tcp_info. */
#define REFUSAL_ESTABLISHED 1
#define REFUSAL_CLOSE_WAIT 8

/* Where a connection can be, seen from here, when the library refuses its request. */
#define IN_REQUEST_LINE 1 /* RESTING, and some bytes of the next request were read */
#define IN_HEADERS 2      /* ARRIVING, its handler was not called yet */
#define IN_BODY 4         /* ARRIVING */

static const struct refusal_row {
	unsigned status; /* the library's */
	unsigned places;
	unsigned our_status;
	enum outcome outcome;
	const char *detail;
} refusal_rows[] = {
	{ 400, IN_REQUEST_LINE | IN_HEADERS | IN_BODY, 400, OUTCOME_BAD_REQUEST,
	  "The request line, a header or a chunk is malformed" },
	{ 413, IN_BODY, 413, OUTCOME_BODY_TOO_LARGE, "A chunk is too large" },
	{ 414, IN_REQUEST_LINE, 414, OUTCOME_BAD_REQUEST, "The request line is too long" },
	{ 431, IN_HEADERS, 431, OUTCOME_BAD_REQUEST, REFUSAL_TOO_LARGE },
	{ 505, IN_REQUEST_LINE, 400, OUTCOME_BAD_REQUEST, "The HTTP version must be 1.1" },
};

/* The headers are complete, but the handler was not called: only their Content-Length can be it. */
static const struct refusal_row refusal_of_length = {
	.our_status = 400,
	.outcome = OUTCOME_BAD_REQUEST,
	.detail = "The Content-Length header is not a number",
};

/* The library waits for the end of a line for which it has no room. */
static const struct refusal_row refusal_of_line = {
	.our_status = 400,
	.outcome = OUTCOME_BAD_REQUEST,
	.detail = "The line before a chunk is too long",
};

/* All places are taken, and it makes room. */
static const struct refusal_row refusal_of_place = {
	.our_status = 503,
	.outcome = OUTCOME_SHED,
	.detail = "There are as many connections as are allowed",
};

/* --- who is meant? -------------------------------------------------------------------------- */

static bool refusal_is_complete(const struct connection *connection)
{
	return !connection->exchange.request &&
	       MHD_get_connection_info(connection->mhd, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);
}

/* At most one is ever like this. From the newest on: its request line mostly came just now. */
static struct connection *refusal_find_complete(struct list *arriving)
{
	for (struct list_link *it = arriving->head.prev; it != &arriving->head; it = it->prev) {
		struct connection *connection = container_of(it, struct connection, link);

		if (refusal_is_complete(connection))
			return connection;
	}
	return NULL;
}

static bool refusal_may_be(const struct connection *connection, unsigned places)
{
	struct tcp_info info = { 0 };
	socklen_t len = sizeof(info);
	uint64_t read;
	int unread = 0;

	/* In this order: what comes in between makes it look as if more was read, never less. */
	if (ioctl(connection->fd, FIONREAD, &unread) != 0 ||
	    getsockopt(connection->fd, IPPROTO_TCP, TCP_INFO, &info, &len) != 0)
		return true;
	/* Shut for writing: it has got its last reply. */
	if (info.tcpi_state != REFUSAL_ESTABLISHED && info.tcpi_state != REFUSAL_CLOSE_WAIT)
		return false;
	if (connection->state == CONNECTION_ARRIVING)
		return places & (connection->exchange.request ? IN_BODY : IN_HEADERS);
	if (!(places & IN_REQUEST_LINE))
		return false;
	/* The client's end of the connection counts as a byte. */
	read = info.tcpi_bytes_received - (uint64_t)unread -
	       (info.tcpi_state == REFUSAL_CLOSE_WAIT);
	return read != connection->bytes_taken;
}

/* The only one that may be at one of the places; NULL: there are several, or too many to see. */
static struct connection *refusal_find(struct connections *connections, unsigned places)
{
	static const enum connection_state states[] = { CONNECTION_RESTING, CONNECTION_ARRIVING };
	struct connection *found = NULL;

	for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++) {
		struct list *list = &connections->by_state[states[i]];

		if (list->count > HTTP_REFUSAL_SCAN_MAX)
			return NULL;
		list_each (list, it) {
			struct connection *connection = container_of(it, struct connection, link);

			if (!refusal_may_be(connection, places))
				continue;
			if (found)
				return NULL;
			found = connection;
		}
	}
	return found;
}

/* --- the reply ------------------------------------------------------------------------------ */

static void refusal_head(struct buf *out, unsigned status, const char *request_id, const char *more,
			 size_t body_bytes)
{
	time_t now = (time_t)(clock_wall_us() / US_PER_S);
	char date[64];
	struct tm utc;

	gmtime_r(&now, &utc);
	strftime(date, sizeof(date), "%a, %d %b %Y %H:%M:%S GMT", &utc);
	buf_printf(out,
		   "HTTP/1.1 %u %s\r\nDate: %s\r\nConnection: close\r\n"
		   "Content-Type: application/problem+json\r\nCache-Control: no-store\r\n"
		   "X-Request-Id: %s\r\n%sContent-Length: %zu\r\n\r\n",
		   status, MHD_get_reason_phrase_for(status), date, request_id, more, body_bytes);
}

/* It fits a socket that has sent its earlier replies; if not, the connection just ends. */
static void refusal_send(int fd, const struct problem *problem, const char *more)
{
	struct buf out, body;

	buf_init(&out);
	buf_init(&body);
	problem_write(&body, problem);
	refusal_head(&out, problem->status, problem->request_id, more, body.len);
	buf_add(&out, body.ptr, body.len);
	(void)!send(fd, out.ptr, out.len, MSG_NOSIGNAL | MSG_DONTWAIT);
	shutdown(fd, SHUT_WR);
	buf_fini(&out);
	buf_fini(&body);
}

void refusal_past_library(struct connection *connection, const struct problem *problem)
{
	struct buf more;

	buf_init(&more);
	if (problem->status == 503)
		buf_literal(&more, "Retry-After: 1\r\n");
	cors_past_library(&more, connection);
	buf_byte(&more, '\0');
	refusal_send(connection->fd, problem, more.ptr);
	buf_fini(&more);
	connection->lingers = true;
}

/* As reply.c does with requests that have reached a handler. */
static void refusal_account(struct connections *connections, const struct problem *problem)
{
	char status[16];

	snprintf(status, sizeof(status), "%u", problem->status);
	if (!connections->settings.pages)
		metric_observe(connections->metrics, METRIC_http_request_duration_seconds,
			       METRIC_LABELS("-", "-", status), 0);
	if (log_enabled(LOG_DEBUG))
		log_with(LOG_DEBUG, "http",
			 LOG_FIELDS({ "request_id", problem->request_id }, { "status", status },
				    { "code", outcome_row(problem->outcome)->code }),
			 "%s", problem->detail);
}

static void refusal_answer(struct connection *connection, const struct refusal_row *row)
{
	const struct exchange *exchange = &connection->exchange;
	char request_id[REQUEST_ID_BYTES_MAX + 1];
	struct problem problem = {
		.outcome = row->outcome,
		.status = row->our_status,
		.detail = row->detail,
		.request_id = request_id,
	};

	if (connection->state == CONNECTION_ARRIVING)
		problem.instance =
			(struct text){ exchange->target.ptr, strcspn(exchange->target.ptr, "?") };
	request_id_make(&connection->shared->random, request_id);
	refusal_account(connection->shared, &problem);
	refusal_past_library(connection, &problem);
}

void refusal_stalled(struct connection *connection)
{
	int unsent = 0;

	/* Amid a reply that the client does not take there is no place for another. */
	if (ioctl(connection->fd, SIOCOUTQ, &unsent) == 0 && unsent == 0)
		refusal_answer(connection, &refusal_of_line);
}

void refusal_shed(struct connection *connection)
{
	refusal_answer(connection, &refusal_of_place);
}

void refusal_full(struct connections *connections, int fd, const char *detail)
{
	char request_id[REQUEST_ID_BYTES_MAX + 1], forgotten[HTTP_FULL_FORGOTTEN_BYTES];
	struct problem problem = {
		.outcome = OUTCOME_SHED,
		.status = outcome_row(OUTCOME_SHED)->status,
		.detail = detail,
		.request_id = request_id,
	};

	request_id_make(&connections->random, request_id);
	/* A socket that is closed with bytes unread is reset, and the reply may be lost. */
	(void)!recv(fd, forgotten, sizeof(forgotten), MSG_DONTWAIT);
	refusal_send(fd, &problem, "Retry-After: 1\r\n");
	close(fd);
}

/*
 * Its head did not fit beside the request's, as where much of the next request has come with it.
 * A command has run by then.
 */
static void refusal_of_reply(struct connection *connection)
{
	const struct exchange *exchange = &connection->exchange;
	struct problem problem = { .outcome = OUTCOME_BAD_REQUEST,
				   .status = 431,
				   .detail = REFUSAL_TOO_LARGE,
				   .instance = exchange->asked->route.path,
				   .request_id = exchange->request->id };

	if ((exchange->request->kind == REQUEST_COMMAND ||
	     exchange->request->kind == REQUEST_JOB_CANCEL) &&
	    exchange->request->outcome == OUTCOME_OK) {
		problem.outcome = OUTCOME_OUTCOME_UNKNOWN;
		problem.status = outcome_row(OUTCOME_OUTCOME_UNKNOWN)->status;
		problem.detail = "The command was run, but the headers left no room for its reply";
	}
	refusal_account(connection->shared, &problem);
	refusal_past_library(connection, &problem);
}

static bool refusal_is_of_reply(const char *format, va_list args)
{
	const char *text = format;
	va_list copy;

	va_copy(copy, args);
	if (strcmp(format, "%s\n") == 0)
		text = va_arg(copy, const char *);
	va_end(copy);
	return strncmp(text, REFUSAL_REPLY, strlen(REFUSAL_REPLY)) == 0;
}

void refusal_on_log(struct connections *connections, const char *format, va_list args)
{
	struct connection *connection;
	unsigned status;
	va_list copy;

	if (connections->replying && refusal_is_of_reply(format, args)) {
		refusal_of_reply(connections->replying);
		return;
	}
	if (!connections->sees_lines ||
	    strncmp(format, REFUSAL_FORMAT, strlen(REFUSAL_FORMAT)) != 0)
		return;
	va_copy(copy, args);
	status = va_arg(copy, unsigned);
	va_end(copy);
	connection = refusal_find_complete(&connections->by_state[CONNECTION_ARRIVING]);
	if (connection && (status == 400 || status == 413)) {
		refusal_answer(connection, &refusal_of_length);
		return;
	}
	for (size_t i = 0; i < sizeof(refusal_rows) / sizeof(refusal_rows[0]); i++) {
		if (refusal_rows[i].status != status)
			continue;
		if (!connection)
			connection = refusal_find(connections, refusal_rows[i].places);
		if (connection)
			refusal_answer(connection, &refusal_rows[i]);
	}
}
