/* SPDX-License-Identifier: Apache-2.0 */
/* A histogram of ranks and a line through it. */
#include "pg/cutoff.h"

#include <assert.h>

#define CUTOFF_FADE 0.8F
#define CUTOFF_SHARE_FIRST 1.0F
#define CUTOFF_SHARE_MIN 0.7F
#define CUTOFF_SHARE_MAX 1.1F
#define CUTOFF_LOWER 0.02F
#define CUTOFF_RAISE 0.01F

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

static unsigned cutoff_find(const struct cutoff *cutoff, double pass)
{
	double sum = 0;

	for (unsigned rank = 0; rank < CUTOFF_RANKS; rank++) {
		sum += (double)cutoff->seen[rank];
		if (sum > pass)
			return rank;
	}
	return CUTOFF_RANKS;
}

void cutoff_move(struct cutoff *cutoff, bool overloaded, bool in_time, double served)
{
	cutoff->seen_before = cutoff->seen_before * CUTOFF_FADE + 1;
	if (!cutoff->set)
		cutoff->share = CUTOFF_SHARE_FIRST;
	cutoff->share += in_time ? CUTOFF_RAISE : -CUTOFF_LOWER;
	if (cutoff->share < CUTOFF_SHARE_MIN)
		cutoff->share = CUTOFF_SHARE_MIN;
	if (cutoff->share > CUTOFF_SHARE_MAX)
		cutoff->share = CUTOFF_SHARE_MAX;
	cutoff->set = overloaded;
	cutoff->rank =
		cutoff_find(cutoff, served * (double)cutoff->share * (double)cutoff->seen_before);
	for (unsigned rank = 0; rank < CUTOFF_RANKS; rank++)
		cutoff->seen[rank] *= CUTOFF_FADE;
}

bool cutoff_refuses(const struct cutoff *cutoff, unsigned rank)
{
	return cutoff->set && rank > cutoff->rank;
}

bool cutoff_is_marginal(const struct cutoff *cutoff, unsigned rank)
{
	return cutoff->set && cutoff_class(rank) >= cutoff_class(cutoff->rank);
}
