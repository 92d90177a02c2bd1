/* SPDX-License-Identifier: Apache-2.0 */
/* A binary heap of borrowed waiters; each knows its slot, so that it can leave from anywhere. */
#include "router/waiters.h"

#include <assert.h>

void waiters_init(struct waiters *waiters)
{
	waiters->count = 0;
}

static void waiters_put(struct waiters *waiters, size_t slot, struct waiter *waiter)
{
	waiters->heap[slot] = waiter;
	waiter->slot = slot;
}

static void waiters_up(struct waiters *waiters, size_t slot, struct waiter *waiter)
{
	while (slot > 1 && waiter->lsn < waiters->heap[slot / 2]->lsn) {
		waiters_put(waiters, slot, waiters->heap[slot / 2]);
		slot /= 2;
	}
	waiters_put(waiters, slot, waiter);
}

static void waiters_down(struct waiters *waiters, size_t slot, struct waiter *waiter)
{
	for (;;) {
		size_t child = slot * 2;

		if (child > waiters->count)
			break;
		if (child < waiters->count &&
		    waiters->heap[child + 1]->lsn < waiters->heap[child]->lsn)
			child++;
		if (waiter->lsn <= waiters->heap[child]->lsn)
			break;
		waiters_put(waiters, slot, waiters->heap[child]);
		slot = child;
	}
	waiters_put(waiters, slot, waiter);
}

bool waiters_park(struct waiters *waiters, struct waiter *waiter)
{
	assert(waiter->slot == 0);
	if (waiters->count == PARKED_MAX)
		return false;
	waiters_up(waiters, ++waiters->count, waiter);
	return true;
}

void waiters_leave(struct waiters *waiters, struct waiter *waiter)
{
	size_t slot = waiter->slot;
	struct waiter *last;

	if (slot == 0)
		return;
	assert(waiters->heap[slot] == waiter);
	last = waiters->heap[waiters->count--];
	waiter->slot = 0;
	if (last == waiter)
		return;
	if (slot > 1 && last->lsn < waiters->heap[slot / 2]->lsn)
		waiters_up(waiters, slot, last);
	else
		waiters_down(waiters, slot, last);
}

void waiters_reached(struct waiters *waiters, uint64_t lsn)
{
	while (waiters->count && waiters->heap[1]->lsn <= lsn) {
		struct waiter *waiter = waiters->heap[1];

		waiters_leave(waiters, waiter);
		waiter->on_reached(waiter);
	}
}
