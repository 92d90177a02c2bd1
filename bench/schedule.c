/* SPDX-License-Identifier: Apache-2.0 */
/* Constant plans are multiples of the interval; Poisson ones add exponential gaps. */
#include "bench/schedule.h"

#include "base/clock.h"

#include <assert.h>
#include <math.h>

static void schedule_step(struct schedule *schedule)
{
	double interval_us = (double)US_PER_S / schedule->rate_per_s;

	switch (schedule->kind) {
	case SCHEDULE_CLOSED:
		return;
	case SCHEDULE_CONSTANT:
		schedule->next_us = (double)schedule->number * interval_us;
		return;
	case SCHEDULE_POISSON: {
		/* In (0, 1]: 53 bits and a half step. */
		double uniform = ((double)(random_next(&schedule->random) >> 11) + 1.0) * 0x1p-53;

		schedule->next_us -= log(uniform) * interval_us;
		return;
	}
	}
	assert(!"a kind of schedule");
}

void schedule_init(struct schedule *schedule, enum schedule_kind kind, double rate_per_s,
		   int64_t start_us, uint64_t seed)
{
	assert(kind == SCHEDULE_CLOSED || rate_per_s > 0.0);
	*schedule = (struct schedule){ .kind = kind, .rate_per_s = rate_per_s };
	schedule->start_us = start_us;
	random_init(&schedule->random, seed);
	schedule_step(schedule);
}

int64_t schedule_planned_us(const struct schedule *schedule, int64_t now_us)
{
	if (schedule->kind == SCHEDULE_CLOSED)
		return now_us;
	return schedule->start_us + (int64_t)schedule->next_us;
}

void schedule_advance(struct schedule *schedule)
{
	schedule->number++;
	schedule_step(schedule);
}
