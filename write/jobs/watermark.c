/* SPDX-License-Identifier: Apache-2.0 */
/* Two numbers, compared as the index does. */
#include "write/jobs/watermark.h"

#define WATERMARK_SWEEPS 20                  /* of the time of one worker, one part is for sweeps */
#define WATERMARK_TRAILS_US (50 * US_PER_MS) /* longer than most commits take */

static const struct watermark_place watermark_beginning;

static bool place_is_behind(struct watermark_place place, struct watermark_place other)
{
	return place.run_us > other.run_us || (place.run_us == other.run_us && place.n > other.n);
}

int64_t watermark_every_us(int64_t took_us)
{
	int64_t every_us = took_us * WATERMARK_SWEEPS;

	if (every_us < WATERMARK_FULL_US_MIN)
		return WATERMARK_FULL_US_MIN;
	return every_us < WATERMARK_FULL_US_MAX ? every_us : WATERMARK_FULL_US_MAX;
}

static void watermark_trail(struct watermark *watermark, int64_t now_us)
{
	if (now_us < watermark->trail_us + WATERMARK_TRAIL_US)
		return;
	watermark->trail = watermark->next_trail;
	watermark->next_trail = watermark->top;
	watermark->trail_us = now_us;
}

enum watermark_sweep watermark_begin(struct watermark *watermark, int64_t now_us, int64_t every_us,
				     struct watermark_place *begin)
{
	watermark_trail(watermark, now_us);
	if (now_us >= watermark->full_us) {
		watermark->full_us = now_us + every_us;
		watermark->near_us = now_us + WATERMARK_NEAR_US;
		*begin = watermark_beginning;
		return WATERMARK_FULL;
	}
	if (now_us >= watermark->near_us && watermark->trail.run_us &&
	    place_is_behind(watermark->top, watermark->trail)) {
		watermark->near_us = now_us + WATERMARK_NEAR_US;
		*begin = watermark->trail;
		return WATERMARK_NEAR;
	}
	*begin = watermark->top;
	return WATERMARK_CLAIM;
}

void watermark_pass(struct watermark *watermark, int64_t run_us, int64_t n, int64_t wall_us)
{
	struct watermark_place place = { run_us, n };

	/* Behind all rows of that moment, which have numbers from 1. */
	if (run_us >= wall_us - WATERMARK_TRAILS_US)
		place = (struct watermark_place){ wall_us - WATERMARK_TRAILS_US, 0 };
	if (place_is_behind(place, watermark->top))
		watermark->top = place;
}

void watermark_go_back(struct watermark *watermark, int64_t run_us, int64_t n)
{
	struct watermark_place place = { run_us, n };

	if (place_is_behind(watermark->top, place))
		watermark->top = place;
}

void watermark_again(struct watermark *watermark, enum watermark_sweep sweep)
{
	if (sweep == WATERMARK_FULL)
		watermark->full_us = 0;
	else if (sweep == WATERMARK_NEAR)
		watermark->near_us = 0;
}

void watermark_rewind(struct watermark *watermark)
{
	watermark->full_us = 0;
}
