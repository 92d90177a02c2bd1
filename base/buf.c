/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes that gather for a reply: JSON strings, numbers and base64 without going through printf. */
#include "base/buf.h"

#include "base/json_escape.h"
#include "base/log.h"
#include "base/utf8.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#define BUF_ROOM_FIRST ((size_t)256)

static const char digits[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";

void buf_init(struct buf *buf)
{
	*buf = (struct buf){ NULL, 0, 0 };
}

void buf_fini(struct buf *buf)
{
	free(buf->ptr);
	buf_init(buf);
}

void buf_grow(struct buf *buf, size_t more)
{
	size_t room = buf->room ? buf->room : BUF_ROOM_FIRST;
	char *ptr;

	assert(more <= SIZE_MAX / 4);
	assert(buf->len <= SIZE_MAX / 4);
	while (room - buf->len < more)
		room *= 2;
	ptr = realloc(buf->ptr, room);
	if (!ptr)
		log_fatal("buf", "out of memory (%zu bytes wanted)", room);
	buf->ptr = ptr;
	buf->room = room;
}

void buf_text(struct buf *buf, struct text text)
{
	buf_add(buf, text.ptr, text.len);
}

void buf_string(struct buf *buf, const char *string)
{
	buf_add(buf, string, strlen(string));
}

void buf_printf(struct buf *buf, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	buf_vprintf(buf, format, args);
	va_end(args);
}

void buf_vprintf(struct buf *buf, const char *format, va_list args)
{
	va_list again;
	size_t room = buf->room - buf->len;
	int len;

	va_copy(again, args);
	len = vsnprintf(room ? buf->ptr + buf->len : NULL, room, format, args);
	assert(len >= 0);
	if ((size_t)len >= room)
		vsnprintf(buf_reserve(buf, (size_t)len + 1), (size_t)len + 1, format, again);
	va_end(again);
	buf->len += (size_t)len;
}

void buf_int(struct buf *buf, int64_t number)
{
	char out[20];
	char *at = out + sizeof(out);
	uint64_t rest = number < 0 ? -(uint64_t)number : (uint64_t)number;

	/* Most are: whole seconds, counts. */
	if (rest < 10 && number >= 0) {
		buf_byte(buf, digits[rest]);
		return;
	}
	do {
		*--at = digits[rest % 10];
		rest /= 10;
	} while (rest);
	if (number < 0)
		*--at = '-';
	buf_add(buf, at, (size_t)(out + sizeof(out) - at));
}

void buf_real(struct buf *buf, double real)
{
	char text[48];
	/*
	 * 15 digits are always told apart, so if they read back the same, they are the fewest once
	 * %g has dropped its zeros. Only subnormal numbers have fewer: there all counts are tried.
	 */
	int count = real < 2.3e-308 && real > -2.3e-308 ? 1 : 15;

	do
		snprintf(text, sizeof(text), "%.*g", count, real);
	while (strtod(text, NULL) != real && ++count <= 17);
	buf_string(buf, text);
}

/* --- JSON strings (RFC 8259 section 7) ------------------------------------------------------- */

#define EVERY_BYTE UINT64_C(0x0101010101010101)
#define TOP_BITS UINT64_C(0x8080808080808080)

/* Is one of eight bytes a control character, a quote, a backslash or not ASCII? */
static inline bool json_word_special(uint64_t word)
{
	uint64_t control = word - EVERY_BYTE * 0x20;
	uint64_t quote = (word ^ (EVERY_BYTE * '"')) - EVERY_BYTE;
	uint64_t backslash = (word ^ (EVERY_BYTE * '\\')) - EVERY_BYTE;

	return ((control | quote | backslash | word) & TOP_BITS) != 0;
}

static void buf_json_escape(struct buf *buf, unsigned char byte)
{
	buf->len += json_escape(byte, buf_reserve(buf, JSON_ESCAPE_BYTES_MAX));
}

/* Copies what needs no escape, eight bytes at a time; room for all of it is there already. */
static inline size_t buf_json_plain(struct buf *buf, const unsigned char *ptr, size_t len)
{
	char *out = buf->ptr + buf->len;
	size_t at = 0;
	uint64_t word;

	while (len - at >= sizeof(word)) {
		memcpy(&word, ptr + at, sizeof(word));
		if (json_word_special(word))
			break;
		memcpy(out + at, &word, sizeof(word));
		at += sizeof(word);
	}
	while (at < len && !json_byte_special(ptr[at])) {
		out[at] = (char)ptr[at];
		at++;
	}
	buf->len += at;
	return at;
}

void buf_json_string(struct buf *buf, const char *ptr, size_t len)
{
	const unsigned char *at = (const unsigned char *)ptr;
	size_t run;

	buf_reserve(buf, len + 2);
	buf->ptr[buf->len++] = '"';
	while (len) {
		buf_reserve(buf, len + 1);
		run = buf_json_plain(buf, at, len);
		at += run;
		len -= run;
		if (len == 0)
			break;
		run = 1;
		if (*at < 0x80) {
			buf_json_escape(buf, *at);
		} else {
			run = utf8_length(at, len);
			if (run)
				buf_add(buf, at, run);
			else
				buf_literal(buf, UTF8_REPLACEMENT);
			run = run ? run : 1;
		}
		at += run;
		len -= run;
	}
	buf_byte(buf, '"');
}

/* --- Base64 (RFC 4648) ----------------------------------------------------------------------- */

static const char alphabet_plain[] =
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char alphabet_url[] =
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

static void buf_base64_with(struct buf *buf, const char *alphabet, const unsigned char *ptr,
			    size_t len)
{
	char *out = buf_reserve(buf, len / 3 * 4 + 4);

	for (; len >= 3; ptr += 3, len -= 3) {
		*out++ = alphabet[ptr[0] >> 2];
		*out++ = alphabet[(ptr[0] & 3) << 4 | ptr[1] >> 4];
		*out++ = alphabet[(ptr[1] & 15) << 2 | ptr[2] >> 6];
		*out++ = alphabet[ptr[2] & 63];
	}
	if (len) {
		unsigned second = len > 1 ? ptr[1] : 0;

		*out++ = alphabet[ptr[0] >> 2];
		*out++ = alphabet[(ptr[0] & 3) << 4 | second >> 4];
		if (len > 1)
			*out++ = alphabet[(second & 15) << 2];
	}
	buf->len = (size_t)(out - buf->ptr);
}

void buf_base64(struct buf *buf, const void *ptr, size_t len)
{
	buf_base64_with(buf, alphabet_plain, ptr, len);
	for (size_t rest = len % 3; rest != 0 && rest < 3; rest++)
		buf_byte(buf, '=');
}

void buf_base64url(struct buf *buf, const void *ptr, size_t len)
{
	buf_base64_with(buf, alphabet_url, ptr, len);
}

/* 0 to 63, or 64 for what is not of the alphabet. */
static uint32_t base64url_value(char letter)
{
	if (letter >= 'A' && letter <= 'Z')
		return (uint32_t)(letter - 'A');
	if (letter >= 'a' && letter <= 'z')
		return (uint32_t)(letter - 'a') + 26;
	if (letter >= '0' && letter <= '9')
		return (uint32_t)(letter - '0') + 52;
	return letter == '-' ? 62 : letter == '_' ? 63 : 64;
}

bool base64url_decode(struct text text, void *out, size_t room, size_t *len)
{
	unsigned char *to = out;
	uint32_t bits = 0;
	unsigned held = 0;

	*len = 0;
	if (text.len % 4 == 1 || text.len / 4 * 3 + (text.len % 4 * 3) / 4 > room)
		return false;
	for (size_t i = 0; i < text.len; i++) {
		uint32_t value = base64url_value(text.ptr[i]);

		if (value > 63)
			return false;
		bits = bits << 6 | value;
		held += 6;
		if (held >= 8) {
			held -= 8;
			to[(*len)++] = (unsigned char)(bits >> held);
			bits &= (1u << held) - 1;
		}
	}
	/* Left-over bits must be clear, or two texts would mean the same bytes. */
	return bits == 0;
}
