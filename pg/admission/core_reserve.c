/* SPDX-License-Identifier: Apache-2.0 */
/* A counter and a time, shared by the loops; and the queues of those who are held back. */
#include "pg/admission/core_reserve.h"

#include "base/clock.h"
#include "pg/admission/estimate.h"

#include <assert.h>

#define CORE_RESERVE_LONG_US (100 * US_PER_MS)
#define CORE_RESERVE_WAIT_ESTIMATES 3
#define CORE_RESERVE_NOTED_EVERY_US (10 * US_PER_MS) /* the time is written no more often */

bool core_reserve_is_long(const struct statement *statement)
{
	return estimate_us(statement) >= CORE_RESERVE_LONG_US;
}

int64_t core_reserve_wait_us(const struct statement *statement)
{
	int64_t wait_us = CORE_RESERVE_WAIT_ESTIMATES * estimate_us(statement);

	return wait_us < CORE_RESERVE_WAIT_US_MAX ? wait_us : CORE_RESERVE_WAIT_US_MAX;
}

void core_reserve_quick(struct core_reserve *core_reserve, int64_t now_us)
{
	if (now_us - atomic_load_explicit(&core_reserve->quick_us, memory_order_relaxed) >=
	    CORE_RESERVE_NOTED_EVERY_US)
		atomic_store_explicit(&core_reserve->quick_us, now_us, memory_order_relaxed);
}

/* So many may run; the last core is for quick ones, but the only one is for all. */
static bool core_reserve_has_room(const struct core_reserve *core_reserve, unsigned running,
				  unsigned cores, int64_t now_us)
{
	unsigned most = cores > 1 ? cores - 1 : 1;

	return running < most ||
	       now_us - atomic_load_explicit(&core_reserve->quick_us, memory_order_relaxed) >=
		       CORE_RESERVE_LATELY_US;
}

bool core_reserve_allows(const struct core_reserve *core_reserve, unsigned cores, int64_t now_us)
{
	return core_reserve_has_room(
		core_reserve, atomic_load_explicit(&core_reserve->running, memory_order_relaxed),
		cores, now_us);
}

bool core_reserve_take(struct core_reserve *core_reserve, unsigned cores, bool anyway,
		       int64_t now_us)
{
	unsigned running = atomic_load_explicit(&core_reserve->running, memory_order_relaxed);

	do {
		if (!anyway && !core_reserve_has_room(core_reserve, running, cores, now_us))
			return false;
	} while (!atomic_compare_exchange_weak_explicit(&core_reserve->running, &running,
							running + 1, memory_order_relaxed,
							memory_order_relaxed));
	return true;
}

void core_reserve_give_back(struct core_reserve *core_reserve)
{
	unsigned before =
		atomic_fetch_sub_explicit(&core_reserve->running, 1, memory_order_relaxed);

	assert(before > 0);
	(void)before;
}

/* --- those who wait -------------------------------------------------------------------------- */

bool core_reserve_is_due(const struct list *queue, int64_t now_us)
{
	list_each (queue, it) {
		const struct ticket *ticket = container_of(it, struct ticket, link);

		if (now_us - ticket->waits_since_us >= core_reserve_wait_us(ticket->statement))
			return true;
	}
	return false;
}

bool core_reserve_holds_back(const struct core_reserve *core_reserve, unsigned cores,
			     const struct list *queue, int64_t now_us)
{
	return !core_reserve_allows(core_reserve, cores, now_us) &&
	       !core_reserve_is_due(queue, now_us);
}

void core_reserve_mark(struct list *queue, unsigned count)
{
	list_each (queue, it) {
		if (!count--)
			return;
		container_of(it, struct ticket, link)->waits_for_core = true;
	}
}

int64_t core_reserve_waited_us(const struct ticket *ticket, int64_t now_us)
{
	int64_t waited_us = now_us - ticket->waits_since_us;

	if (!ticket->waits_for_core)
		return waited_us;
	waited_us -= core_reserve_wait_us(ticket->statement);
	return waited_us > 0 ? waited_us : 0;
}
