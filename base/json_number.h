/* SPDX-License-Identifier: Apache-2.0 */
/* A decimal number as its digits and a power of ten, exactly, however many there are. */
#pragma once

#include "base/buf.h"
#include "base/check.h"
#include "base/text.h"

#include <stdbool.h>
#include <stdint.h>

#define JSON_INTEGER_BYTES 24

enum json_integer { JSON_INTEGER, JSON_INTEGER_HAS_FRACTION, JSON_INTEGER_TOO_GREAT };

/*
 * digits × 10^exponent without zeros in front and behind; len 0 is zero. The digits are where they
 * were written, perhaps with the point among them.
 */
struct json_number {
	bool negative;
	const char *digits; /* from the first that is not 0 to the last that is not 0 */
	size_t span;        /* bytes from there, the point included */
	size_t len;         /* digits among them */
	int64_t exponent;   /* of the last digit; far beyond any type's limit it is cut off */
};

/* [+-] digits [. digits] [e [+-] digits]: the caller has checked that it looks so. */
struct json_number json_number_read(struct text text) must_check;
/* Does it have a point or an exponent? */
bool json_number_is_real(struct text text) must_check;
/* As an integer of no more than 19 digits, "1000" of 1e3, NUL-terminated. */
enum json_integer json_number_integer(const struct json_number *number,
				      char out[JSON_INTEGER_BYTES]) must_check;
/* The fewest characters that mean exactly that number: what base/buf.h writes of the nearest
 * double where that is the same number, else digits and exponent. */
void json_number_write(struct buf *buf, struct text text);
