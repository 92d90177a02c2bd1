/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lag in time from positions alone: a ring of (our monotonic clock, primary position). A replica at
 * R shows at least what the primary had at the newest sample whose position is at or before R.
 * Exact when idle, needs no clock agreement and no heartbeat table. One thread.
 */
#pragma once

#include "base/limits.h"
#include "base/position.h"

#include <stddef.h>
#include <stdint.h>

struct lagring {
	struct { int64_t at_us; uint64_t lsn; } samples[LAG_RING_SLOTS];
	size_t next;  /* samples ever added */
};

void lagring_init(struct lagring *ring);
/* at_us: when the question was sent. Both must not go back; a sample that does starts a new ring. A
 * sample with the same lsn as the two before it moves the last one, so that an idle primary needs no room. */
void lagring_add(struct lagring *ring, int64_t at_us, uint64_t lsn);
/* The last moment at which the primary was at or before lsn; 0: not known (older than the ring, or empty). */
int64_t lagring_seen_us(const struct lagring *ring, uint64_t lsn);
