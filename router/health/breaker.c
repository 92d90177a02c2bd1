/* SPDX-License-Identifier: Apache-2.0 */
/* Counts and moments; see the drawing in the header. */
#include "router/health/breaker.h"

#include <assert.h>
#include <stddef.h>

static void breaker_open(struct breaker *breaker, int64_t now_us)
{
	int64_t pause_us = BREAKER_PAUSE_US_MIN;

	for (unsigned i = 0; i < breaker->openings && pause_us < BREAKER_PAUSE_US_MAX; i++)
		pause_us *= 2;
	if (pause_us > BREAKER_PAUSE_US_MAX)
		pause_us = BREAKER_PAUSE_US_MAX;
	else
		breaker->openings++;
	breaker->state = BREAKER_OPEN;
	breaker->until_us = now_us + pause_us;
}

void breaker_good(struct breaker *breaker, int64_t now_us)
{
	if (breaker->state != BREAKER_CLOSED)
		return;
	breaker->row = 0;
	if (breaker->good_us == now_us)
		return;
	breaker->good_us = now_us;
	window_add(&breaker->events, WINDOW_ALL, now_us);
}

static bool breaker_has_enough(struct breaker *breaker, int64_t now_us)
{
	unsigned all = window_sum(&breaker->events, WINDOW_ALL, now_us);
	unsigned bad = window_sum(&breaker->events, WINDOW_WATCHED, now_us);

	return breaker->row >= BREAKER_ROW_MAX || (all >= BREAKER_EVENTS_MIN && 2 * bad >= all);
}

bool breaker_bad(struct breaker *breaker, int64_t now_us, const char *reason)
{
	if (breaker->state != BREAKER_CLOSED || breaker->bad_us == now_us)
		return false;
	breaker->bad_us = now_us;
	breaker->row++;
	window_add(&breaker->events, WINDOW_ALL, now_us);
	window_add(&breaker->events, WINDOW_WATCHED, now_us);
	if (!breaker_has_enough(breaker, now_us))
		return false;
	if (breaker->closed_us && now_us - breaker->closed_us >= BREAKER_PEACE_US)
		breaker->openings = 0;
	breaker->reason = reason;
	breaker_open(breaker, now_us);
	return true;
}

bool breaker_half_opens(struct breaker *breaker, int64_t now_us)
{
	if (breaker->state != BREAKER_OPEN || now_us < breaker->until_us)
		return false;
	breaker->state = BREAKER_HALF_OPEN;
	return true;
}

void breaker_proven(struct breaker *breaker, int64_t now_us, bool answered)
{
	assert(breaker->state == BREAKER_HALF_OPEN);
	if (!answered) {
		breaker_open(breaker, now_us);
		return;
	}
	breaker_reset(breaker, now_us, true);
}

void breaker_reset(struct breaker *breaker, int64_t now_us, bool slowly)
{
	unsigned openings = slowly ? breaker->openings : 0;

	*breaker = (struct breaker){ .openings = openings, .closed_us = slowly ? now_us : 0 };
}

int64_t breaker_wait_us(const struct breaker *breaker, int64_t now_us)
{
	if (breaker->state == BREAKER_CLOSED)
		return 0;
	return breaker->state == BREAKER_OPEN && breaker->until_us > now_us
		       ? breaker->until_us - now_us
		       : 1;
}

unsigned breaker_share_percent(const struct breaker *breaker, int64_t now_us)
{
	int64_t age_us = now_us - breaker->closed_us;

	if (breaker->state != BREAKER_CLOSED)
		return 0;
	if (!breaker->closed_us || age_us >= BREAKER_RAMP_US)
		return 100;
	return BREAKER_RAMP_PERCENT_MIN +
	       (unsigned)((100 - BREAKER_RAMP_PERCENT_MIN) * age_us / BREAKER_RAMP_US);
}

const char *breaker_state_text(enum breaker_state state)
{
	switch (state) {
	case BREAKER_CLOSED:
		return "closed";
	case BREAKER_OPEN:
		return "open";
	case BREAKER_HALF_OPEN:
		return "half-open";
	}
	assert(!"a state");
	return NULL;
}
