/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Level 1: of 4 KB of rows it makes a quarter in 25 µs; level 6 makes 7 % less of it, in half as
 * much time again, and takes more than twice as long from 64 KB on. A smaller window and table do
 * not help: 8 KB and 16 KB take as long for rows, and 7 % more instructions for hashes.
 */
#include "http/gzip.h"

#include "base/limits.h"
#include "base/log.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#define GZIP_LEVEL 1
#define GZIP_WINDOW_BITS (15 + 16) /* 32 KB; 16: header and trailer of gzip */
#define GZIP_MEMORY_LEVEL 8

struct gzip {
	struct list_link link;
	z_stream stream;
	bool flushed, ended;
};

void gzips_init(struct gzips *gzips)
{
	list_init(&gzips->idle);
	gzips->count = 0;
	buf_init(&gzips->whole);
}

static void gzip_free(struct gzip *gzip)
{
	(void)deflateEnd(&gzip->stream);
	free(gzip);
}

void gzips_fini(struct gzips *gzips)
{
	assert(gzips->count == 0);
	while (!list_empty(&gzips->idle))
		gzip_free(container_of(list_take_first(&gzips->idle), struct gzip, link));
	buf_fini(&gzips->whole);
}

static struct gzip *gzip_new(void)
{
	struct gzip *gzip = calloc(1, sizeof(*gzip));

	if (!gzip)
		log_fatal("http", "out of memory");
	if (deflateInit2(&gzip->stream, GZIP_LEVEL, Z_DEFLATED, GZIP_WINDOW_BITS, GZIP_MEMORY_LEVEL,
			 Z_DEFAULT_STRATEGY) == Z_OK)
		return gzip;
	free(gzip);
	return NULL;
}

struct gzip *gzip_take(struct gzips *gzips)
{
	struct gzip *gzip;

	if (gzips->count == GZIP_STATES_MAX)
		return NULL;
	if (list_empty(&gzips->idle))
		gzip = gzip_new();
	else
		gzip = container_of(list_take_first(&gzips->idle), struct gzip, link);
	if (!gzip)
		return NULL;
	gzip->flushed = gzip->ended = false;
	gzips->count++;
	return gzip;
}

void gzip_give_back(struct gzips *gzips, struct gzip *gzip)
{
	assert(gzips->count > 0);
	gzips->count--;
	if (gzips->idle.count >= GZIP_STATES_KEPT || deflateReset(&gzip->stream) != Z_OK)
		gzip_free(gzip);
	else
		list_append(&gzips->idle, &gzip->link);
}

static void gzip_deflate(struct gzip *gzip, int flush)
{
	int done = deflate(&gzip->stream, flush);

	/* Z_BUF_ERROR: there was nothing to do. */
	assert(done == Z_OK || done == Z_BUF_ERROR || done == Z_STREAM_END);
	gzip->ended = done == Z_STREAM_END;
	gzip->flushed = flush != Z_NO_FLUSH && gzip->stream.avail_out > 0;
}

size_t gzip_piece(struct gzip *gzip, struct text *in, bool last, char *out, size_t room)
{
	z_stream *stream = &gzip->stream;
	size_t len = in->len < GZIP_PIECE_BYTES ? in->len : GZIP_PIECE_BYTES;
	int flush = len < in->len ? Z_NO_FLUSH : last ? Z_FINISH : Z_SYNC_FLUSH;
	unsigned offered = room < UINT_MAX ? (unsigned)room : UINT_MAX;

	assert(room >= GZIP_ROOM_MIN);
	if (gzip_is_flushed(gzip, last) && in->len == 0)
		return 0;
	stream->next_in = (Bytef *)(uintptr_t)in->ptr;
	stream->avail_in = (unsigned)len;
	stream->next_out = (Bytef *)out;
	stream->avail_out = offered;
	gzip_deflate(gzip, flush);
	/* What compresses well may stay in the state for long. */
	if (stream->avail_out == offered && flush == Z_NO_FLUSH)
		gzip_deflate(gzip, Z_SYNC_FLUSH);
	len -= stream->avail_in;
	in->ptr += len;
	in->len -= len;
	return offered - stream->avail_out;
}

bool gzip_is_flushed(const struct gzip *gzip, bool last)
{
	return last ? gzip->ended : gzip->flushed;
}

bool gzip_whole(struct gzips *gzips, struct buf *body)
{
	struct gzip *gzip = gzip_take(gzips);
	struct buf *whole = &gzips->whole;
	bool shorter;

	if (!gzip)
		return false;
	/* What does not fit is not shorter. */
	gzip->stream.next_in = (Bytef *)body->ptr;
	gzip->stream.avail_in = (unsigned)body->len;
	gzip->stream.next_out = (Bytef *)buf_reserve(whole, body->len);
	gzip->stream.avail_out = (unsigned)body->len - 1;
	gzip_deflate(gzip, Z_FINISH);
	shorter = gzip->ended;
	if (shorter) {
		size_t len = body->len - 1 - gzip->stream.avail_out;

		buf_clear(body);
		buf_add(body, whole->ptr, len);
	}
	gzip_give_back(gzips, gzip);
	return shorter;
}

const char *gzip_library_version(void)
{
	return zlibVersion();
}
