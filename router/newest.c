/* SPDX-License-Identifier: Apache-2.0 */
/* The greatest of what was told, by timeline. */
#include "router/newest.h"

void newest_raise(struct newest *newest, struct position position)
{
	uint32_t timeline = atomic_load_explicit(&newest->timeline, memory_order_acquire);
	uint64_t lsn = atomic_load_explicit(&newest->lsn, memory_order_acquire);

	if (position.timeline < timeline)
		return;
	if (position.timeline > timeline) {
		if (atomic_compare_exchange_strong(&newest->timeline, &timeline, position.timeline))
			atomic_store(&newest->lsn, position.lsn);
		return;
	}
	while (lsn < position.lsn &&
	       !atomic_compare_exchange_weak(&newest->lsn, &lsn, position.lsn))
		;
}

bool newest_covers(const struct newest *newest, struct position position)
{
	return atomic_load_explicit(&newest->timeline, memory_order_acquire) == position.timeline &&
	       position.lsn <= atomic_load_explicit(&newest->lsn, memory_order_acquire);
}
