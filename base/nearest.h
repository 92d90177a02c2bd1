/* SPDX-License-Identifier: Apache-2.0 */
/* The nearest known word to one that is not known, for "did you mean". */
#pragma once

#include "base/text.h"

/* The candidate with the least edit distance (at most a third of its length, at least 1), or NULL. */
struct nearest {
	struct text word;
	struct text best; /* ptr NULL: none near enough so far */
	size_t distance;
};

void nearest_init(struct nearest *nearest, struct text word);
void nearest_offer(struct nearest *nearest, struct text candidate);
