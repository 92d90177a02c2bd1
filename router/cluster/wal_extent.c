/* SPDX-License-Identifier: Apache-2.0 */
/* Lsns of one timeline, compared with what its primary told. */
#include "router/cluster/wal_extent.h"

#include "router/cluster/node_lives.h"
#include "router/cluster/node_log.h"

/* By the lives of its log, which began on our timeline: it lacks some of what is known of ours. */
static bool wal_extent_lacks(const struct cluster *cluster, const struct lives_parting *parting)
{
	return parting->timeline == cluster_number(cluster) &&
	       lives_parting_lacks(parting, cluster_known_lsn(cluster), cluster->whole_lsn);
}

/* On the timeline of the last primary with less WAL, and not that one itself: an older copy. */
bool wal_extent_is_behind(const struct cluster *cluster, unsigned index)
{
	struct position here = cluster->topology.nodes[index].position;
	struct position last = cluster->topology.primary_position;
	struct lives_parting parting;

	if ((int)index != cluster->ruled && here.timeline == last.timeline &&
	    node_lives_part(cluster, index, &parting))
		return wal_extent_lacks(cluster, &parting);
	return (int)index != cluster->ruled && here.timeline == last.timeline &&
	       (here.lsn < last.lsn || cluster->memory[index].extent == WAL_SHORT);
}

/* The first status of a life. While the primary is there, what another claims needs no judging. */
void wal_extent_born(struct cluster *cluster, unsigned index)
{
	struct node_memory *memory = &cluster->memory[index];

	memory->born_lsn = cluster->topology.nodes[index].position.lsn;
	/* An older copy stays one over its restarts. */
	if (memory->claims_primary && cluster->topology.primary < 0 &&
	    wal_extent_is_behind(cluster, index))
		memory->extent = WAL_SHORT;
	else
		memory->extent = WAL_IN_LINE;
}

/* The WAL that it kept from the lives before ends here at the latest; 0: not told. */
static uint64_t wal_extent_kept(const struct node_memory *memory)
{
	return memory->switched ? memory->switched : memory->checkpoint;
}

/* The primary that we had, with less WAL than it had told: restored from an older copy. */
bool wal_extent_came_back_short(const struct cluster *cluster, unsigned index)
{
	const struct node_memory *memory = &cluster->memory[index];
	const struct node_view *view = &cluster->topology.nodes[index];
	struct position last = cluster->topology.primary_position;
	uint64_t kept = wal_extent_kept(memory);
	struct lives_parting parting;

	if (!cluster->topology.primary_seen)
		return false;
	if (node_lives_part(cluster, index, &parting))
		return wal_extent_lacks(cluster, &parting);
	if ((int)index != cluster->ruled || view->position.timeline != last.timeline)
		return false;
	if (view->position.lsn < last.lsn)
		return true;
	/* It may have written on since. */
	return memory->ruled_us && memory->ruled_us != view->started_us && kept &&
	       kept < cluster->whole_lsn;
}

/* How far its WAL went when it was left, at most: what it replayed at the start of a new life, or
 * else had then, is all that it has kept. */
uint64_t wal_extent_cut(const struct cluster *cluster, unsigned index)
{
	const struct node_memory *memory = &cluster->memory[index];
	const struct node_view *view = &cluster->topology.nodes[index];
	struct lives_parting parting;
	uint64_t kept;

	if (node_lives_part(cluster, index, &parting) && parting.lsn != UINT64_MAX)
		return parting.lsn;
	if (memory->ruled_us == view->started_us ||
	    (!memory->ruled_us && (int)index != cluster->ruled))
		return view->position.lsn;
	kept = wal_extent_kept(memory);
	return kept && kept < memory->born_lsn ? kept : memory->born_lsn;
}

/* Of the timeline's WAL behind the cut, what a standby has is not the primary's any more. */
void wal_extent_leave_ahead(struct cluster *cluster, uint64_t cut)
{
	for (unsigned i = 0; i < cluster->topology.count; i++)
		if (!cluster->memory[i].claims_primary &&
		    cluster->topology.nodes[i].position.lsn > cut)
			cluster->memory[i].extent = WAL_AHEAD;
}

void wal_extent_judge_again(struct cluster *cluster, unsigned index)
{
	struct node_memory *memory = &cluster->memory[index];

	if (memory->extent == WAL_AHEAD && node_lives_have_last(cluster, index))
		memory->extent = WAL_IN_LINE;
}

/* Asked later than they answered, the primary has less than they replayed: no standbys of it. */
void wal_extent_judge_ahead(struct cluster *cluster, int64_t sent_us)
{
	struct topology *topology = &cluster->topology;
	struct position primary = topology->nodes[topology->primary].position;

	for (unsigned i = 0; i < topology->count; i++) {
		const struct node_view *view = &topology->nodes[i];

		if (view->role != NODE_REPLICA || view->seen_us > sent_us ||
		    cluster->memory[i].extent == WAL_AHEAD || node_lives_have_last(cluster, i) ||
		    view->position.timeline != primary.timeline ||
		    view->position.lsn <= primary.lsn)
			continue;
		cluster->memory[i].extent = WAL_AHEAD;
		cluster_take_out(cluster, i);
		node_log(LOG_ERROR, cluster, i,
			 "out of rotation: it has replayed what the primary does not have");
	}
}
