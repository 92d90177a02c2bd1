/* SPDX-License-Identifier: Apache-2.0 */
/* The two clocks of the kernel, in microseconds. */
#include "base/clock.h"

#include <assert.h>
#include <time.h>

static int64_t clock_us(clockid_t id)
{
	struct timespec now;
	int failed = clock_gettime(id, &now);

	assert(!failed);
	return (int64_t)now.tv_sec * US_PER_S + now.tv_nsec / 1000;
}

int64_t clock_monotonic_us(void)
{
	return clock_us(CLOCK_MONOTONIC);
}

int64_t clock_wall_us(void)
{
	return clock_us(CLOCK_REALTIME);
}
