/* SPDX-License-Identifier: Apache-2.0 */
/* The nearest known word to one that is not known, for "did you mean". */
#pragma once

#include "base/text.h"

/*
 * The candidate with the least edit distance, the first of several; two neighbours swapped are one
 * edit. No candidate further away than a third of its own length (at least 1) counts. After
 * NEAREST_STEPS_MAX pairs of letters the rest of the candidates is passed over: a client asks with
 * long names, and a catalog has thousands.
 */
struct nearest {
	struct text word;
	struct text best; /* ptr NULL: none near enough so far */
	size_t distance;
	size_t steps; /* pairs of letters compared so far */
};

void nearest_init(struct nearest *nearest, struct text word);
void nearest_offer(struct nearest *nearest, struct text candidate);
