/* SPDX-License-Identifier: Apache-2.0 */
/* Decimal all the way: a double is only tried, and taken where it means the same. */
#include "base/json_number.h"

#include <stdlib.h>

#define EXPONENT_MAX 1000000000 /* beyond all that PostgreSQL or a double can hold */
#define INTEGER_DIGITS_MAX 19   /* of a 64 bit integer */

static int64_t number_exponent(struct text text, size_t at)
{
	bool negative = at < text.len && text.ptr[at] == '-';
	int64_t value = 0;

	at += at < text.len && (text.ptr[at] == '-' || text.ptr[at] == '+');
	for (; at < text.len && value < EXPONENT_MAX; at++)
		value = value * 10 + (text.ptr[at] - '0');
	return negative ? -value : value;
}

struct json_number json_number_read(struct text text)
{
	struct json_number number = { .negative = text.len && text.ptr[0] == '-' };
	size_t at = text.len && (text.ptr[0] == '-' || text.ptr[0] == '+');
	int64_t behind = 0, zeros = 0; /* digits behind the point; zeros since the last other */
	bool point = false;

	for (; at < text.len && text.ptr[at] != 'e' && text.ptr[at] != 'E'; at++) {
		if (text.ptr[at] == '.') {
			point = true;
			continue;
		}
		behind += point;
		if (text.ptr[at] == '0') {
			zeros++;
			continue;
		}
		if (!number.digits) {
			number.digits = text.ptr + at;
			zeros = 0;
		}
		number.len += (size_t)zeros + 1;
		number.span = (size_t)(text.ptr + at - number.digits) + 1;
		zeros = 0;
	}
	if (number.len)
		number.exponent = zeros - behind + number_exponent(text, at + (at < text.len));
	return number;
}

bool json_number_is_real(struct text text)
{
	for (size_t i = 0; i < text.len; i++)
		if (text.ptr[i] == '.' || text.ptr[i] == 'e' || text.ptr[i] == 'E')
			return true;
	return false;
}

static void number_add_digits(struct buf *buf, const struct json_number *number)
{
	for (size_t i = 0; i < number->span; i++)
		if (number->digits[i] != '.')
			buf_byte(buf, number->digits[i]);
}

enum json_integer json_number_integer(const struct json_number *number,
				      char out[JSON_INTEGER_BYTES])
{
	if (number->exponent < 0)
		return JSON_INTEGER_HAS_FRACTION;
	if ((int64_t)number->len + number->exponent > INTEGER_DIGITS_MAX)
		return JSON_INTEGER_TOO_GREAT;
	if (number->negative)
		*out++ = '-';
	for (size_t i = 0; i < number->span; i++)
		if (number->digits[i] != '.')
			*out++ = number->digits[i];
	for (int64_t i = number->len ? 0 : -1; i < number->exponent; i++)
		*out++ = '0';
	*out = '\0';
	return JSON_INTEGER;
}

static bool number_same(const struct json_number *a, const struct json_number *b)
{
	size_t i = 0, j = 0;

	if (a->negative != b->negative || a->len != b->len || a->exponent != b->exponent)
		return false;
	while (i < a->span && j < b->span) {
		i += a->digits[i] == '.';
		j += b->digits[j] == '.';
		if (a->digits[i++] != b->digits[j++])
			return false;
	}
	return true;
}

static bool number_is_double(struct text written, const struct json_number *number)
{
	struct json_number other;

	for (size_t i = 0; i < written.len; i++)
		if (written.ptr[i] == 'n') /* inf, nan */
			return false;
	other = json_number_read(written);
	return number_same(number, &other);
}

/* It came with a fraction or an exponent and keeps one. */
void json_number_write(struct buf *buf, struct text text)
{
	struct json_number number = json_number_read(text);
	size_t before = buf->len;
	struct buf copy;

	buf_init(&copy);
	buf_text(&copy, text);
	buf_byte(&copy, '\0');
	buf_real(buf, strtod(copy.ptr, NULL));
	buf_fini(&copy);
	if (number_is_double((struct text){ buf->ptr + before, buf->len - before }, &number)) {
		if (!json_number_is_real((struct text){ buf->ptr + before, buf->len - before }))
			buf_literal(buf, ".0");
		return;
	}
	buf->len = before;
	if (number.negative)
		buf_byte(buf, '-');
	number_add_digits(buf, &number);
	buf_byte(buf, 'e');
	buf_int(buf, number.exponent);
}
