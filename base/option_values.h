/* SPDX-License-Identifier: Apache-2.0 */
/* The value of an option from its text, checked by its row. */
#pragma once

#include "base/arena.h"
#include "base/check.h"
#include "base/nearest.h"
#include "base/option_rows.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Room for any field of struct options. */
union option_value {
	int64_t number;
	int choice;
	bool on;
	const char *string;
	struct option_list list;
	struct rate_policies policies;
};

/*
 * Writes the field of the row; STRINGS and POLICIES get one more. False: error names the place, and
 * never shows the value of a STRING, which may be a secret. Strings are copied to the arena.
 */
bool option_set(const struct option_row *row, const char *value, const char *place, void *field,
		struct arena *arena, char *error, size_t error_room) must_check;

/* The index of the word among those separated by |, or -1; offers all to nearest unless NULL. */
int option_choice(const char *words, const char *word, struct nearest *nearest);
