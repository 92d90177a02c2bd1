/* SPDX-License-Identifier: Apache-2.0 */
/* Two numbers, compared as the index does. */
#include "write/jobs/watermark.h"

#define WATERMARK_SWEEPS 20                  /* of the time of one worker, one part is for sweeps */
#define WATERMARK_TRAILS_US (50 * US_PER_MS) /* longer than most commits take */

int64_t watermark_every_us(int64_t took_us)
{
	int64_t every_us = took_us * WATERMARK_SWEEPS;

	if (every_us < WATERMARK_SWEEP_US_MIN)
		return WATERMARK_SWEEP_US_MIN;
	return every_us < WATERMARK_SWEEP_US_MAX ? every_us : WATERMARK_SWEEP_US_MAX;
}

bool watermark_begin(struct watermark *watermark, int64_t now_us, int64_t every_us)
{
	if (now_us < watermark->sweep_us)
		return false;
	watermark->sweep_us = now_us + every_us;
	watermark->run_us = 0;
	watermark->n = 0;
	return true;
}

void watermark_pass(struct watermark *watermark, int64_t run_us, int64_t n, int64_t wall_us)
{
	/* Behind all rows of that moment, which have numbers from 1. */
	if (run_us >= wall_us - WATERMARK_TRAILS_US) {
		run_us = wall_us - WATERMARK_TRAILS_US;
		n = 0;
	}
	if (run_us < watermark->run_us || (run_us == watermark->run_us && n <= watermark->n))
		return;
	watermark->run_us = run_us;
	watermark->n = n;
}

void watermark_rewind(struct watermark *watermark)
{
	watermark->sweep_us = 0;
}
