/* SPDX-License-Identifier: Apache-2.0 */
/* The nearest known word to one that is not known, for "did you mean". */
#pragma once

#include "base/text.h"

/*
 * The candidate with the least edit distance, the first of several; two neighbours swapped are one
 * edit. No candidate further away than a third of its own length (at least 1) counts.
 */
struct nearest {
	struct text word;
	struct text best; /* ptr NULL: none near enough so far */
	size_t distance;
};

void nearest_init(struct nearest *nearest, struct text word);
void nearest_offer(struct nearest *nearest, struct text candidate);
