/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How long a status query has been without an answer. Time in which the monitor's own thread did
 * not run is not counted: on a machine that stood still no node could answer, and it is no fault of
 * the node's. (The same idea: "Lifeguard: Local Health Awareness for More Accurate Failure
 * Detection", 2018, on detectors that are slow themselves.)
 *
 *   asked ────────────┤ the timer was due ├── not run ──┤ woken ──────┤ silence ends
 *   └──────────────── limit ────────────────────────────────(+ what was not run)
 *
 * On the monitor's thread. Times are of the loop, microseconds.
 */
#pragma once

#include "base/check.h"
#include "base/options.h"

#include <stdint.h>

#define SILENCE_LATE_US 20000    /* a timer that fires later than that was not run in time */
#define SILENCE_EXCUSED_LIMITS 4 /* no more than so many limits are left out of the count */

struct silence {
	int64_t asked_us;
	int64_t excused_us; /* left out of the count, since then */
};

/* --status-timeout-ms, or what follows from --lag-poll-ms. */
int64_t silence_limit_us(const struct options *options) must_check;
void silence_begin(struct silence *silence, int64_t now_us);
/* A timer that was due late_us ago fires only now. */
void silence_excuse(struct silence *silence, int64_t late_us, int64_t limit_us);
/* Then it counts as no answer. */
int64_t silence_ends_us(const struct silence *silence, int64_t limit_us) must_check;
