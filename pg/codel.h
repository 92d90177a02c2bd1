/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Is a queue overloaded? Controlled delay (Nichols and Jacobson, "Controlling Queue Delay", 2012;
 * for requests as in Maurer, "Fail at Scale", 2015): a queue that is only a burst empties now and
 * then; one that nobody leaves sooner than the target during a whole interval stands. It is
 * overloaded until nobody had to be refused for some intervals. The interval is the longest that
 * anybody waits (100 ms unless --queue-wait-ms says otherwise), the target a twentieth of it (5
 * ms). Where calls leave more slowly than that, both are multiples of how long one takes to follow
 * the other. Plain data by the caller's clock.
 */
#pragma once

#include "base/check.h"
#include "base/clock.h"

#include <stdbool.h>
#include <stdint.h>

#define CODEL_TARGETS 20 /* in an interval */
#define CODEL_CALM 10    /* intervals without a refusal end an overload */

struct codel {
	int64_t interval_us; /* set by the maker, the rest to zero */
	int64_t until_us;    /* the interval's end; 0: none has begun */
	int64_t least_us;    /* the shortest wait of it; CLOCK_NEVER: nobody left */
	unsigned refused;    /* in it */
	unsigned calm;       /* intervals in a row without */
	bool overloaded;
	int64_t left_us; /* when calls last left */
	double gap_us; /* from one call that leaves to the next, while there are any; 0: unknown */
};

/* So many calls leave together; the one that waited longest, and the one that waited least. True:
 * an interval is over. */
bool codel_left(struct codel *codel, unsigned calls, int64_t longest_us, int64_t least_us,
		int64_t now_us);
void codel_refused(struct codel *codel);
bool codel_overloaded(const struct codel *codel, int64_t now_us) must_check;
/* Longer than this nobody waits who is to be served in time. */
int64_t codel_slack_us(const struct codel *codel) must_check;
/* How many calls leave within that time; at least one. */
unsigned codel_room(const struct codel *codel, int64_t within_us) must_check;
/* How many leave in an interval. */
double codel_served(const struct codel *codel) must_check;
