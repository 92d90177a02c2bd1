/* SPDX-License-Identifier: Apache-2.0 */
/* A fair share is the mean of all who took part; half as much again is over it. */
#include "pg/admission/fair.h"

#include "base/clock.h"

#define FAIR_FADE_EVERY_US (100 * US_PER_MS)
#define FAIR_FADE 0.9F /* what is left after that: a second counts */
#define FAIR_LATELY_US (2 * US_PER_S)
#define FAIR_OVER 1.5F
#define FAIR_MATTERS 0.05F /* of all that was used */
#define FAIR_LEAST_US 1.0F /* less is nothing */

static void fair_fade(struct fair *fair, int64_t now_us)
{
	float sum = 0;
	unsigned count = 0;

	for (unsigned i = 0; i < FAIR_SLOTS; i++) {
		fair->used_us[i] *= FAIR_FADE;
		if (fair->used_us[i] < FAIR_LEAST_US)
			fair->used_us[i] = 0;
		sum += fair->used_us[i];
		count += fair->used_us[i] > 0;
	}
	fair->most_us = count ? FAIR_OVER * sum / (float)count : 0;
	if (fair->most_us < FAIR_MATTERS * sum)
		fair->most_us = FAIR_MATTERS * sum;
	fair->fade_us = now_us + FAIR_FADE_EVERY_US;
}

void fair_charge(struct fair *fair, uint64_t hash, int64_t used_us, int64_t now_us)
{
	fair->used_us[hash % FAIR_SLOTS] += (float)used_us;
	if (now_us >= fair->fade_us)
		fair_fade(fair, now_us);
}

bool fair_is_over(const struct fair *fair, uint64_t hash, int64_t now_us)
{
	return now_us - fair->fade_us < FAIR_LATELY_US && fair->most_us > 0 &&
	       fair->used_us[hash % FAIR_SLOTS] > fair->most_us;
}
