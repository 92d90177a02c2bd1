/* SPDX-License-Identifier: Apache-2.0 */
/* An lsn as PostgreSQL reads and prints it (pg_lsn.c there): two hexadecimal halves and a slash. */
#include "base/position.h"

#include <stdio.h>

/* Reads one half: 1 to 8 hexadecimal digits. */
static bool lsn_half(const char *ptr, size_t len, uint32_t *half)
{
	if (len < 1 || len > 8)
		return false;
	*half = 0;
	for (size_t i = 0; i < len; i++) {
		unsigned digit;

		if (ptr[i] >= '0' && ptr[i] <= '9')
			digit = (unsigned)(ptr[i] - '0');
		else if (ptr[i] >= 'A' && ptr[i] <= 'F')
			digit = (unsigned)(ptr[i] - 'A') + 10;
		else if (ptr[i] >= 'a' && ptr[i] <= 'f')
			digit = (unsigned)(ptr[i] - 'a') + 10;
		else
			return false;
		*half = *half << 4 | digit;
	}
	return true;
}

bool lsn_parse(struct text text, uint64_t *lsn)
{
	const char *slash = text.len ? memchr(text.ptr, '/', text.len) : NULL;
	uint32_t high, low;
	size_t before;

	if (!slash)
		return false;
	before = (size_t)(slash - text.ptr);
	if (!lsn_half(text.ptr, before, &high) || !lsn_half(slash + 1, text.len - before - 1, &low))
		return false;
	*lsn = (uint64_t)high << 32 | low;
	return true;
}

char *lsn_format(uint64_t lsn, char *out)
{
	snprintf(out, POSITION_TEXT_MAX, "%X/%X", (unsigned)(lsn >> 32), (unsigned)lsn);
	return out;
}
