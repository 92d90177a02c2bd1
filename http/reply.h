/* SPDX-License-Identifier: Apache-2.0 */
/* What came of a request, as an HTTP reply: status, headers, body; counted and logged. */
#pragma once

#include "base/buf.h"
#include "base/check.h"
#include "base/request.h"

#include <microhttpd.h>
#include <stddef.h>

struct connection;

/* Hands the reply to libmicrohttpd, inside its handler; the request lives until it was sent. */
enum MHD_Result reply_send(struct connection *connection) must_check;
/* The problem of a request that leaves no room for a reply of the library; the connection ends. */
enum MHD_Result reply_past_library(struct connection *connection) must_check;
/* The same with a response whose body comes piece by piece; takes the response. */
enum MHD_Result reply_send_head(struct connection *connection, unsigned status,
				struct MHD_Response *response) must_check;
/* The value has no control characters. */
void reply_header(struct MHD_Response *response, const char *name, const char *value);
/* The client is gone: only counts and logs. */
void reply_discard(struct connection *connection);

/* Append the values of two headers; the request was routed. */
void reply_consistency(const struct request *request, struct buf *out);
void reply_timing(const struct request *request, struct buf *out);
/* Whole seconds, rounded up, at least 1. */
int64_t reply_retry_after_s(const struct request *request);
