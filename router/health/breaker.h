/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whether a loop leaves a node alone for a while, by what became of its own calls there. One per
 * node and loop; plain data with a clock that is given, no timer, no cohort.
 *
 *   CLOSED ──failures──► OPEN ──its pause is over──► HALF_OPEN ──probe answered──► CLOSED, slowly
 *      ▲                   ▲                             │
 *      │                   └── no answer: twice as long ─┘
 *      └── the monitor saw the node return, or become another one: from any state
 *
 * It opens after BREAKER_ROW_MAX failures in a row, or when half of BREAKER_EVENTS_MIN or more
 * within WINDOW_S seconds were failures. What happens in one turn of the loop is one event of its
 * kind: a lost conn takes dozens of calls with it. HALF_OPEN lets nothing through but one probe of
 * ours, never a client's request. After it closed, its share of the picks grows for
 * BREAKER_RAMP_US.
 */
#pragma once

#include "base/check.h"
#include "base/clock.h"
#include "router/health/window.h"

#include <stdbool.h>
#include <stdint.h>

#define BREAKER_ROW_MAX 5
#define BREAKER_EVENTS_MIN 20
#define BREAKER_PAUSE_US_MIN US_PER_S
#define BREAKER_PAUSE_US_MAX (30 * US_PER_S)
#define BREAKER_RAMP_US (2 * US_PER_S)
#define BREAKER_RAMP_PERCENT_MIN 10
#define BREAKER_PEACE_US (10 * US_PER_S) /* closed for that long: the next pause is short again */

enum breaker_state { BREAKER_CLOSED, BREAKER_OPEN, BREAKER_HALF_OPEN };

/* Cleared memory is a closed one. */
struct breaker {
	enum breaker_state state;
	unsigned row;      /* failures in a row */
	unsigned openings; /* without peace in between: the pause is doubled by each */
	int64_t bad_us, good_us;
	int64_t until_us;   /* OPEN: the pause ends */
	int64_t closed_us;  /* 0: it never was open */
	const char *reason; /* of the failure that opened it; a constant */
	struct window events;
};

/* A call was answered. */
void breaker_good(struct breaker *breaker, int64_t now_us);
/* A call failed by the node's fault. reason: a constant. True: it is open now. */
bool breaker_bad(struct breaker *breaker, int64_t now_us, const char *reason) must_check;
/* True: the pause is over, the caller sends its probe and tells what came of it. */
bool breaker_half_opens(struct breaker *breaker, int64_t now_us) must_check;
void breaker_proven(struct breaker *breaker, int64_t now_us, bool answered);
/* Closed, with an empty memory; slowly: its share grows. */
void breaker_reset(struct breaker *breaker, int64_t now_us, bool slowly);

/* Until its next probe may let requests through; 0: it is closed. */
int64_t breaker_wait_us(const struct breaker *breaker, int64_t now_us);
/* Of the picks it would get, 0 to 100. */
unsigned breaker_share_percent(const struct breaker *breaker, int64_t now_us);
const char *breaker_state_text(enum breaker_state state);
