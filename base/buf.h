/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A byte buffer that only grows at its end. Never NUL-terminated unless buf_byte(buf, 0) says so.
 * Running out of memory ends the process; a limit is the caller's business (look at len).
 */
#pragma once

#include "base/check.h"
#include "base/text.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct buf {
	char *ptr;
	size_t len, room;
};

void buf_init(struct buf *buf);
void buf_fini(struct buf *buf);
/* Keeps the memory. */
static inline void buf_clear(struct buf *buf)
{
	buf->len = 0;
}

/* Makes room for at least this many more bytes. The slow path of buf_reserve. */
void buf_grow(struct buf *buf, size_t more);

/* Where the next bytes go, with room for that many; add what was written to len. */
static inline char *buf_reserve(struct buf *buf, size_t more)
{
	if (buf->room - buf->len < more)
		buf_grow(buf, more);
	return buf->ptr + buf->len;
}

static inline void buf_add(struct buf *buf, const void *ptr, size_t len)
{
	if (len) {
		memcpy(buf_reserve(buf, len), ptr, len);
		buf->len += len;
	}
}

static inline void buf_byte(struct buf *buf, char byte)
{
	*buf_reserve(buf, 1) = byte;
	buf->len++;
}

#define buf_literal(buf, literal) buf_add((buf), (literal), sizeof(literal) - 1)

void buf_text(struct buf *buf, struct text text);
void buf_string(struct buf *buf, const char *string);
void buf_printf(struct buf *buf, const char *format, ...) printf_like(2, 3);
void buf_vprintf(struct buf *buf, const char *format, va_list args);
/* Decimal, without going through printf. */
void buf_int(struct buf *buf, int64_t number);
/* The fewest digits that read back the same: 0.1, 1e+22, inf, nan. */
void buf_real(struct buf *buf, double real);
/* A JSON string with its quotes (RFC 8259). Bytes that are no UTF-8 become U+FFFD. */
void buf_json_string(struct buf *buf, const char *ptr, size_t len);
/* Base64 (RFC 4648 section 4, padded) or URL-safe without padding (section 5). */
void buf_base64(struct buf *buf, const void *ptr, size_t len);
void buf_base64url(struct buf *buf, const void *ptr, size_t len);

/* Decodes URL-safe base64 without padding; false: not such text, or more than room bytes. */
bool base64url_decode(struct text text, void *out, size_t room, size_t *len) must_check;
