/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What came of a request, as an HTTP reply: status, headers, body; counted and logged. The
 * connection stays in its state: who asks for the reply moves it.
 */
#pragma once

#include "base/check.h"
#include "base/request.h"

#include <microhttpd.h>

struct connection;

/* Hands the reply to libmicrohttpd, inside its handler; the request lives until it was sent. */
enum MHD_Result reply_send(struct connection *connection) must_check;
/* The problem of a request that leaves no room for a reply of the library; the connection ends. */
enum MHD_Result reply_past_library(struct connection *connection) must_check;
/* The same with a response whose body comes piece by piece; takes the response. */
enum MHD_Result reply_send_head(struct connection *connection, unsigned status,
				struct MHD_Response *response) must_check;
/* The client is gone: only counts and logs. */
void reply_discard(struct connection *connection);
