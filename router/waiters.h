/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests parked until a replica has replayed far enough: per replica a heap ordered by lsn, so
 * that one new position wakes exactly those it serves. One loop, no locks. The time-out of a waiter
 * is its owner's.
 */
#pragma once

#include "base/check.h"
#include "base/limits.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct waiter {
	uint64_t lsn;
	size_t slot; /* in the heap, from 1; 0: not parked */
	void (*on_reached)(struct waiter *waiter);
};

struct waiters {
	struct waiter *heap[PARKED_MAX + 1]; /* from 1; the least lsn first */
	size_t count;
};

void waiters_init(struct waiters *waiters);
/* Borrows the waiter while it is parked. False: full. */
bool waiters_park(struct waiters *waiters, struct waiter *waiter) must_check;
/* Nothing to do when it is not parked. */
void waiters_leave(struct waiters *waiters, struct waiter *waiter);
/* Wakes, by lsn, those at or before it; each has left the heap before its on_reached. */
void waiters_reached(struct waiters *waiters, uint64_t lsn);
