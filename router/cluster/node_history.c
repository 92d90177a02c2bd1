/* SPDX-License-Identifier: Apache-2.0 */
/* A walsender's word, kept as long as the node stays on that timeline. */
#include "router/cluster/node_history.h"

#include <string.h>

/* Its history is known, or known not to be had. */
bool node_history_is_settled(const struct cluster *cluster, unsigned index)
{
	const struct node_memory *memory = &cluster->memory[index];

	return memory->timeline == 1 ||
	       (memory->timeline &&
		(memory->history.timeline == memory->timeline || memory->history_refused));
}

uint32_t node_history_wanted(const struct cluster *cluster, unsigned index)
{
	const struct node_memory *memory = &cluster->memory[index];
	uint32_t primary = cluster_number(cluster);

	if (!node_is_up(&cluster->topology.nodes[index]) || !cluster_ours(cluster, index))
		return NODE_HISTORY_WANTS_NOTHING;
	if (memory->timeline_hidden && (primary > 1 || cluster->topology.branches.era) &&
	    memory->timeline != primary)
		return NODE_HISTORY_WANTS_TIMELINE;
	if (memory->timeline <= 1 ||
	    (memory->history.timeline == memory->timeline && memory->history.complete))
		return NODE_HISTORY_WANTS_NOTHING;
	return memory->timeline;
}

/* What was refused on one timeline may be told on the next one. */
void node_history_take_timeline(struct cluster *cluster, unsigned index,
				const struct node_status *status)
{
	struct node_memory *memory = &cluster->memory[index];

	if (status->timeline && status->timeline != memory->timeline) {
		memory->timeline = status->timeline;
		memory->history_refused = false;
		memset(&memory->history, 0, sizeof(memory->history));
	}
	memory->switched = status->switched;
	memory->checkpoint = status->checkpoint;
	if (memory->timeline == 1)
		memory->history = (struct history){ .timeline = 1, .complete = true };
	if (status->in_recovery) {
		if (status->timeline)
			memory->followed = status->timeline;
		return;
	}
	cluster->topology.nodes[index].position.timeline =
		branches_timeline(&cluster->topology.branches, status->timeline);
	memory->timeline_hidden = false;
}

/*
 * Without a walsender: a node tells where it left its ancestor as long as it has not restarted
 * since, and which one that was if it told so as a standby. Numbers are given one by one, so the
 * ancestor's is known for sure only right below.
 */
void node_history_guess(struct cluster *cluster, unsigned index)
{
	struct node_memory *memory = &cluster->memory[index];
	struct history *history = &memory->history;

	if (history->timeline == memory->timeline)
		return;
	*history = (struct history){ .timeline = memory->timeline };
	if (!memory->switched)
		return;
	history->count = 1;
	history->switches[0].lsn = memory->switched;
	if (memory->followed + 1 == memory->timeline)
		history->switches[0].timeline = memory->followed;
}

/* Promoted to the same number as the primary, but not from the same place. */
bool node_history_is_other(const struct cluster *cluster, unsigned index)
{
	const struct history *its = &cluster->memory[index].history;
	const struct history *ours = &cluster->topology.history;

	return its->complete && ours->complete && its->timeline == ours->timeline &&
	       !history_agrees(its, ours);
}

/* Its timeline was given up: it comes back only as one that was left. */
bool node_history_is_given_up(const struct cluster *cluster, unsigned index)
{
	const struct node_memory *memory = &cluster->memory[index];
	const struct topology *topology = &cluster->topology;

	return memory->timeline && branches_gave_up(&topology->branches, &topology->history,
						    memory->timeline, &memory->history);
}
