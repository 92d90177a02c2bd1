/* SPDX-License-Identifier: Apache-2.0 */
/* Times that were missed are passed over, and intervals keep their beat. */
#include "catalog/schedule.h"

#include "base/clock.h"

#include <assert.h>

static int64_t schedule_seconds(int64_t us)
{
	return us / US_PER_S - (us % US_PER_S < 0);
}

int64_t schedule_next(const struct schedule *schedule, int64_t due_us, int64_t now_us)
{
	switch (schedule->kind) {
	case SCHEDULE_EVERY:
		if (due_us > now_us)
			return due_us;
		return due_us + ((now_us - due_us) / schedule->every_us + 1) * schedule->every_us;
	case SCHEDULE_CRON:
		return cron_next(&schedule->cron, schedule_seconds(now_us)) * US_PER_S;
	case SCHEDULE_NONE:
		break;
	}
	assert(!"a schedule");
	return now_us;
}
