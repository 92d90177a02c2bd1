/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One HTTP exchange: from the request line to the last byte of the reply. It owns the struct
 * request in between, but while the router has it.
 *
 *   request line ─► headers: guard, route, headers, query string
 *                     │  refused and it cannot go on: answered at once, the connection closes
 *                     ▼
 *                   body ─► complete: JSON ─► router ─► answered, or suspended until on_done
 *
 * A refusal that leaves the framing intact waits for the body and answers then, so that the
 * connection stays open.
 */
#pragma once

#include "base/buf.h"
#include "base/request.h"
#include "http/headers_in.h"
#include "http/route.h"

#include <microhttpd.h>
#include <stdbool.h>
#include <stdint.h>

struct connection;
struct listener;

/* What was asked, as far as struct request does not hold it, and how the reply gets on. */
struct asked {
	struct headers_in headers;
	struct route route; /* points into target */

	/* Of a page in a browser (http/cors.h); in the request's arena. */
	const char *cors_origin;  /* that may read the reply; NULL: none */
	const char *cors_headers; /* that it may send, of a preflight; NULL: no list */
	bool preflight;           /* asks only whether it may ask */

	/* Of a reply that leaves while it grows (http/chunked_reply.h). */
	size_t taken;          /* of request->out */
	uint64_t handed_over;  /* to the library, in all */
	uint64_t acknowledged; /* by the client's kernel, when progress was seen last */
	int64_t began_us, progress_us;
};

/* Small while the connection rests: there may be many thousands of them. */
struct exchange {
	struct request *request;  /* NULL: the headers are not in yet */
	struct asked *asked;      /* in the request's arena */
	struct buf target;        /* raw, NUL-terminated; len without the NUL; no memory at rest */
	const char *target_at;    /* where it lay in the library's buffer */
	struct buf body;          /* what came of it, when it came in pieces */
	size_t head_bytes;        /* of the request line and headers; 0: not known */
	uint64_t body_bytes;      /* that came in all */
	bool must_close;          /* after the reply */
	const char *content_type; /* of the reply; NULL: JSON */
	bool with_router;         /* the request is the router's: its on_done is still to come */
};

void exchange_init(struct exchange *exchange);
void exchange_fini(struct exchange *exchange);

/* A new request id; id holds REQUEST_ID_BYTES_MAX + 1 bytes. */
void exchange_make_id(struct listener *listener, char *id);

/* The request line is in. */
void exchange_on_target(struct connection *connection, const char *target);
/* As MHD_AccessHandlerCallback; MHD_NO ends the connection. */
enum MHD_Result exchange_on_call(struct connection *connection, const char *method,
				 const char *version, const char *upload, size_t *upload_bytes);
/* The reply has left, or never will. */
void exchange_on_completed(struct connection *connection, enum MHD_RequestTerminationCode code);
