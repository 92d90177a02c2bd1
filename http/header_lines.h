/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The headers of one reply, put together as lines and handed to libmicrohttpd as one header: each
 * header that it is given costs it three allocations, 1,200 instructions in all, of the 40,000 of
 * a read. Its check of values holds for all of them: no value can begin a line of its own.
 *
 * This relies on what the library does and does not document (header_lines.c says what). Whether it
 * does is tried at the start; where it does not, each line is handed over as a header of its own,
 * and a client sees the same.
 *
 * Not for Connection, Transfer-Encoding, Content-Length and Date, of which the library takes note
 * when they are added. One thread; nothing is allocated once the text has grown.
 */
#pragma once

#include "base/buf.h"
#include "base/limits.h"

#include <assert.h>
#include <microhttpd.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#define HEADER_LINES_BLANKS "  " /* hold the place of a line's end */

struct header_lines {
	struct buf text; /* "Name: value" and two bytes for the end of each line */
	unsigned count;  /* of whole lines */
	size_t ends[HTTP_REPLY_LINES_MAX]; /* where each line ends in text */
	size_t began;                      /* the line that is being written */
	bool as_one;                       /* the library was found to allow it */
};

/* Tries the library, with a response that is never sent. */
void header_lines_init(struct header_lines *lines);
void header_lines_fini(struct header_lines *lines);

/* A value is put together: it is added to what this returns, which is lent. */
static inline struct buf *header_lines_begin(struct header_lines *lines, const char *name)
{
	lines->began = lines->text.len;
	buf_add(&lines->text, name, strlen(name));
	buf_literal(&lines->text, ": ");
	return &lines->text;
}

/* The value is not empty and has no control characters. */
static inline void header_lines_end(struct header_lines *lines)
{
	assert(lines->count < HTTP_REPLY_LINES_MAX);
	lines->ends[lines->count++] = lines->text.len;
	buf_literal(&lines->text, HEADER_LINES_BLANKS);
}

/* The line that was begun is none. */
static inline void header_lines_drop(struct header_lines *lines)
{
	lines->text.len = lines->began;
}

/* The same for a value that is there. */
static inline void header_lines_add(struct header_lines *lines, const char *name, const char *value)
{
	buf_add(header_lines_begin(lines, name), value, strlen(value));
	header_lines_end(lines);
}

/* Adds them to the response; there is at least one. Empty again. */
void header_lines_hand_over(struct header_lines *lines, struct MHD_Response *response);
