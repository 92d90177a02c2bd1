/* SPDX-License-Identifier: Apache-2.0 */
/* Kept for one life of the node: a copy may take its place at a restart. */
#include "router/cluster/node_lives.h"

bool node_lives_are_settled(const struct cluster *cluster, unsigned index)
{
	enum lives_state state = cluster->memory[index].lives_state;

	return state == LIVES_UNTOLD || state == LIVES_NAMED;
}

bool node_lives_are_other(const struct cluster *cluster, unsigned index)
{
	const struct node_memory *memory = &cluster->memory[index];
	const struct life *last = lives_last(&cluster->topology.lives);

	return last && memory->lives_state != LIVES_UNTOLD &&
	       cluster->topology.nodes[index].position.lsn > last->began &&
	       lives_find(&memory->lives, last->mark) < 0;
}

bool node_lives_have_last(const struct cluster *cluster, unsigned index)
{
	const struct node_memory *memory = &cluster->memory[index];
	const struct life *last = lives_last(&cluster->topology.lives);

	return last && memory->lives_state != LIVES_UNTOLD &&
	       lives_find(&memory->lives, last->mark) >= 0;
}

bool node_lives_wanted(const struct cluster *cluster, unsigned index)
{
	const struct node_memory *memory = &cluster->memory[index];

	if (!node_is_up(&cluster->topology.nodes[index]) || !cluster_ours(cluster, index))
		return false;
	if (memory->claims_primary)
		return memory->lives_state == LIVES_UNREAD || memory->lives_state == LIVES_TRIED;
	if (memory->lives_state == LIVES_UNTOLD)
		return false;
	/* A copy of the primary that is there may have been taken for one of a lost log. */
	if (memory->extent == WAL_AHEAD && cluster->topology.primary >= 0)
		return !node_lives_have_last(cluster, index);
	if (!cluster->topology.lives.count && !topology_is_unled(&cluster->topology))
		return false;
	/* What it replays while no primary is seen may be of a life that is not known here. */
	return node_lives_are_other(cluster, index) ||
	       (cluster->topology.primary < 0 &&
		cluster->topology.nodes[index].position.lsn > memory->lives_lsn);
}

bool node_lives_lack(const struct cluster *cluster, unsigned index)
{
	const struct node_memory *memory = &cluster->memory[index];
	struct lives_parting parting;

	return memory->lives_state != LIVES_UNTOLD &&
	       lives_part(&cluster->topology.lives, &memory->lives, &parting) && parting.timeline &&
	       lives_parting_lacks(&parting, cluster_known_lsn(cluster), cluster->whole_lsn);
}

void node_lives_want_own(struct cluster *cluster, unsigned index)
{
	if (cluster->memory[index].lives_state == LIVES_READ)
		cluster->memory[index].lives_state = LIVES_DUE;
}

bool node_lives_part(const struct cluster *cluster, unsigned index, struct lives_parting *parting)
{
	const struct node_memory *memory = &cluster->memory[index];

	return memory->lives_state == LIVES_NAMED &&
	       lives_part(&cluster->topology.lives, &memory->lives, parting);
}
