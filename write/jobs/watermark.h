/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How far the queue of a command was claimed: claims begin behind it, so that they pass over the
 * rows that are gone but not vacuumed. A row may come, or come back, below it: one that was
 * inserted by a transaction that committed late, or that another worker let go. So it stays a
 * little behind the time, and now and then a claim begins at the beginning: it sweeps. How often
 * is what that costs: while an old snapshot is held a sweep reads all that was deleted since.
 */
#pragma once

#include "base/check.h"
#include "base/clock.h"

#include <stdbool.h>
#include <stdint.h>

/* Zeroed: at the beginning. Moments are microseconds of the primary's wall clock. */
struct watermark {
	int64_t run_us, n; /* of the last row that was claimed */
	int64_t sweep_us;  /* when a claim is to begin at the beginning; of the loop's clock */
};

/* Between two sweeps. */
#define WATERMARK_SWEEP_US_MIN (250 * US_PER_MS)
#define WATERMARK_SWEEP_US_MAX US_PER_S

/* How long until the next sweep, as one took that long. */
int64_t watermark_every_us(int64_t took_us) must_check;
/* Where the next claim begins. Due for a sweep, true, it is at the beginning from here on. */
bool watermark_begin(struct watermark *watermark, int64_t now_us, int64_t every_us);
/* A row was claimed and has ended, at wall_us of the primary. */
void watermark_pass(struct watermark *watermark, int64_t run_us, int64_t n, int64_t wall_us);
/* Rows behind it may be free again: claims were rolled back, or the primary is another one. */
void watermark_rewind(struct watermark *watermark);
