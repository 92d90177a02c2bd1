/* SPDX-License-Identifier: Apache-2.0 */
/* However long the thread was not run: what is bounded is how often. */
#include "router/cluster/silence.h"

#include "base/clock.h"
#include "router/cluster/questions.h"

#define SILENCE_LIMIT_US_MIN (100 * US_PER_MS)

int64_t silence_limit_us(const struct options *options)
{
	int64_t polls_us = 2 * options->lag_poll_us;

	if (options->status_timeout_us)
		return options->status_timeout_us;
	if (polls_us > QUESTIONS_US_MAX)
		return QUESTIONS_US_MAX;
	return polls_us > SILENCE_LIMIT_US_MIN ? polls_us : SILENCE_LIMIT_US_MIN;
}

void silence_begin(struct silence *silence, int64_t now_us)
{
	*silence = (struct silence){ .since_us = now_us };
}

void silence_excuse(struct silence *silence, int64_t late_us, int64_t now_us)
{
	if (late_us <= SILENCE_LATE_US || silence->excuses == SILENCE_EXCUSES)
		return;
	silence->excuses++;
	silence->since_us = now_us;
}

int64_t silence_ends_us(const struct silence *silence, int64_t limit_us)
{
	return silence->since_us + limit_us;
}
