/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Content-Encoding: which replies leave as gzip. Those above GZIP_BYTES_MIN, and streams, for who
 * asks. A short one is compressed at once, a long one piece by piece as the library asks for it,
 * so that no loop is held up; a stream is flushed whenever nothing more is there yet.
 */
#pragma once

#include "base/check.h"

#include <microhttpd.h>
#include <stdbool.h>
#include <stddef.h>

struct asked;
struct connection;
struct connections;
struct header_lines;

/* The body of the reply of the connection, which lies in request->out as a whole, or is lent. */
struct MHD_Response *encoding_response(struct connection *connection) must_check;
/*
 * The same for a 304, in place of what that returned: with the length that the body would have,
 * where it is known, but without the body. Where it is not, the connection ends with this reply.
 */
struct MHD_Response *encoding_unsent(struct connection *connection,
				     struct MHD_Response *response) must_check;
/* A stream begins. */
void encoding_begin_stream(struct connection *connection);
/*
 * Moves what is in request->out on to bytes, encoded as it was decided; returns how many it wrote.
 * 0: there is nothing, not of the end of the encoding either.
 */
size_t encoding_move(struct connection *connection, char *bytes, size_t room) must_check;
/* Adds Content-Encoding. */
void encoding_headers(struct header_lines *lines, const struct asked *asked);
/* Would the body have been another one with another Accept-Encoding? */
bool encoding_varies(const struct asked *asked) must_check;
/* The exchange is over. */
void encoding_end(struct connections *connections, struct asked *asked);
