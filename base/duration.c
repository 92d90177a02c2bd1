/* SPDX-License-Identifier: Apache-2.0 */
/* Ten digits at most: nothing overflows. */
#include "base/duration.h"

#include <string.h>

#define DURATION_S_MAX (INT64_C(36525) * 86400) /* 100 years */
#define DURATION_DIGITS_MAX 10

bool duration_read(struct text text, int64_t *seconds)
{
	static const char units[] = "smhd";
	static const int64_t unit_s[] = { 1, 60, 3600, 86400 };
	int64_t number = 0;
	const char *unit;
	size_t len = 0;

	while (len < text.len && byte_is_digit(text.ptr[len]))
		len++;
	if (len < 1 || len > DURATION_DIGITS_MAX || len + 1 != text.len || !text.ptr[len])
		return false;
	unit = strchr(units, text.ptr[len]);
	if (!unit)
		return false;
	for (size_t i = 0; i < len; i++)
		number = number * 10 + (text.ptr[i] - '0');
	*seconds = number * unit_s[unit - units];
	return *seconds <= DURATION_S_MAX;
}
