/* SPDX-License-Identifier: Apache-2.0 */
/* The greatest of what was told, by timeline; both fields under one sequence, as in a seqlock. */
#include "router/newest.h"

#include <sched.h>

static struct position newest_get(const struct newest *newest)
{
	for (;; sched_yield()) {
		uint64_t before = atomic_load_explicit(&newest->sequence, memory_order_acquire);
		struct position position = {
			.timeline = atomic_load_explicit(&newest->timeline, memory_order_acquire),
			.lsn = atomic_load_explicit(&newest->lsn, memory_order_acquire),
		};

		if (before % 2 == 0 &&
		    atomic_load_explicit(&newest->sequence, memory_order_relaxed) == before)
			return position;
	}
}

void newest_raise(struct newest *newest, struct position position)
{
	for (;; sched_yield()) {
		uint64_t sequence = atomic_load_explicit(&newest->sequence, memory_order_acquire);

		if (position_compare(position, newest_get(newest)) <= 0)
			return;
		if (sequence % 2 == 0 &&
		    atomic_compare_exchange_strong(&newest->sequence, &sequence, sequence + 1)) {
			/* Nobody has written since the sequence was read, so it is still newer. */
			atomic_store_explicit(&newest->timeline, position.timeline,
					      memory_order_release);
			atomic_store_explicit(&newest->lsn, position.lsn, memory_order_release);
			atomic_store_explicit(&newest->sequence, sequence + 2,
					      memory_order_release);
			return;
		}
	}
}

bool newest_covers(const struct newest *newest, struct position position)
{
	struct position known = newest_get(newest);

	return known.timeline == position.timeline && position.lsn <= known.lsn;
}
