/* SPDX-License-Identifier: Apache-2.0 */
/* Most requests come from no browser, and with the Host of the one before: those cost a memcmp. */
#include "http/cors.h"

#include "http/auth/auth.h"
#include "http/connection.h"
#include "http/header_lines.h"

#include <string.h>

#define CORS_EXPOSED                                                                               \
	"Consistency, Consistency-Token, Retry-After, Location, ETag, Server-Timing, "             \
	"Deprecation, Sunset, Link"
#define CORS_METHODS "GET, HEAD, POST, QUERY, DELETE"
#define CORS_MAX_AGE_S "600" /* that a browser need not ask again */

static bool cors_host_is_known(const struct connections *connections, struct text host)
{
	return host.len && host.len == connections->host_len &&
	       memcmp(host.ptr, connections->host, host.len) == 0;
}

static void cors_remember_host(struct connections *connections, struct text host)
{
	if (!host.len || host.len > sizeof(connections->host))
		return;
	memcpy(connections->host, host.ptr, host.len);
	connections->host_len = host.len;
}

static void cors_refuse(struct request *request, enum origin_verdict verdict,
			const struct head *head)
{
	struct text value = head->host;

	if (verdict == ORIGIN_FORBIDDEN_HOST) {
		(void)request_fail(request, OUTCOME_FORBIDDEN_HOST,
				   "Host is %.*s: an IP address, localhost or a --host is served",
				   (int)value.len, value.ptr);
		return;
	}
	value = head->origin.ptr ? head->origin : head->fetch_site;
	(void)request_fail(request, OUTCOME_FORBIDDEN_ORIGIN,
			   "%s is %.*s: pages of a --cors-origin, and of the Host itself, may ask",
			   head->origin.ptr ? "Origin" : "Sec-Fetch-Site", (int)value.len,
			   value.ptr);
}

/* Names of headers, as a browser lists them; ptr NULL: absent, or not such a list. */
static struct text cors_wanted_headers(const struct head *head)
{
	const struct header *wanted = head_find(head, "access-control-request-headers");

	if (!wanted || wanted->value.len > CORS_HEADERS_BYTES_MAX)
		return (struct text){ NULL, 0 };
	for (size_t i = 0; i < wanted->value.len; i++) {
		char c = wanted->value.ptr[i];

		if (!(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z') && !(c >= '0' && c <= '9') &&
		    !(c && strchr("-_, ", c)))
			return (struct text){ NULL, 0 };
	}
	return wanted->value;
}

static bool cors_take_listed(struct exchange *exchange, const struct head *head)
{
	struct asked *asked = exchange->asked;
	struct request *request = exchange->request;

	asked->cors_origin = arena_text(&request->arena, head->origin).ptr;
	if (!text_is(head->method, "OPTIONS") || !head_find(head, "access-control-request-method"))
		return true;
	asked->preflight = true;
	asked->cors_headers = arena_text(&request->arena, cors_wanted_headers(head)).ptr;
	request->status = 204;
	return false;
}

bool cors_take(struct connection *connection, const struct head *head)
{
	struct connections *connections = connection->shared;
	struct origin_asked asked = { .method = head->method,
				      .host = head->host,
				      .origin = head->origin,
				      .fetch_site = head->fetch_site,
				      .several = head->several_origins };
	struct auth *auth = connections->settings.auth;
	enum origin_verdict verdict;

	if (auth)
		connections->settings.origins.checks_host = auth_is_open(auth);
	if (!head->origin.ptr && !head->fetch_site.ptr &&
	    cors_host_is_known(connections, head->host))
		return true;
	verdict = origin_judge(&connections->settings.origins, &asked);
	if (verdict != ORIGIN_FORBIDDEN_HOST)
		cors_remember_host(connections, head->host);
	switch (verdict) {
	case ORIGIN_OWN:
		return true;
	case ORIGIN_LISTED:
		return cors_take_listed(&connection->exchange, head);
	case ORIGIN_FORBIDDEN_HOST:
	case ORIGIN_FORBIDDEN:
		break;
	}
	cors_refuse(connection->exchange.request, verdict, head);
	return false;
}

void cors_note_origin(struct connection *connection, const struct head *head)
{
	struct origin_asked asked = { .method = head->method,
				      .origin = head->origin,
				      .several = head->several_origins };

	if (head->origin.ptr &&
	    origin_judge(&connection->shared->settings.origins, &asked) == ORIGIN_LISTED)
		connection->exchange.asked->cors_origin =
			arena_text(&connection->exchange.request->arena, head->origin).ptr;
}

void cors_past_library(struct buf *lines, const struct connection *connection)
{
	const struct asked *asked = connection->exchange.asked;

	if (asked && asked->cors_origin)
		buf_printf(lines,
			   "Access-Control-Allow-Origin: %s\r\n"
			   "Access-Control-Expose-Headers: " CORS_EXPOSED "\r\nVary: Origin\r\n",
			   asked->cors_origin);
}

void cors_reply(struct header_lines *lines, const struct connection *connection)
{
	const struct asked *asked = connection->exchange.asked;

	if (!asked->cors_origin)
		return;
	header_lines_add(lines, "Access-Control-Allow-Origin", asked->cors_origin);
	header_lines_add(lines, "Access-Control-Expose-Headers", CORS_EXPOSED);
	if (!asked->preflight)
		return;
	header_lines_add(lines, "Access-Control-Allow-Methods", CORS_METHODS);
	if (asked->cors_headers)
		header_lines_add(lines, "Access-Control-Allow-Headers", asked->cors_headers);
	header_lines_add(lines, "Access-Control-Max-Age", CORS_MAX_AGE_S);
}
