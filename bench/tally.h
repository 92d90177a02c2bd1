/* SPDX-License-Identifier: Apache-2.0 */
/* Counters by name, for the few names that replies bring: error codes, roles and reasons. */
#pragma once

#include "base/text.h"

#include <stddef.h>
#include <stdint.h>

#define TALLY_NAMES_MAX 48 /* the last one gathers what had no place */
#define TALLY_NAME_BYTES_MAX 48

struct tally {
	struct {
		char name[TALLY_NAME_BYTES_MAX];
		uint64_t count;
	} rows[TALLY_NAMES_MAX];
	size_t count;
};

/* A zeroed tally is an empty one. Longer names are cut. */
void tally_add(struct tally *tally, struct text name, uint64_t more);
uint64_t tally_get(const struct tally *tally, struct text name);
uint64_t tally_sum(const struct tally *tally);
