/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lag in time from positions alone: samples of (our monotonic clock, primary position). A replica
 * at R shows at least what the primary had at the newest sample whose position is at or before R.
 * Exact when idle, needs no clock agreement and no heartbeat table. When there is no room, samples
 * are forgotten so that gaps stay below a small share of their age: the further back, the coarser,
 * always towards more lag than there is, and never too old to tell. One thread.
 */
#pragma once

#include "base/limits.h"
#include "base/position.h"

#include <stddef.h>
#include <stdint.h>

struct lag_history {
	struct {
		int64_t at_us;
		uint64_t lsn;
	} samples[LAG_RING_SLOTS];
	size_t count; /* oldest first; both columns rise */
};

void lag_history_init(struct lag_history *ring);
/* at_us: when the question was sent. A sample that goes back in either column starts all over. A
 * sample with the lsn of the one before it moves that one: an idle primary needs no room. */
void lag_history_add(struct lag_history *ring, int64_t at_us, uint64_t lsn);
/* The last moment at which the primary is known to have been at or before lsn; 0: not known. */
int64_t lag_history_seen_us(const struct lag_history *ring, uint64_t lsn);
/* When the newest sample was taken; 0: there is none. */
int64_t lag_history_last_us(const struct lag_history *ring);
