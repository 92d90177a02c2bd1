/* SPDX-License-Identifier: Apache-2.0 */
/* base/options.def as a table: base/options_read.c reads by it, base/options_help.c prints it. */
#pragma once

#include "base/options.h"
#include "base/text.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum option_kind {
	OPTION_MILLIS,
	OPTION_NUMBER,
	OPTION_STRING,
	OPTION_STRINGS,
	OPTION_POLICIES,
	OPTION_CHOICE,
	OPTION_SWITCH,
};

struct option_row {
	enum option_kind kind;
	const char *flag;
	size_t field; /* its offset in struct options */
	int64_t number, min, max;
	const char *string; /* default of STRING and CHOICE */
	const char *
		words; /* of CHOICE, separated by |; the placeholder of STRING, STRINGS, POLICIES */
	unsigned verbs;
	const char *help;
};

#define OPTIONS_MAX 96

extern const struct option_row option_rows[];
extern const size_t option_rows_count;

const char *verb_name(enum verb verb);
/* NULL: no such flag. */
const struct option_row *option_by_flag(struct text flag);
