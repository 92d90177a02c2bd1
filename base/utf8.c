/* SPDX-License-Identifier: Apache-2.0 */
/* A byte of ASCII is a character by itself. */
#include "base/utf8.h"

bool utf8_valid(struct text text)
{
	const unsigned char *at = (const unsigned char *)text.ptr;

	for (size_t i = 0, len;; i += len) {
		while (i < text.len && at[i] < 0x80)
			i++;
		if (i == text.len)
			return true;
		len = utf8_length(at + i, text.len - i);
		if (len == 0)
			return false;
	}
}
