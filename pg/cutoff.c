/* SPDX-License-Identifier: Apache-2.0 */
/* A histogram of ranks and a line through it. */
#include "pg/cutoff.h"

#include <assert.h>

#define CUTOFF_FADE 0.8F
#define CUTOFF_SHARE_FIRST 1.0F
#define CUTOFF_SHARE_MIN 0.25F
#define CUTOFF_SHARE_MAX 4.0F
#define CUTOFF_STEP 0.04F
#define CUTOFF_REST_MIN 0.1F
#define CUTOFF_SEEN_MIN 0.1F /* less has faded */

unsigned cutoff_rank(unsigned urgency, bool over, unsigned luck)
{
	assert(urgency < CUTOFF_URGENCIES);
	return (urgency * 2 + over) * CUTOFF_LUCKS + luck % CUTOFF_LUCKS;
}

unsigned cutoff_class(unsigned rank)
{
	return rank / CUTOFF_LUCKS;
}

void cutoff_came(struct cutoff *cutoff, unsigned rank)
{
	assert(rank < CUTOFF_RANKS);
	cutoff->seen[rank]++;
}

/* Where all pass, the last class that came is the last one: the one that would have to wait. */
static unsigned cutoff_find(struct cutoff *cutoff, double pass)
{
	unsigned last = 0;
	double sum = 0;

	cutoff->cuts = true;
	for (unsigned rank = 0; rank < CUTOFF_RANKS; rank++) {
		sum += (double)cutoff->seen[rank];
		if (sum > pass)
			return rank;
		if (cutoff->seen[rank] > CUTOFF_SEEN_MIN)
			last = rank;
	}
	cutoff->cuts = false;
	return (cutoff_class(last) + 1) * CUTOFF_LUCKS - 1;
}

/* Who pass him while he waits. */
static float cutoff_rest(const struct cutoff *cutoff, double served)
{
	double better = 0, rest;

	for (unsigned rank = 0; rank < cutoff_class(cutoff->rank) * CUTOFF_LUCKS; rank++)
		better += (double)cutoff->seen[rank];
	rest = 1 - better / (served * (double)cutoff->seen_before + 1);
	return rest < (double)CUTOFF_REST_MIN ? CUTOFF_REST_MIN : (float)rest;
}

void cutoff_move(struct cutoff *cutoff, bool overloaded, enum codel_load load, double served)
{
	cutoff->seen_before = cutoff->seen_before * CUTOFF_FADE + 1;
	if (!cutoff->set)
		cutoff->share = CUTOFF_SHARE_FIRST;
	if (load == CODEL_LIGHT)
		cutoff->share *= 1 + CUTOFF_STEP;
	else if (load == CODEL_HEAVY)
		cutoff->share *= 1 - CUTOFF_STEP;
	if (cutoff->share < CUTOFF_SHARE_MIN)
		cutoff->share = CUTOFF_SHARE_MIN;
	if (cutoff->share > CUTOFF_SHARE_MAX)
		cutoff->share = CUTOFF_SHARE_MAX;
	cutoff->set = overloaded;
	cutoff->rank =
		cutoff_find(cutoff, served * (double)cutoff->share * (double)cutoff->seen_before);
	cutoff->rest = cutoff_rest(cutoff, served);
	for (unsigned rank = 0; rank < CUTOFF_RANKS; rank++)
		cutoff->seen[rank] *= CUTOFF_FADE;
}

bool cutoff_refuses(const struct cutoff *cutoff, unsigned rank)
{
	return cutoff->set && cutoff->cuts && rank > cutoff->rank;
}

bool cutoff_refuses_class(const struct cutoff *cutoff, unsigned rank)
{
	return cutoff_refuses(cutoff, rank) && cutoff_class(rank) > cutoff_class(cutoff->rank);
}

bool cutoff_is_marginal(const struct cutoff *cutoff, unsigned rank)
{
	return cutoff->set && cutoff_class(rank) >= cutoff_class(cutoff->rank);
}
