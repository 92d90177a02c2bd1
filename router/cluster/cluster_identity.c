/* SPDX-License-Identifier: Apache-2.0 */
/* The proofs of cluster_identity.h, strongest first. */
#include "router/cluster/cluster_identity.h"

#include <assert.h>

static unsigned cluster_identity_votes(const struct cluster_claim *claims, unsigned count,
				       uint64_t identifier)
{
	unsigned votes = 0;

	for (unsigned i = 0; i < count; i++)
		votes += claims[i].answered && claims[i].identifier == identifier;
	return votes;
}

static bool cluster_identity_agree(const struct cluster_claim *claims, unsigned count,
				   uint64_t *identifier)
{
	*identifier = 0;
	for (unsigned i = 0; i < count; i++) {
		if (!claims[i].answered || !claims[i].identifier)
			continue;
		if (*identifier && *identifier != claims[i].identifier)
			return false;
		*identifier = claims[i].identifier;
	}
	return *identifier != 0;
}

static bool cluster_identity_was_promoted(const struct cluster_claim *claims, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		if (claims[i].answered && claims[i].promoted)
			return true;
	return false;
}

enum cluster_state cluster_identity_decide(const struct cluster_claim *claims, unsigned count,
					   uint64_t given, bool waited, uint64_t *ours)
{
	assert(count > 0);
	*ours = given;
	if (given)
		return CLUSTER_KNOWN;
	*ours = claims[0].identifier;
	if (claims[0].answered)
		return CLUSTER_KNOWN;
	for (unsigned i = 1; i < count; i++) {
		*ours = claims[i].identifier;
		if (*ours && 2 * cluster_identity_votes(claims, count, *ours) > count)
			return CLUSTER_KNOWN;
	}
	if (cluster_identity_agree(claims, count, ours))
		return waited && cluster_identity_was_promoted(claims, count) ? CLUSTER_KNOWN
									      : CLUSTER_PRESUMED;
	*ours = 0;
	return CLUSTER_UNKNOWN;
}
