/* SPDX-License-Identifier: Apache-2.0 */
/* At most six digits on either side of the point: no number overflows. */
#include "http/head/seconds.h"

#include "base/clock.h"

bool seconds_parse(struct text text, int64_t *us)
{
	int64_t whole = 0, part = 0, unit = US_PER_S;
	size_t i = 0;

	for (; i < text.len && text.ptr[i] >= '0' && text.ptr[i] <= '9' && i < 6; i++)
		whole = whole * 10 + (text.ptr[i] - '0');
	if (i == 0)
		return false;
	if (i < text.len && text.ptr[i] == '.') {
		for (i++; i < text.len && text.ptr[i] >= '0' && text.ptr[i] <= '9' && unit > 1;
		     i++) {
			unit /= 10;
			part += (text.ptr[i] - '0') * unit;
		}
		if (unit == US_PER_S)
			return false;
	}
	*us = whole * US_PER_S + part;
	return i == text.len && *us <= 86400 * US_PER_S;
}
