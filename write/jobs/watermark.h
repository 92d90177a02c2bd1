/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How far the queue of a command was claimed: claims begin behind it, so that they pass over the
 * rows that are gone but not vacuumed. A row may come, or come back, below it: one that was
 * inserted by a transaction that committed late, or that another worker let go. So it stays a
 * little behind the time, and each second a claim begins at the beginning.
 */
#pragma once

#include "base/check.h"

#include <stdbool.h>
#include <stdint.h>

/* Zeroed: at the beginning. Moments are microseconds of the primary's wall clock. */
struct watermark {
	int64_t run_us, n; /* of the last row that was claimed */
	int64_t sweep_us;  /* when a claim is to begin at the beginning; of the loop's clock */
};

/* Where the next claim begins. Due for a sweep it is at the beginning from here on. */
void watermark_begin(struct watermark *watermark, int64_t now_us);
/* A row was claimed and has ended, at wall_us of the primary. */
void watermark_pass(struct watermark *watermark, int64_t run_us, int64_t n, int64_t wall_us);
/* Rows behind it may be free again: claims were rolled back, or the primary is another one. */
void watermark_rewind(struct watermark *watermark);
