/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The admission threshold of an overloaded queue: calls of a rank beyond it are refused. It is
 * computed from how many calls came of each rank lately, so that as many pass as are served, and it
 * moves with the queue's wait (after Zhou et al., "Overload Control for Scaling WeChat
 * Microservices", 2018). Ranks: by urgency, then whether its user takes more than a fair share,
 * then the user's cohort of the hour, so that for an hour the same users are served. Plain data;
 * cleared memory is a threshold that all calls pass.
 */
#pragma once

#include "base/check.h"
#include "pg/admission/codel.h"

#include <stdbool.h>
#include <stdint.h>

#define THRESHOLD_URGENCIES 9 /* 0 most urgent … 7 of RFC 9218; 8: spilled queries */
#define THRESHOLD_COHORTS 64
#define THRESHOLD_RANKS (THRESHOLD_URGENCIES * 2 * THRESHOLD_COHORTS)

struct threshold {
	float seen[THRESHOLD_RANKS]; /* how many came, faded */
	float seen_before;           /* the weight of what faded: of intervals */
	float share;                 /* of what is served that may pass; 0: not set yet */
	bool set;
	bool cuts;     /* false: all pass, and rank is the end of the last class that came */
	unsigned rank; /* of the last who pass */
	float rest; /* of what is served, left by the better classes to that of the rank; 0 to 1 */
};

unsigned threshold_rank(unsigned urgency, bool over, unsigned cohort) must_check;
/* The rank without its cohort; the lowest class goes first. */
unsigned threshold_class(unsigned rank) must_check;
/* One of that rank came. */
void threshold_came(struct threshold *threshold, unsigned rank);
/* An interval is over. served: as many as leave in one while some wait. What that gives is put
 * right by what became of the queue. */
void threshold_move(struct threshold *threshold, bool overloaded, enum codel_load load,
		    double served);
/* Everything beyond is refused. */
bool threshold_refuses(const struct threshold *threshold, unsigned rank) must_check;
/* Its class, not only its cohort, is beyond that of the last who pass. */
bool threshold_refuses_class(const struct threshold *threshold, unsigned rank) must_check;
/* It is among the last who pass: some of its kind will have to be refused. */
bool threshold_is_marginal(const struct threshold *threshold, unsigned rank) must_check;
