/* SPDX-License-Identifier: Apache-2.0 */
/* Words, numbers and durations of comment lines. */
#include "catalog/words.h"

#include "base/clock.h"
#include "catalog/lexer.h"

#include <assert.h>
#include <strings.h>

#define DURATION_DAYS_MAX 1000

struct cut cut_take(struct cut *rest, size_t len)
{
	struct cut cut = { { rest->text.ptr, len }, rest->at };

	assert(len <= rest->text.len);
	rest->text.ptr += len;
	rest->text.len -= len;
	rest->at += len;
	return cut;
}

struct cut cut_trim(struct cut cut)
{
	size_t spaces = 0;

	while (spaces < cut.text.len && lexer_is_space(cut.text.ptr[spaces]))
		spaces++;
	(void)cut_take(&cut, spaces);
	while (cut.text.len > 0 && lexer_is_space(cut.text.ptr[cut.text.len - 1]))
		cut.text.len--;
	return cut;
}

struct cut cut_word(struct cut *rest)
{
	size_t len = 0;

	*rest = cut_trim(*rest);
	while (len < rest->text.len && !lexer_is_space(rest->text.ptr[len]))
		len++;
	return cut_take(rest, len);
}

bool text_is_nocase(struct text text, const char *word)
{
	return text.len == strlen(word) && strncasecmp(text.ptr, word, text.len) == 0;
}

bool text_number(struct text text, uint64_t max, uint64_t *number)
{
	*number = 0;
	for (size_t i = 0; i < text.len; i++) {
		uint64_t digit = (uint64_t)(unsigned char)text.ptr[i] - '0';

		if (digit > 9 || *number > (UINT64_MAX - digit) / 10)
			return false;
		*number = *number * 10 + digit;
	}
	return text.len > 0 && *number <= max;
}

int64_t text_signed(struct text text)
{
	bool is_negative = text.len && text.ptr[0] == '-';
	struct text digits = { text.ptr + is_negative, text.len - is_negative };
	uint64_t number;

	if (text.len > 18 || !text_number(digits, INT64_MAX, &number))
		return 0;
	return is_negative ? -(int64_t)number : (int64_t)number;
}

bool text_duration(struct text text, int64_t *us)
{
	static const struct {
		const char *unit;
		int64_t us;
	} units[] = {
		{ "ms", US_PER_MS },
		{ "s", US_PER_S },
		{ "m", 60 * US_PER_S },
		{ "h", 3600 * US_PER_S },
	};
	struct text unit = text;
	uint64_t number, max;

	while (unit.len > 0 && *unit.ptr >= '0' && *unit.ptr <= '9') {
		unit.ptr++;
		unit.len--;
	}
	text.len -= unit.len;
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (!text_is(unit, units[i].unit))
			continue;
		max = (uint64_t)(DURATION_DAYS_MAX * 86400 * US_PER_S / units[i].us);
		if (!text_number(text, max, &number))
			return false;
		*us = (int64_t)number * units[i].us;
		return true;
	}
	return false;
}
