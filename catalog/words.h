/* SPDX-License-Identifier: Apache-2.0 */
/* Small cuts of text: words of a comment line, with where they stand. Never allocates. */
#pragma once

#include "base/check.h"
#include "base/text.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A run of the source and the byte offset of its beginning. */
struct cut {
	struct text text;
	size_t at;
};

/* Without white space at either end. */
struct cut cut_trim(struct cut cut);
/* The next word up to white space, taken off the front of rest; empty at the end. */
struct cut cut_word(struct cut *rest);
/* Takes that many bytes off the front. */
struct cut cut_take(struct cut *rest, size_t len);
/* Equal but for the case of ASCII letters. */
bool text_is_nocase(struct text text, const char *word);
/* All of the text is digits; false also beyond max. */
bool text_number(struct text text, uint64_t max, uint64_t *number) must_check;
/* With or without a minus sign; 0: it is none, or has more than 18 characters. */
int64_t text_signed(struct text text) must_check;
/* 500ms, 2s, 1m, 3h; false: not such a text, or more than a thousand days. */
bool text_duration(struct text text, int64_t *us) must_check;
