/* SPDX-License-Identifier: Apache-2.0 */
/* One claim, standbys that stream it, and no node that answers otherwise. */
#include "router/cluster/quorum.h"

/* A standby says what it streams, or a walsender says it for one that may not. */
static bool quorum_follows(const struct cluster *cluster, unsigned index, unsigned primary)
{
	const struct node_memory *memory = &cluster->memory[index];
	const struct history *its = &memory->history;
	const struct history *ours = &cluster->memory[primary].history;
	uint32_t streams = memory->timeline_hidden ? memory->timeline : memory->streams;

	if (memory->claims_primary || memory->extent == WAL_AHEAD)
		return false;
	if (streams != cluster->memory[primary].timeline)
		return false;
	if (!its->complete || !ours->complete || its->timeline != ours->timeline)
		return true;
	return history_agrees(its, ours);
}

/* Do all that answer agree on it, more than half of those named? all: no node is silent. */
static bool quorum_all(const struct cluster *cluster, unsigned primary, bool *all)
{
	const struct topology *topology = &cluster->topology;
	unsigned agree = 0;

	*all = true;
	for (unsigned i = 0; i < topology->count; i++) {
		if (!node_is_up(&topology->nodes[i]) || !cluster_ours(cluster, i))
			*all = false;
		else if (i == primary || quorum_follows(cluster, i, primary))
			agree++;
		else
			return false;
	}
	return 2 * agree > topology->count;
}

/* The one that claims to be primary; -1: none, or several. */
static int quorum_only_claim(const struct cluster *cluster)
{
	int only = -1;

	for (unsigned i = 0; i < cluster->topology.count; i++) {
		if (!node_is_up(&cluster->topology.nodes[i]) ||
		    !cluster->memory[i].claims_primary || !cluster_ours(cluster, i))
			continue;
		if (only >= 0)
			return -1;
		only = (int)i;
	}
	return only;
}

int quorum_primary(const struct cluster *cluster, bool *all)
{
	int only = quorum_only_claim(cluster);

	*all = false;
	return only >= 0 && quorum_all(cluster, (unsigned)only, all) ? only : -1;
}
