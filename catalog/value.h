/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How the values of @options are read, whatever the option: words, numbers, durations, key=value.
 * What cannot be read is complained about in the draft's source, at its place, and leaves what the
 * operation has.
 */
#pragma once

#include "base/check.h"
#include "base/text.h"
#include "catalog/draft.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A row of catalog/options.def. */
struct operation_option {
	const char *name;
	unsigned kinds;
	void (*read)(struct draft *draft, const struct operation_option *row, struct cut value);
	const char *form; /* of the value, for messages; NULL: none */
};

/* A value that is none of the words; best.ptr NULL: none is near. */
void value_wrong(struct draft *draft, const struct operation_option *row, struct cut value,
		 struct text best);
/* Whole words of an enum by their index; false: it was complained about, and the value stays as it
 * was, as in the next two. */
bool value_word(struct draft *draft, const struct operation_option *row, struct cut value,
		const char *const *words, size_t count, int *index) must_check;
#define VALUE_WORD(draft, row, value, words, index)                                                \
	value_word(draft, row, value, words, sizeof(words) / sizeof((words)[0]), index)
bool value_duration(struct draft *draft, const struct operation_option *row, struct cut value,
		    int64_t least_us, int64_t most_us, int64_t *us);
bool value_number(struct draft *draft, const struct operation_option *row, struct cut value,
		  uint64_t least, uint64_t most, uint64_t *number);
/* "key=" in front of a word; the value is what is left of it. */
bool value_key(struct cut word, const char *key, struct cut *value) must_check;
/* A key that no option has, or has twice. */
void value_wrong_key(struct draft *draft, const struct operation_option *row, struct cut word,
		     const char *const *keys, size_t count);
