/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the headers of a request say, into the request's fields. Texts are copied into its arena.
 * A header that would weaken a guarantee when misread is refused, never guessed at.
 */
#pragma once

#include "base/check.h"
#include "base/request.h"
#include "base/text.h"
#include "http/head/head.h"

#include <stdbool.h>
#include <stdint.h>

enum media_type { MEDIA_ABSENT, MEDIA_JSON, MEDIA_OTHER };

/* What the exchange needs and struct request does not hold. */
struct headers_in {
	int64_t content_length; /* -1: not given */
	bool has_body;          /* announced: a length beyond 0, or chunked */
	bool chunked;
	bool expects_continue;      /* the client waits for 100 before it sends the body */
	bool keep_alive;            /* HTTP/1.1: the connection may stay open */
	enum media_type media_type; /* of the body */
	struct text tracestate;     /* ptr NULL: absent or malformed, or no traceparent */
};

/* Framing, tracing, X-Request-Id if it is sane: never refused, the guard has been here. */
void headers_in_frame(const struct head *head, struct request *request, struct headers_in *in);
/* The rest; kind is set. False: the request holds the outcome. user_header: as in the settings. */
bool headers_in_read(const struct head *head, const char *user_header,
		     struct request *request) must_check;
