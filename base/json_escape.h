/* SPDX-License-Identifier: Apache-2.0 */
/* How a byte of ASCII stands in a JSON string (RFC 8259 section 7). Never allocates. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

/* Of one byte of ASCII, and enough for any character of UTF-8. */
#define JSON_ESCAPE_BYTES_MAX 6

/* Does it not stand for itself? A byte beyond ASCII may, with those around it. */
static inline bool json_byte_special(unsigned char byte)
{
	return byte < 0x20 || byte == '"' || byte == '\\' || byte >= 0x80;
}

/* Writes the escape of a control character, a quote or a backslash; its length. */
static inline size_t json_escape(unsigned char byte, char *out)
{
	static const char letters[0x20] = {
		['\b'] = 'b', ['\t'] = 't', ['\n'] = 'n', ['\f'] = 'f', ['\r'] = 'r'
	};
	static const char digits[] = "0123456789ABCDEF";

	out[0] = '\\';
	if (byte >= 0x20 || letters[byte]) {
		out[1] = byte >= 0x20 ? (char)byte : letters[byte];
		return 2;
	}
	memcpy(out + 1, "u00", 3);
	out[4] = digits[byte >> 4];
	out[5] = digits[byte & 15];
	return 6;
}
