/* SPDX-License-Identifier: Apache-2.0 */
/* The limit follows the polls; what is excused is bounded, so that a slow monitor finds silence. */
#include "router/cluster/silence.h"

#include "base/clock.h"

#define SILENCE_LIMIT_US_MIN (100 * US_PER_MS)

int64_t silence_limit_us(const struct options *options)
{
	int64_t polls_us = 2 * options->lag_poll_us;

	if (options->status_timeout_us)
		return options->status_timeout_us;
	return polls_us > SILENCE_LIMIT_US_MIN ? polls_us : SILENCE_LIMIT_US_MIN;
}

void silence_begin(struct silence *silence, int64_t now_us)
{
	*silence = (struct silence){ .asked_us = now_us };
}

void silence_excuse(struct silence *silence, int64_t late_us, int64_t limit_us)
{
	int64_t left_us = SILENCE_EXCUSED_LIMITS * limit_us - silence->excused_us;

	if (late_us > SILENCE_LATE_US && left_us > 0)
		silence->excused_us += late_us < left_us ? late_us : left_us;
}

int64_t silence_ends_us(const struct silence *silence, int64_t limit_us)
{
	return silence->asked_us + limit_us + silence->excused_us;
}
