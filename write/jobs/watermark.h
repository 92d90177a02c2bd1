/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How far the queue of a command was claimed: claims begin behind it, so that they pass over the
 * rows that are gone but not vacuumed. A row may come, or come back, below it: one that was
 * inserted by a transaction that committed late, or that another worker let go. So it stays a
 * little behind the time, and now and then a claim begins lower: it sweeps.
 *
 *   beginning ─────────── where it was some seconds ago ───── the watermark ─── what is not claimed
 *   └── a full sweep ──►  └───────── a near one ─────────►    └── a claim ──►
 *
 * While an old snapshot is held a full sweep reads all that was deleted since, for each of them
 * anew: it is the rarer the longer it takes. A near one reads what came in some seconds: rows that
 * an instance had claimed when it was killed lie there.
 *
 * What a sweep finds it claims like others. One that has found all that it may claim has not come
 * to the watermark: that goes back to where the sweep has come.
 */
#pragma once

#include "base/check.h"
#include "base/clock.h"

#include <stdbool.h>
#include <stdint.h>

/* Of a row, in the order of claims. Zeroed: before all of them. */
struct watermark_place {
	int64_t run_us, n;
};

/* Zeroed: at the beginning. Moments of rows are microseconds of the primary's wall clock, others
 * of the loop's. */
struct watermark {
	struct watermark_place top;   /* of the last row that was claimed */
	struct watermark_place trail; /* where it was, at least WATERMARK_TRAIL_US ago */
	struct watermark_place next_trail;
	int64_t trail_us;         /* since when next_trail is known */
	int64_t full_us, near_us; /* when the next sweep is due */
};

enum watermark_sweep { WATERMARK_CLAIM, WATERMARK_NEAR, WATERMARK_FULL };

/* Between two full sweeps, and between a sweep and a near one. */
#define WATERMARK_FULL_US_MIN (250 * US_PER_MS)
#define WATERMARK_FULL_US_MAX (15 * US_PER_S)
#define WATERMARK_NEAR_US US_PER_S
#define WATERMARK_TRAIL_US (3 * US_PER_S)

/* How long until the next full sweep, as one took that long. */
int64_t watermark_every_us(int64_t took_us) must_check;
/* Where the next claim begins, and whether it is a sweep. */
enum watermark_sweep watermark_begin(struct watermark *watermark, int64_t now_us, int64_t every_us,
				     struct watermark_place *begin);
/* A row was claimed and has ended, at wall_us of the primary. */
void watermark_pass(struct watermark *watermark, int64_t run_us, int64_t n, int64_t wall_us);
/* A sweep has come to that row, and no further: what is behind it is claimed next. */
void watermark_go_back(struct watermark *watermark, int64_t run_us, int64_t n);
/* The next claim is that again, since it was not come to. */
void watermark_again(struct watermark *watermark, enum watermark_sweep sweep);
/* Rows behind it may be free again: claims were rolled back, or the primary is another one. A full
 * sweep is due. */
void watermark_rewind(struct watermark *watermark);
