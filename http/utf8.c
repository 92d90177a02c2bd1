/* SPDX-License-Identifier: Apache-2.0 */
/* The table of RFC 3629 section 4 as code. */
#include "http/utf8.h"

/* The length of the well-formed character at the beginning; 0: there is none. */
static size_t utf8_length(const unsigned char *at, size_t left)
{
	size_t len = at[0] < 0x80 ? 1 : at[0] < 0xe0 ? 2 : at[0] < 0xf0 ? 3 : 4;
	unsigned char low = 0x80, high = 0xbf; /* of the second byte */

	if (len == 1)
		return 1;
	if (at[0] < 0xc2 || at[0] > 0xf4 || len > left)
		return 0;
	if (at[0] == 0xe0)
		low = 0xa0;
	else if (at[0] == 0xed)
		high = 0x9f;
	else if (at[0] == 0xf0)
		low = 0x90;
	else if (at[0] == 0xf4)
		high = 0x8f;
	if (at[1] < low || at[1] > high)
		return 0;
	for (size_t i = 2; i < len; i++)
		if ((at[i] & 0xc0) != 0x80)
			return 0;
	return len;
}

bool utf8_valid(struct text text)
{
	const unsigned char *at = (const unsigned char *)text.ptr;

	for (size_t i = 0, len; i < text.len; i += len) {
		len = utf8_length(at + i, text.len - i);
		if (len == 0)
			return false;
	}
	return true;
}
