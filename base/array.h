/* SPDX-License-Identifier: Apache-2.0 */
/* Arrays of PostgreSQL in text form, written element by element: {1,NULL,"a \"b\""}. */
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "base/text.h"

#include <stdint.h>

/* One element as a text, quoted. */
void array_quote(struct buf *out, struct text element);
void array_begin(struct buf *out);
/* ptr NULL: the element is NULL. */
void array_add_text(struct buf *out, struct text element);
void array_add_int(struct buf *out, int64_t element);
/* NUL-terminated; the array lives in the buffer. */
const char *array_end(struct buf *out);
/* The array as a text of the arena; the buffer is freed. */
const char *array_move(struct buf *out, struct arena *arena);
