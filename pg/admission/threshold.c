/* SPDX-License-Identifier: Apache-2.0 */
/* A histogram of ranks and a line through it. */
#include "pg/admission/threshold.h"

#include <assert.h>

#define THRESHOLD_FADE 0.8F
#define THRESHOLD_SHARE_FIRST 1.0F
#define THRESHOLD_SHARE_MIN 0.25F
#define THRESHOLD_SHARE_MAX 4.0F
#define THRESHOLD_STEP 0.04F
#define THRESHOLD_REST_MIN 0.1F
#define THRESHOLD_SEEN_MIN 0.1F /* less has faded */

unsigned threshold_rank(unsigned urgency, bool over, unsigned cohort)
{
	assert(urgency < THRESHOLD_URGENCIES);
	return (urgency * 2 + over) * THRESHOLD_COHORTS + cohort % THRESHOLD_COHORTS;
}

unsigned threshold_class(unsigned rank)
{
	return rank / THRESHOLD_COHORTS;
}

void threshold_came(struct threshold *threshold, unsigned rank)
{
	assert(rank < THRESHOLD_RANKS);
	threshold->seen[rank]++;
}

/* Where all pass, the last class that came is the last one: the one that would have to wait. */
static unsigned threshold_find(struct threshold *threshold, double pass)
{
	unsigned last = 0;
	double sum = 0;

	threshold->cuts = true;
	for (unsigned rank = 0; rank < THRESHOLD_RANKS; rank++) {
		sum += (double)threshold->seen[rank];
		if (sum > pass)
			return rank;
		if (threshold->seen[rank] > THRESHOLD_SEEN_MIN)
			last = rank;
	}
	threshold->cuts = false;
	return (threshold_class(last) + 1) * THRESHOLD_COHORTS - 1;
}

/* Who pass him while he waits. */
static float threshold_rest(const struct threshold *threshold, double served)
{
	double better = 0, rest;

	for (unsigned rank = 0; rank < threshold_class(threshold->rank) * THRESHOLD_COHORTS; rank++)
		better += (double)threshold->seen[rank];
	rest = 1 - better / (served * (double)threshold->seen_before + 1);
	return rest < (double)THRESHOLD_REST_MIN ? THRESHOLD_REST_MIN : (float)rest;
}

void threshold_move(struct threshold *threshold, bool overloaded, enum codel_load load,
		    double served)
{
	threshold->seen_before = threshold->seen_before * THRESHOLD_FADE + 1;
	if (!threshold->set)
		threshold->share = THRESHOLD_SHARE_FIRST;
	if (load == CODEL_LIGHT)
		threshold->share *= 1 + THRESHOLD_STEP;
	else if (load == CODEL_HEAVY)
		threshold->share *= 1 - THRESHOLD_STEP;
	if (threshold->share < THRESHOLD_SHARE_MIN)
		threshold->share = THRESHOLD_SHARE_MIN;
	if (threshold->share > THRESHOLD_SHARE_MAX)
		threshold->share = THRESHOLD_SHARE_MAX;
	threshold->set = overloaded;
	threshold->rank = threshold_find(threshold, served * (double)threshold->share *
							    (double)threshold->seen_before);
	threshold->rest = threshold_rest(threshold, served);
	for (unsigned rank = 0; rank < THRESHOLD_RANKS; rank++)
		threshold->seen[rank] *= THRESHOLD_FADE;
}

bool threshold_refuses(const struct threshold *threshold, unsigned rank)
{
	return threshold->set && threshold->cuts && rank > threshold->rank;
}

bool threshold_refuses_class(const struct threshold *threshold, unsigned rank)
{
	return threshold_refuses(threshold, rank) &&
	       threshold_class(rank) > threshold_class(threshold->rank);
}

bool threshold_is_marginal(const struct threshold *threshold, unsigned rank)
{
	return threshold->set && threshold_class(rank) >= threshold_class(threshold->rank);
}
