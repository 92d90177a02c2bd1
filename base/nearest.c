/* SPDX-License-Identifier: Apache-2.0 */
/* Edit distance with swaps of neighbours (optimal string alignment), three rows at a time. */
#include "base/nearest.h"

#include "base/limits.h"

#include <stdint.h>

/* Longer words are not offered as a correction. */
#define NEAREST_BYTES_MAX OPERATION_NAME_MAX

static size_t nearest_limit(struct text candidate)
{
	return candidate.len < 6 ? 1 : candidate.len / 3;
}

static size_t least_of(size_t a, size_t b, size_t c)
{
	size_t ab = a < b ? a : b;

	return ab < c ? ab : c;
}

/*
 * Up to most; most + 1 where it is greater. Pairs whose positions are further apart than most would
 * cost more than that, and a row without a pair within it ends the comparison.
 */
static size_t edit_distance(struct text a, struct text b, size_t most, size_t *steps)
{
	size_t rows[3][NEAREST_BYTES_MAX + 1];
	size_t *before = rows[0], *last = rows[1], *row = rows[2];

	for (size_t j = 0; j <= b.len; j++)
		last[j] = j;
	for (size_t i = 1; i <= a.len; i++) {
		size_t *unused = before, least;
		size_t from = i > most ? i - most : 1;
		size_t to = i + most < b.len ? i + most : b.len;

		/* The pairs beside the band, which its own look at. */
		row[from - 1] = least = from == 1 ? i : most + 1;
		if (to < b.len)
			row[to + 1] = most + 1;
		for (size_t j = from; j <= to; j++) {
			size_t differs = a.ptr[i - 1] != b.ptr[j - 1];

			row[j] = least_of(last[j] + 1, row[j - 1] + 1, last[j - 1] + differs);
			if (i > 1 && j > 1 && a.ptr[i - 1] == b.ptr[j - 2] &&
			    a.ptr[i - 2] == b.ptr[j - 1] && before[j - 2] + 1 < row[j])
				row[j] = before[j - 2] + 1;
			least = row[j] < least ? row[j] : least;
		}
		*steps += to + 1 - from;
		/* A swap from the row before would have come here as a substitution, too. */
		if (least > most)
			return most + 1;
		before = last;
		last = row;
		row = unused;
	}
	return last[b.len];
}

void nearest_init(struct nearest *nearest, struct text word)
{
	*nearest = (struct nearest){ .word = word, .best = { NULL, 0 }, .distance = SIZE_MAX };
}

void nearest_offer(struct nearest *nearest, struct text candidate)
{
	size_t limit = nearest_limit(candidate);
	size_t word = nearest->word.len, other = candidate.len;
	size_t distance;

	if (word > NEAREST_BYTES_MAX || other > NEAREST_BYTES_MAX)
		return;
	if (nearest->distance == 0 || nearest->steps >= NEAREST_STEPS_MAX)
		return;
	if (nearest->distance <= limit)
		limit = nearest->distance - 1;
	if ((word > other ? word - other : other - word) > limit)
		return;
	distance = edit_distance(nearest->word, candidate, limit, &nearest->steps);
	if (distance <= limit) {
		nearest->best = candidate;
		nearest->distance = distance;
	}
}
