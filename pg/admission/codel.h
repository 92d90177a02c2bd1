/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Is a queue overloaded? Controlled delay (Nichols and Jacobson, "Controlling Queue Delay", 2012;
 * for requests as in Maurer, "Fail at Scale", 2015): a queue that is only a burst empties now and
 * then; one in which every call waits longer than the target during a whole interval stands. It is
 * overloaded until few calls were refused for some intervals: a short queue refuses some of a load
 * that a longer one could take, and an overload that is ended too early is found again late. The
 * interval is the longest that a call waits (--queue-wait-ms, 100 ms unless set), the target a
 * twentieth of it (5 ms). Where calls leave more slowly than that, both
 * are multiples of how long one takes to follow the other. Plain data by the caller's clock.
 */
#pragma once

#include "base/check.h"
#include "base/clock.h"

#include <stdbool.h>
#include <stdint.h>

#define CODEL_TARGETS 20 /* in an interval */
#define CODEL_CALM 5     /* intervals with few refusals end an overload */

/* What the last interval says: the queue was as good as empty now and then, or never. */
enum codel_load { CODEL_LIGHT, CODEL_FULL, CODEL_HEAVY };

struct codel {
	int64_t interval_us;        /* set by the maker, as the next; the rest to zero */
	int64_t patience_us;        /* the longest that a call waits */
	int64_t until_us;           /* the interval's end; 0: none has begun */
	int64_t least_us;           /* the shortest wait of it; CLOCK_NEVER: no call left */
	int64_t stood_us;           /* of the one before */
	unsigned dequeued, refused; /* in it */
	unsigned calm;              /* intervals in a row with few refusals */
	bool overloaded;
	int64_t dequeued_us; /* when calls last left */
	unsigned gaps;       /* so many were learnt, up to a bound */
	double gap_us; /* from one call that leaves to the next, while there are any; 0: unknown */
};

/* So many calls leave together; the one that waited longest, and the one that waited least. True:
 * an interval is over. */
bool codel_dequeued(struct codel *codel, unsigned calls, int64_t longest_us, int64_t least_us,
		    int64_t now_us);
void codel_refused(struct codel *codel);
enum codel_load codel_load(const struct codel *codel) must_check;
bool codel_overloaded(const struct codel *codel, int64_t now_us) must_check;
/* A call that has waited longer is not served in time. */
int64_t codel_slack_us(const struct codel *codel) must_check;
/* How many calls leave within that time; at least one. */
unsigned codel_room(const struct codel *codel, int64_t within_us) must_check;
/* How many leave in an interval. */
double codel_served(const struct codel *codel) must_check;
