/* SPDX-License-Identifier: Apache-2.0 */
/* Two numbers, compared as the index does. */
#include "write/jobs/watermark.h"

#include "base/clock.h"

#define WATERMARK_SWEEP_US US_PER_S
#define WATERMARK_TRAILS_US (50 * US_PER_MS) /* longer than most commits take */

void watermark_begin(struct watermark *watermark, int64_t now_us)
{
	if (now_us < watermark->sweep_us)
		return;
	watermark->sweep_us = now_us + WATERMARK_SWEEP_US;
	watermark->run_us = 0;
	watermark->n = 0;
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
