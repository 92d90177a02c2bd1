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
/* The client is gone: only counts and logs. */
void reply_discard(struct connection *connection);

/* The values of two headers, NUL-terminated; room as below. The request was routed. */
#define REPLY_CONSISTENCY_BYTES 512
#define REPLY_TIMING_BYTES 128
void reply_consistency(const struct request *request, char *out);
void reply_timing(const struct request *request, char *out);
/* Whole seconds, rounded up, at least 1. */
int64_t reply_retry_after_s(const struct request *request);
