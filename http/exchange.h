/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One HTTP exchange, from the request line to the last byte of the reply: what was asked, what came
 * of the body, and the struct request, which it owns but while the router has it. How it goes on
 * is in http/handler.h.
 */
#pragma once

#include "base/buf.h"
#include "base/request.h"
#include "base/text.h"
#include "http/head/headers_in.h"
#include "http/head/route.h"
#include "http/validator.h"

#include <stdbool.h>
#include <stdint.h>

struct admin_page;
struct gzip;

/* How the body of a reply leaves. */
enum encoding {
	ENCODING_SHORT,    /* as it is: it is too short to ask */
	ENCODING_IDENTITY, /* as it is, though it might be compressed for another client */
	ENCODING_GZIP
};

/* What was asked, as far as struct request does not hold it, and how the reply gets on. */
struct asked {
	struct headers_in headers;
	struct route route; /* points into target */

	/* Of a page in a browser (http/cors.h); in the request's arena. */
	const char *cors_origin;  /* that may read the reply; NULL: none */
	const char *cors_headers; /* that it may send, of a preflight; NULL: no list */
	bool preflight;           /* asks only whether it may ask */

	struct text certificate; /* of a client of a proxy (http/forwarded.h); ptr NULL: none */

	/* Of an admin listener (http/pages.h). */
	const struct admin_page *page;
	bool page_trusts; /* the client may see all of it */

	unsigned pieces_left; /* small pieces of the body that were left to the library */

	struct validator validator; /* of the reply, and what the client has */

	bool takes_gzip; /* by its Accept-Encoding (http/encoding.h) */
	enum encoding encoding;
	struct gzip
		*gzip; /* compresses a reply that leaves in pieces; NULL: it is not compressed */

	/* Of a reply that leaves while it grows (http/chunked_reply.h). */
	size_t taken;          /* of request->out */
	uint64_t handed_over;  /* to the library, in all, compressed or not */
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

static inline struct text exchange_target(const struct exchange *exchange)
{
	return (struct text){ exchange->target.ptr, exchange->target.len };
}

static inline bool exchange_failed(const struct exchange *exchange)
{
	return exchange->request->outcome != OUTCOME_OK;
}

/* Each may fail the request, which then holds the outcome. */

/* Which operation is meant, and may this method ask for it? The route was found. */
void exchange_take_route(struct exchange *exchange, struct text method);
/* The query string, and whether body and Content-Type are what this method asks for. */
void exchange_take_query(struct exchange *exchange, struct text method);
/* The body as a whole. */
void exchange_read_json(struct exchange *exchange, struct text text);
