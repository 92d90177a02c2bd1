/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers of a line of text, and what is between them. */
#pragma once

#include "base/check.h"

#include <stdbool.h>
#include <stdint.h>

struct feed_line {
	const char *at, *end; /* what is read next */
	bool wrong;           /* it was not what it has to be */
};

bool feed_line_is(const struct feed_line *line, char byte) must_check;
bool feed_line_take(struct feed_line *line, char byte) must_check;
void feed_line_want(struct feed_line *line, char byte);
/* Of at most 64 bits, with a sign or without. */
uint64_t feed_line_number(struct feed_line *line) must_check;
