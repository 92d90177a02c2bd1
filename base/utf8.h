/* SPDX-License-Identifier: Apache-2.0 */
/* Is a text UTF-8? The table of RFC 3629 section 4 (Unicode 15, table 3-7) as code. */
#pragma once

#include "base/check.h"
#include "base/text.h"

#include <stdbool.h>
#include <stddef.h>

/* U+FFFD, which stands for what is not UTF-8. */
#define UTF8_REPLACEMENT "\xef\xbf\xbd"

/*
 * Bytes of the well-formed character at the beginning, which is none of ASCII; 0: there is none,
 * as where it is overlong, a surrogate, beyond U+10FFFF or cut short. left: 1 at least.
 */
static inline size_t utf8_length(const unsigned char *at, size_t left)
{
	size_t len = at[0] < 0xe0 ? 2 : at[0] < 0xf0 ? 3 : 4;
	unsigned char low = 0x80, high = 0xbf; /* of the second byte */

	if (at[0] < 0xc2 || at[0] > 0xf4 || len > left)
		return 0;
	if (at[0] == 0xe0)
		low = 0xa0; /* overlong */
	else if (at[0] == 0xed)
		high = 0x9f; /* surrogates */
	else if (at[0] == 0xf0)
		low = 0x90; /* overlong */
	else if (at[0] == 0xf4)
		high = 0x8f; /* beyond U+10FFFF */
	if (at[1] < low || at[1] > high)
		return 0;
	for (size_t i = 2; i < len; i++)
		if (at[i] < 0x80 || at[i] > 0xbf)
			return 0;
	return len;
}

/* RFC 3629: no overlong forms, no surrogates, nothing beyond U+10FFFF. U+0000 is fine here. */
bool utf8_valid(struct text text) must_check;
