/* SPDX-License-Identifier: Apache-2.0 */
/* A counter and a time, shared by the loops. */
#include "pg/spare.h"

#include "base/clock.h"
#include "pg/estimate.h"

#include <assert.h>

#define SPARE_LONG_US (100 * US_PER_MS)
#define SPARE_WAIT_ESTIMATES 3
#define SPARE_TOLD_EVERY_US (10 * US_PER_MS) /* the time is written no more often */

bool spare_is_long(const struct statement *statement)
{
	return estimate_us(statement) >= SPARE_LONG_US;
}

int64_t spare_wait_us(const struct statement *statement)
{
	int64_t wait_us = SPARE_WAIT_ESTIMATES * estimate_us(statement);

	return wait_us < SPARE_WAIT_US_MAX ? wait_us : SPARE_WAIT_US_MAX;
}

void spare_quick(struct spare *spare, int64_t now_us)
{
	if (now_us - atomic_load_explicit(&spare->quick_us, memory_order_relaxed) >=
	    SPARE_TOLD_EVERY_US)
		atomic_store_explicit(&spare->quick_us, now_us, memory_order_relaxed);
}

/* So many may run; the last core is for quick ones, but the only one is for all. */
static bool spare_has_room(const struct spare *spare, unsigned running, unsigned cores,
			   int64_t now_us)
{
	unsigned most = cores > 1 ? cores - 1 : 1;

	return running < most ||
	       now_us - atomic_load_explicit(&spare->quick_us, memory_order_relaxed) >=
		       SPARE_LATELY_US;
}

bool spare_allows(const struct spare *spare, unsigned cores, int64_t now_us)
{
	return spare_has_room(spare, atomic_load_explicit(&spare->running, memory_order_relaxed),
			      cores, now_us);
}

bool spare_take(struct spare *spare, unsigned cores, bool anyway, int64_t now_us)
{
	unsigned running = atomic_load_explicit(&spare->running, memory_order_relaxed);

	do {
		if (!anyway && !spare_has_room(spare, running, cores, now_us))
			return false;
	} while (!atomic_compare_exchange_weak_explicit(&spare->running, &running, running + 1,
							memory_order_relaxed,
							memory_order_relaxed));
	return true;
}

void spare_give_back(struct spare *spare)
{
	unsigned before = atomic_fetch_sub_explicit(&spare->running, 1, memory_order_relaxed);

	assert(before > 0);
	(void)before;
}
