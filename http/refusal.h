/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Problem documents in place of the HTML with which libmicrohttpd before 1.0 refuses requests that
 * have not reached a handler; for a Content-Length that is no number, even with two heads. All that
 * it lets us have is its log message, given before it replies. That names a status but no
 * connection: it is the one that can be meant, and when there are several, they get what the
 * library says.
 */
#pragma once

#include <stdarg.h>

struct connection;
struct connections;
struct problem;

/* A message of the library: is it about such a request? Then replies in the library's place. */
void refusal_on_log(struct connections *connections, const char *format, va_list args);

/* 400 for a request that the library will never read on; shuts the socket for writing. */
void refusal_stalled(struct connection *connection);

/* Ends a request whose reply the library has no room for: written to the socket, past it. */
void refusal_past_library(struct connection *connection, const struct problem *problem);

/* 503 for a request whose head is not in yet; shuts the socket for writing. */
void refusal_shed(struct connection *connection);

/* 503 for a connection that the library does not get. Takes fd; the client need not have asked. */
void refusal_full(struct connections *connections, int fd, const char *detail);
