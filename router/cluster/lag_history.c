/* SPDX-License-Identifier: Apache-2.0 */
/* Samples in an array that both columns order, so that a lookup is a binary search. */
#include "router/cluster/lag_history.h"

#include <assert.h>

void lag_history_init(struct lag_history *ring)
{
	ring->count = 0;
}

/*
 * Leaves no gap wider than a share of its age: a sample goes when its neighbours are that close. Of
 * three that stay in a row, the outer two are further apart, so that each such pair of gaps
 * multiplies the age by more than 1 + 1/SHARE: an int64_t needs less than 2 * SHARE * ln(2^63).
 */
static void lag_history_thin(struct lag_history *ring)
{
	enum { SHARE = 32 };
	const int64_t last_us = ring->samples[ring->count - 1].at_us;
	size_t kept = 1;

	static_assert(2 * (SHARE + 1) * 44 < LAG_RING_SLOTS, "thinning makes room");
	for (size_t i = 1; i < ring->count; i++) {
		if (i + 1 < ring->count) {
			int64_t next_us = ring->samples[i + 1].at_us;

			if (next_us - ring->samples[kept - 1].at_us <= (last_us - next_us) / SHARE)
				continue;
		}
		ring->samples[kept++] = ring->samples[i];
	}
	ring->count = kept;
	assert(ring->count < LAG_RING_SLOTS);
}

void lag_history_add(struct lag_history *ring, int64_t at_us, uint64_t lsn)
{
	assert(at_us > 0);
	assert(lsn > 0);
	if (ring->count) {
		size_t last = ring->count - 1;

		if (at_us < ring->samples[last].at_us || lsn < ring->samples[last].lsn) {
			ring->count = 0;
		} else if (lsn == ring->samples[last].lsn) {
			ring->samples[last].at_us = at_us;
			return;
		}
	}
	if (ring->count == LAG_RING_SLOTS)
		lag_history_thin(ring);
	ring->samples[ring->count].at_us = at_us;
	ring->samples[ring->count].lsn = lsn;
	ring->count++;
}

int64_t lag_history_seen_us(const struct lag_history *ring, uint64_t lsn)
{
	size_t low = 0, high = ring->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (ring->samples[middle].lsn <= lsn)
			low = middle + 1;
		else
			high = middle;
	}
	return low ? ring->samples[low - 1].at_us : 0;
}

int64_t lag_history_last_us(const struct lag_history *ring)
{
	return ring->count ? ring->samples[ring->count - 1].at_us : 0;
}
