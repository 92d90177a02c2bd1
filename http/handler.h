/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Turns handler calls of libmicrohttpd into a struct request, and what came of it into a reply.
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

#include <microhttpd.h>
#include <stddef.h>

struct connection;

/* The request line is in. */
void handler_on_target(struct connection *connection, const char *target);
/* As MHD_AccessHandlerCallback; MHD_NO ends the connection. */
enum MHD_Result handler_on_call(struct connection *connection, const char *method,
				const char *version, const char *upload, size_t *upload_bytes);
/* The reply has left, or never will. */
void handler_on_completed(struct connection *connection, enum MHD_RequestTerminationCode code);
/* The library has closed the connection, and perhaps said no word about its request. */
void handler_on_closed(struct connection *connection);
