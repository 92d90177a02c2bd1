/* SPDX-License-Identifier: Apache-2.0 */
/* The proofs of cluster.h, strongest first. */
#include "router/cluster.h"

#include <assert.h>

static unsigned cluster_votes(const struct cluster_told *told, unsigned count, uint64_t identifier)
{
	unsigned votes = 0;

	for (unsigned i = 0; i < count; i++)
		votes += told[i].told && told[i].identifier == identifier;
	return votes;
}

static bool cluster_agree(const struct cluster_told *told, unsigned count, uint64_t *identifier)
{
	*identifier = 0;
	for (unsigned i = 0; i < count; i++) {
		if (!told[i].told || !told[i].identifier)
			continue;
		if (*identifier && *identifier != told[i].identifier)
			return false;
		*identifier = told[i].identifier;
	}
	return *identifier != 0;
}

static bool cluster_was_promoted(const struct cluster_told *told, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		if (told[i].told && told[i].promoted)
			return true;
	return false;
}

enum cluster_state cluster_decide(const struct cluster_told *told, unsigned count, uint64_t given,
				  bool waited, uint64_t *ours)
{
	assert(count > 0);
	*ours = given;
	if (given)
		return CLUSTER_KNOWN;
	*ours = told[0].identifier;
	if (told[0].told)
		return CLUSTER_KNOWN;
	for (unsigned i = 1; i < count; i++) {
		*ours = told[i].identifier;
		if (*ours && 2 * cluster_votes(told, count, *ours) > count)
			return CLUSTER_KNOWN;
	}
	if (cluster_agree(told, count, ours))
		return waited && cluster_was_promoted(told, count) ? CLUSTER_KNOWN
								   : CLUSTER_PRESUMED;
	*ours = 0;
	return CLUSTER_UNKNOWN;
}
