/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Times as crontab has them: "minute hour day month weekday", in UTC. Pure.
 *
 * A field is a list of numbers, ranges (1-5) and steps (0-30/10, and of all: every second as
 * a star with /2); months and weekdays also by the first three letters of their names; Sunday is 0
 * and 7. Where neither day nor weekday begins with a star, either of them is enough (POSIX); where
 * one does, both have to hold, so that a star with a step narrows (as Vixie's cron).
 */
#pragma once

#include "base/check.h"
#include "base/text.h"
#include "catalog/words.h"

#include <stdbool.h>
#include <stdint.h>

struct cron {
	/* A bit for each value. */
	uint64_t minutes;
	uint32_t hours, days, months, weekdays; /* days and months from 1; Sunday is 0 */
	bool either;                            /* a day of the month or a weekday is enough */
};

#define CRON_PROBLEM_BYTES 160

/* What is wrong with one, and where. */
struct cron_problem {
	char what[CRON_PROBLEM_BYTES];
	struct cut where;
	struct text best; /* what may have been meant; ptr NULL: nothing is near */
};

/* False: problem says why. What is read comes at some time. */
bool cron_read(struct cron *cron, struct cut text, struct cron_problem *problem) must_check;
/* The first time strictly after, in seconds of Unix time. */
int64_t cron_next(const struct cron *cron, int64_t after_s);
