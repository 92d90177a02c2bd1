/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How fast a replica replays, judged only while it had more to replay than it got done: what the
 * primary had at one status query is not there at the next one, a window later. A replica that
 * keeps up shows the pace of the primary and not its own, so its rate is not known.
 *
 * One that stands still will take about as long again as it has stood, for all that is known: a
 * delay of replay is no stop of it. Its rate is what would be done with its lag in twice that time,
 * so that a forecast made between two statuses is no less than it.
 */
#pragma once

#include <stdint.h>

#define REPLAY_RATE_WINDOW_US 20000 /* judged no sooner than this */
#define REPLAY_RATE_STANDSTILL_TIMES 2

struct replay_rate {
	int64_t since_us;    /* the status that is compared with; 0: none yet */
	uint64_t replayed;   /* then */
	uint64_t primary;    /* then */
	double bytes_per_us; /* smoothed; 0: keeps up, or not known */
};

/* Cleared memory is a fresh one. primary: its newest known lsn. Returns bytes_per_us. */
double replay_rate_update(struct replay_rate *replay, int64_t at_us, uint64_t replayed,
			  uint64_t primary);
