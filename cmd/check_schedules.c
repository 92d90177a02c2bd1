/* SPDX-License-Identifier: Apache-2.0 */
/* When an interval began is known to the database alone: cqrsd jobs schedules shows it. */
#include "cmd/check_schedules.h"

#include "base/clock.h"

#include <time.h>

#define CHECK_TIMES 3
#define CHECK_TIMES_BYTES (CHECK_TIMES * 24)

/* "2026-11-29T12:00:00Z, …" */
static void check_next_times(const struct schedule *schedule, int64_t now_us,
			     char text[CHECK_TIMES_BYTES])
{
	size_t len = 0;

	for (unsigned i = 0; i < CHECK_TIMES; i++) {
		time_t seconds;
		struct tm tm;

		now_us = schedule_next(schedule, now_us, now_us);
		seconds = (time_t)(now_us / US_PER_S);
		gmtime_r(&seconds, &tm);
		len += strftime(text + len, CHECK_TIMES_BYTES - len,
				i ? ", %Y-%m-%dT%H:%M:%SZ" : "%Y-%m-%dT%H:%M:%SZ", &tm);
	}
}

void check_schedules(const struct catalog *catalog, struct findings *findings)
{
	int64_t now_us = clock_wall_us();

	for (unsigned i = 0; i < catalog->count; i++) {
		const struct operation *operation = &catalog->operations[i];
		char times[CHECK_TIMES_BYTES];

		switch (operation->schedule.kind) {
		case SCHEDULE_NONE:
			break;
		case SCHEDULE_EVERY:
			findings_note(findings, operation->place,
				      "%s runs by itself, %s: first one interval after a service "
				      "has seen it",
				      operation->name, operation->schedule.spec);
			break;
		case SCHEDULE_CRON:
			check_next_times(&operation->schedule, now_us, times);
			findings_note(findings, operation->place, "%s runs by itself, %s: %s",
				      operation->name, operation->schedule.spec, times);
			break;
		}
	}
}
