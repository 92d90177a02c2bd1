/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How long a status query has been without an answer. A timer that fires late shows that the
 * monitor's own thread did not run: on a machine that stood still no node could answer either, and
 * since when it did is not known. The count begins again then, a few times. (The same idea:
 * "Lifeguard: Local Health Awareness for More Accurate Failure Detection", 2018, on detectors that
 * are slow themselves.) The conn of the query ends after QUESTIONS_US_MAX all the same
 * (router/cluster/questions.h).
 *
 *   asked ───── not run ─────┤ the timer was due ├── not run ──┤ woken ───── limit ─────┤ silent
 *
 * On the monitor's thread. Times are of the loop, microseconds.
 */
#pragma once

#include "base/check.h"
#include "base/options.h"

#include <stdint.h>

#define SILENCE_LATE_US 20000 /* a timer that fires later than that was not run in time */
#define SILENCE_EXCUSES 4     /* so often: one that is always late finds silence, too */

struct silence {
	int64_t since_us;
	unsigned excuses; /* how often it has begun again */
};

/* --status-timeout-ms, or what follows from --lag-poll-ms. */
int64_t silence_limit_us(const struct options *options) must_check;
void silence_begin(struct silence *silence, int64_t now_us);
/* A timer that was due late_us ago fires only now. */
void silence_excuse(struct silence *silence, int64_t late_us, int64_t now_us);
/* Then it counts as no answer. */
int64_t silence_ends_us(const struct silence *silence, int64_t limit_us) must_check;
