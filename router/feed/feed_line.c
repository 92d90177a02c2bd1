/* SPDX-License-Identifier: Apache-2.0 */
/* What is wrong stays so, and is asked about once, at the end. */
#include "router/feed/feed_line.h"

#include "base/text.h"

bool feed_line_is(const struct feed_line *line, char byte)
{
	return line->at < line->end && *line->at == byte;
}

bool feed_line_take(struct feed_line *line, char byte)
{
	if (!feed_line_is(line, byte))
		return false;
	line->at++;
	return true;
}

void feed_line_want(struct feed_line *line, char byte)
{
	line->wrong = !feed_line_take(line, byte) || line->wrong;
}

uint64_t feed_line_number(struct feed_line *line)
{
	bool negative = feed_line_take(line, '-');
	const char *begin = line->at;
	uint64_t number = 0;

	while (line->at < line->end && byte_is_digit(*line->at)) {
		uint64_t digit = (uint64_t)(*line->at++ - '0');

		if (number > (UINT64_MAX - digit) / 10)
			line->wrong = true;
		number = number * 10 + digit;
	}
	line->wrong = line->wrong || line->at == begin;
	return negative ? -number : number;
}
