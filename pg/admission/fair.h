/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How much of a node's time each user, or each caller who asks for users, took lately. Memory is
 * fixed: those whose hashes collide count together. Plain data by the caller's clock;
 * cleared memory is a valid beginning.
 */
#pragma once

#include "base/check.h"

#include <stdbool.h>
#include <stdint.h>

#define FAIR_SLOTS 512 /* a power of two */

struct fair {
	float used_us[FAIR_SLOTS]; /* faded */
	float most_us;             /* who used more takes more than a fair share */
	int64_t fade_us;           /* when all fade next */
};

void fair_charge(struct fair *fair, uint64_t hash, int64_t used_us, int64_t now_us);
/* Did it take clearly more than others did, and enough of all to matter, in the last seconds? */
bool fair_is_over(const struct fair *fair, uint64_t hash, int64_t now_us) must_check;
