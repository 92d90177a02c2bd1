/* SPDX-License-Identifier: Apache-2.0 */
/* The greatest position heard of, by timeline; both fields under one sequence, as in a seqlock. */
#include "router/consistency/high_water.h"

#include <sched.h>

struct position high_water_get(const struct high_water *high_water)
{
	for (;; sched_yield()) {
		uint64_t before = atomic_load_explicit(&high_water->sequence, memory_order_acquire);
		struct position position = {
			.timeline =
				atomic_load_explicit(&high_water->timeline, memory_order_acquire),
			.lsn = atomic_load_explicit(&high_water->lsn, memory_order_acquire),
		};

		if (before % 2 == 0 &&
		    atomic_load_explicit(&high_water->sequence, memory_order_relaxed) == before)
			return position;
	}
}

void high_water_raise(struct high_water *high_water, struct position position)
{
	for (;; sched_yield()) {
		uint64_t sequence =
			atomic_load_explicit(&high_water->sequence, memory_order_acquire);

		if (position_compare(position, high_water_get(high_water)) <= 0)
			return;
		if (sequence % 2 == 0 && atomic_compare_exchange_strong(&high_water->sequence,
									&sequence, sequence + 1)) {
			/* No thread wrote since the sequence was read: it is still newer. */
			atomic_store_explicit(&high_water->timeline, position.timeline,
					      memory_order_release);
			atomic_store_explicit(&high_water->lsn, position.lsn, memory_order_release);
			atomic_store_explicit(&high_water->sequence, sequence + 2,
					      memory_order_release);
			return;
		}
	}
}

bool high_water_covers(const struct high_water *high_water, struct position position)
{
	struct position known = high_water_get(high_water);

	return known.timeline == position.timeline && position.lsn <= known.lsn;
}
