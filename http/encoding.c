/* SPDX-License-Identifier: Apache-2.0 */
/* Nothing here for who does not ask but two comparisons. */
#include "http/encoding.h"

#include "base/limits.h"
#include "base/log.h"
#include "http/connection.h"
#include "http/gzip.h"
#include "http/header_lines.h"

#include <assert.h>
#include <string.h>

/* Unused: pieces are written straight into the library's buffer. */
#define ENCODING_BLOCK_BYTES 16

static bool encoding_begin_gzip(struct connection *connection)
{
	struct asked *asked = connection->exchange.asked;

	asked->gzip = asked->takes_gzip ? gzip_take(&connection->shared->gzips) : NULL;
	asked->encoding = asked->gzip ? ENCODING_GZIP : ENCODING_IDENTITY;
	return asked->gzip;
}

void encoding_begin_stream(struct connection *connection)
{
	(void)encoding_begin_gzip(connection);
}

static size_t encoding_gzip(struct connection *connection, bool last, char *bytes, size_t room)
{
	struct asked *asked = connection->exchange.asked;
	struct buf *out = &connection->exchange.request->out;
	struct text in = { out->ptr + asked->taken, out->len - asked->taken };
	size_t made = gzip_piece(asked->gzip, &in, last, bytes, room);

	asked->taken = out->len - in.len;
	return made;
}

size_t encoding_move(struct connection *connection, char *bytes, size_t room)
{
	struct asked *asked = connection->exchange.asked;
	struct request *request = connection->exchange.request;
	size_t left = request->out.len - asked->taken;

	if (asked->gzip)
		return encoding_gzip(connection, request->stream == STREAM_WHOLE, bytes, room);
	if (left > room)
		left = room;
	if (left)
		memcpy(bytes, request->out.ptr + asked->taken, left);
	asked->taken += left;
	return left;
}

static ssize_t encoding_on_read(void *arg, uint64_t position, char *bytes, size_t room)
{
	struct connection *connection = arg;
	size_t made;

	(void)position;
	connection->shared->calls++;
	if (connection->state == CONNECTION_CLOSING)
		return MHD_CONTENT_READER_END_WITH_ERROR;
	made = encoding_gzip(connection, true, bytes, room);
	return made ? (ssize_t)made : MHD_CONTENT_READER_END_OF_STREAM;
}

/* False: it leaves as it is in request->out, compressed there or not. */
static bool encoding_in_pieces(struct connection *connection)
{
	struct asked *asked = connection->exchange.asked;
	struct buf *out = &connection->exchange.request->out;

	if (out->len <= GZIP_BYTES_MIN)
		return false;
	asked->encoding = ENCODING_IDENTITY;
	if (!asked->takes_gzip)
		return false;
	/* In chunks, which HTTP/1.0 has not; of a HEAD the library would send the last one. */
	if (out->len > GZIP_WHOLE_BYTES_MAX)
		return connection->exchange.request->may_stream && encoding_begin_gzip(connection);
	if (gzip_whole(&connection->shared->gzips, out))
		asked->encoding = ENCODING_GZIP;
	return false;
}

/* It was compressed when it was made. */
static struct text encoding_lent(struct asked *asked, const struct lent *lent)
{
	bool packed = asked->takes_gzip && lent->gzip.len;

	if (lent->plain.len > GZIP_BYTES_MIN)
		asked->encoding = packed ? ENCODING_GZIP : ENCODING_IDENTITY;
	return asked->encoding == ENCODING_GZIP ? lent->gzip : lent->plain;
}

struct MHD_Response *encoding_response(struct connection *connection)
{
	struct request *request = connection->exchange.request;
	struct buf *out = &request->out;
	struct MHD_Response *response;

	if (request->lent) {
		struct text lent = encoding_lent(connection->exchange.asked, request->lent);

		response = MHD_create_response_from_buffer(lent.len, (void *)(uintptr_t)lent.ptr,
							   MHD_RESPMEM_PERSISTENT);
	} else if (encoding_in_pieces(connection)) {
		response = MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, ENCODING_BLOCK_BYTES,
							     encoding_on_read, connection, NULL);
	} else {
		response =
			MHD_create_response_from_buffer(out->len, out->ptr, MHD_RESPMEM_PERSISTENT);
	}
	if (!response)
		log_fatal("http", "out of memory");
	return response;
}

static ssize_t encoding_on_no_read(void *arg, uint64_t position, char *bytes, size_t room)
{
	(void)arg;
	(void)position;
	(void)bytes;
	(void)room;
	return MHD_CONTENT_READER_END_OF_STREAM;
}

/*
 * In pieces: the library would send chunks, and with them the last one, though a 304 has none. As
 * to a client of HTTP/1.0 it sends neither chunks nor a length, and closes.
 */
struct MHD_Response *encoding_unsent(struct connection *connection, struct MHD_Response *response)
{
	enum MHD_Result set;

	if (!connection->exchange.asked->gzip)
		return response;
	MHD_destroy_response(response);
	encoding_end(connection->shared, connection->exchange.asked);
	response = MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, ENCODING_BLOCK_BYTES,
						     encoding_on_no_read, NULL, NULL);
	if (!response)
		log_fatal("http", "out of memory");
	set = MHD_set_response_options(response, MHD_RF_HTTP_VERSION_1_0_ONLY, MHD_RO_END);
	assert(set == MHD_YES);
	connection->exchange.must_close = true;
	return response;
}

void encoding_headers(struct header_lines *lines, const struct asked *asked)
{
	if (asked->encoding == ENCODING_GZIP)
		header_lines_add(lines, "Content-Encoding", "gzip");
}

bool encoding_varies(const struct asked *asked)
{
	return asked->encoding != ENCODING_SHORT;
}

void encoding_end(struct connections *connections, struct asked *asked)
{
	if (!asked->gzip)
		return;
	gzip_give_back(&connections->gzips, asked->gzip);
	asked->gzip = NULL;
}
