/* SPDX-License-Identifier: Apache-2.0 */
/*
 * zlib's deflate with the header and trailer of gzip, for the replies of one listener, on its
 * loop's thread. The state of a compression takes 260 KB: some are kept for the next replies, and
 * no more than GZIP_STATES_MAX exist; beyond that replies leave as they are.
 */
#pragma once

#include "base/buf.h"
#include "base/check.h"
#include "base/list.h"
#include "base/text.h"

#include <stdbool.h>
#include <stddef.h>

struct gzip;

struct gzips {
	struct list idle; /* of struct gzip */
	unsigned count;   /* in use */
	struct buf whole; /* of gzip_whole; empty in between */
};

void gzips_init(struct gzips *gzips);
/* None is in use. */
void gzips_fini(struct gzips *gzips);

/* One that begins a new body. NULL: as many as may be are in use, or there is no memory. */
struct gzip *gzip_take(struct gzips *gzips) must_check;
void gzip_give_back(struct gzips *gzips, struct gzip *gzip);

/*
 * Compresses from the front of in, at most GZIP_PIECE_BYTES in a call, about a third of a
 * millisecond, and takes off what it has read. Returns how many bytes of out it wrote; 0 once in is
 * empty and gzip_is_flushed(last). By then all that was read can be read by the client, too.
 * last: nothing follows what is in in. room: at least GZIP_ROOM_MIN bytes, since zlib repeats the
 * mark of a flush for which there was no room.
 */
size_t gzip_piece(struct gzip *gzip, struct text *in, bool last, char *out, size_t room) must_check;
/* Was all that was read written, too? last: also the end of the body. */
bool gzip_is_flushed(const struct gzip *gzip, bool last) must_check;
/* Compresses all of body in place. False: it does not become shorter, and stays as it is. */
bool gzip_whole(struct gzips *gzips, struct buf *body) must_check;

/* The version of zlib that runs, "1.2.13". */
const char *gzip_library_version(void);
