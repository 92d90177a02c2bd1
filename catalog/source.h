/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The text of one file while it is read: places for byte offsets, and what is wrong with it.
 * Only files of catalog/ include this. One thread.
 */
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "base/check.h"
#include "base/text.h"
#include "catalog/catalog.h"

#include <stdbool.h>
#include <stddef.h>

/* Lines for the author, over all files; beyond CATALOG_ERRORS_MAX they are only counted. */
struct complaints {
	struct buf *lines;
	unsigned count;
};

struct source {
	const char *name; /* relative to the catalog's folder */
	struct text text; /* without its byte order mark; borrowed */
	struct complaints *complaints;
	/* The place found last: most questions go forward. */
	size_t seen_at;
	unsigned seen_line, seen_column;
};

/*
 * Checks that the bytes are text: UTF-8 (RFC 3629) without NUL. Skips a byte order mark. False: it
 * was complained about, and there is nothing to read.
 */
bool source_open(struct source *source, const char *name, struct text bytes,
		 struct complaints *complaints) must_check;

/* Of the byte at that offset; offsets up to the text's length are fine. */
struct place source_place(struct source *source, size_t at);
/* Adds "name:line:col: error: …"; at: a byte offset. */
void source_error(struct source *source, size_t at, const char *format, ...) printf_like(3, 4);
/* The same with "; did you mean "best"?" behind it; best.ptr NULL: without. */
void source_error_near(struct source *source, size_t at, struct text best, const char *format, ...)
	printf_like(4, 5);
/* The same for a place of any file. */
void complain_at(struct complaints *complaints, struct place place, const char *format, ...)
	printf_like(3, 4);
/* With the nearest name that is known; best.ptr NULL: none is near. */
void complain_near(struct complaints *complaints, struct place place, struct text best,
		   const char *format, ...) printf_like(4, 5);
/* For what has no text: "name: error: …". */
void complain(struct complaints *complaints, const char *name, const char *format, ...)
	printf_like(3, 4);

/* For "%.*s": a run of the author's bytes, cut to 64 without splitting a character. */
int source_shown(struct text text);
