/* SPDX-License-Identifier: Apache-2.0 */
/* When a command is run by itself: @every 5m, @cron "0 3 * * *". Its times are of UTC. */
#pragma once

#include "base/text.h"
#include "catalog/cron.h"

#include <stdint.h>

enum schedule_kind { SCHEDULE_NONE, SCHEDULE_EVERY, SCHEDULE_CRON };

struct schedule {
	enum schedule_kind kind;
	int64_t every_us;
	struct cron cron;
	const char *spec; /* as it was written, but for blanks and quotes: "@every 5m" */
};

/*
 * The first time after now, in microseconds of Unix time. due_us: the one that comes or came before
 * it, from which intervals are counted; now for the first one.
 */
int64_t schedule_next(const struct schedule *schedule, int64_t due_us, int64_t now_us);
