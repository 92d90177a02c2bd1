/* SPDX-License-Identifier: Apache-2.0 */
/* One fault is one strike; router/cluster/strikes.h says how many make it leave or return. */
#include "router/cluster/rotation.h"

#include "base/clock.h"
#include "base/control.h"
#include "router/cluster/node_history.h"
#include "router/cluster/node_lives.h"
#include "router/cluster/node_log.h"
#include "router/cluster/wal_extent.h"

#include <inttypes.h>
#include <stdio.h>

static const char rotation_lacks[] =
	"it follows a primary that lacks what is known of the last one";
static const char rotation_unproven[] = "it has restarted, and no primary was asked since";

/* So long after its restart a standby that has a primary streams from it. */
#define ROTATION_ALONE_US (10 * US_PER_S)

uint64_t rotation_bytes_to_go(const struct cluster *cluster, unsigned index)
{
	uint64_t primary = cluster->topology.primary_position.lsn;
	uint64_t here = cluster->topology.nodes[index].position.lsn;

	return primary > here ? primary - here : 0;
}

static void rotation_leave(struct cluster *cluster, unsigned index, const char *reason)
{
	if (cluster->topology.nodes[index].in_rotation)
		node_log(LOG_WARN, cluster, index, "out of rotation: %s", reason);
	cluster_take_out(cluster, index);
}

/* What a replica of another timeline shows may be lost: no strikes are waited for. */
void rotation_leave_behind(struct cluster *cluster, unsigned index)
{
	const struct node_view *view = &cluster->topology.nodes[index];

	if (view->role != NODE_REPLICA || !view->in_rotation ||
	    view->position.timeline == cluster->topology.primary_position.timeline)
		return;
	rotation_leave(cluster, index, "it is not on the primary's timeline");
}

/* What a replica of another log shows may be lost, or lack what was acknowledged. */
void rotation_leave_log(struct cluster *cluster, unsigned index)
{
	if (!cluster->topology.nodes[index].in_rotation || cluster->memory[index].claims_primary ||
	    !node_lives_lack(cluster, index))
		return;
	rotation_leave(cluster, index, rotation_lacks);
}

void rotation_restarted(struct cluster *cluster, unsigned index)
{
	struct node_memory *memory = &cluster->memory[index];

	if (!CONTROL_RESTARTS)
		return;
	memory->restart = RESTART_UNPROVEN;
	memory->restarted_us = memory->sent_us;
	rotation_leave(cluster, index, "it has restarted");
}

/* A primary that is followed and was asked since is the judge of it. */
static void rotation_prove(struct cluster *cluster, unsigned index)
{
	struct node_memory *memory = &cluster->memory[index];
	int primary = cluster->topology.primary;

	if (memory->restart == RESTART_NONE)
		return;
	if (primary >= 0 && cluster->topology.nodes[primary].asked_us >= memory->restarted_us) {
		memory->restart = RESTART_NONE;
	} else if (memory->restart == RESTART_UNPROVEN &&
		   (memory->streams || memory->timeline_hidden)) {
		memory->restart = RESTART_STREAMED;
		rotation_leave(cluster, index, rotation_unproven);
	}
}

static bool rotation_is_unproven(const struct node_memory *memory)
{
	return memory->restart == RESTART_STREAMED ||
	       (memory->restart == RESTART_UNPROVEN &&
		memory->sent_us - memory->restarted_us < ROTATION_ALONE_US);
}

/* 0: not known. A standby that streams but may not say from where is as far as its last
 * restartpoint for sure; one that never streamed follows as long as there was no promotion. */
static uint32_t rotation_timeline(const struct cluster *cluster, unsigned index)
{
	const struct node_memory *memory = &cluster->memory[index];
	uint32_t primary = cluster_number(cluster);

	/* Once a branch was given up a standby is on one only where it says so. */
	if (cluster->topology.branches.era)
		return memory->timeline;
	if (primary <= 1)
		return memory->timeline ? memory->timeline : primary;
	if (memory->timeline_hidden && !memory->timeline && memory->history_refused)
		return memory->checkpointed >= primary ? memory->checkpointed : 0;
	return memory->timeline;
}

/* NULL: within the limits. While the primary is gone, an unknown lag in time is forgiven. */
static const char *rotation_too_far_behind(const struct cluster *cluster, unsigned index,
					   char *room, size_t room_bytes)
{
	const struct topology *topology = &cluster->topology;
	int64_t seen_us = lag_history_seen_us(&cluster->ring, topology->nodes[index].position.lsn);
	int64_t lag_us = lag_history_last_us(&cluster->ring) - seen_us;

	if (!topology->primary_seen)
		return NULL;
	if (cluster->lag_bytes_max &&
	    rotation_bytes_to_go(cluster, index) > cluster->lag_bytes_max) {
		snprintf(room, room_bytes, "%" PRIu64 " bytes behind",
			 rotation_bytes_to_go(cluster, index));
		return room;
	}
	if (cluster->lag_us_max && seen_us == 0 && topology->primary >= 0)
		return "how far it is behind is not known";
	if (cluster->lag_us_max && seen_us && lag_us > cluster->lag_us_max) {
		snprintf(room, room_bytes, "%" PRId64 " ms behind", lag_us / US_PER_MS);
		return room;
	}
	return NULL;
}

/* NULL: it may get queries. */
static const char *rotation_fault(struct cluster *cluster, unsigned index, char *room,
				  size_t room_bytes)
{
	const struct topology *topology = &cluster->topology;
	uint32_t its = topology->nodes[index].position.timeline;
	uint32_t ours = topology->primary_position.timeline;

	if (!cluster_ours(cluster, index))
		return cluster->identity == CLUSTER_KNOWN ? "it belongs to another cluster"
							  : "which cluster is served is not known";
	if (cluster->memory[index].extent == WAL_AHEAD)
		return "it has replayed what the primary does not have";
	if (node_history_is_given_up(cluster, index))
		return "it is on a timeline that was given up";
	if ((topology->primary >= 0 || topology->branches.era) && its == 0)
		return "its timeline is not known";
	/* Without a primary, too, what an older timeline shows may be lost. */
	if (topology->primary >= 0 ? its != ours : its && its < ours)
		return "it is not on the primary's timeline";
	/* Without one it may follow another primary, of a timeline of the same number. */
	if (branch_number(ours) > 1 && its == ours && !cluster->memory[index].timeline_hidden &&
	    !node_history_is_settled(cluster, index))
		return "the history of its timeline is not known yet";
	if (node_history_is_other(cluster, index))
		return "it follows another history of the primary's timeline";
	if (node_lives_are_other(cluster, index))
		return "it has not replayed the beginning of the primary's life";
	if (node_lives_lack(cluster, index))
		return rotation_lacks;
	if (rotation_is_unproven(&cluster->memory[index]))
		return rotation_unproven;
	return rotation_too_far_behind(cluster, index, room, room_bytes);
}

void rotation_judge(struct cluster *cluster, unsigned index)
{
	struct node_memory *memory = &cluster->memory[index];
	struct node_view *view = &cluster->topology.nodes[index];
	const char *fault;
	char room[64];

	if (!cluster->decided)
		return;
	rotation_prove(cluster, index);
	wal_extent_judge_again(cluster, index);
	view->position.timeline =
		branches_timeline(&cluster->topology.branches, rotation_timeline(cluster, index));
	view->replay_rate =
		replay_rate_update(&memory->replay_rate, view->seen_us, view->position.lsn,
				   cluster->topology.primary_position.lsn);
	fault = rotation_fault(cluster, index, room, sizeof(room));
	if (!strikes_add(&memory->strikes, !fault, cluster->strikes_max, cluster->recoveries_min))
		return;
	view->in_rotation = memory->strikes.in;
	if (view->in_rotation)
		node_log_state(cluster, index, LOG_INFO, "in rotation", NULL);
	else
		node_log_state(cluster, index, LOG_WARN, "out of rotation", fault);
}

/* At the start a node that was not asked yet may turn out to be the primary: until then no
 * node is judged, and afterwards all that are there. */
void rotation_decide(struct cluster *cluster)
{
	if (cluster->decided)
		return;
	for (unsigned i = 0; i < cluster->topology.count; i++)
		if (cluster->topology.nodes[i].contact == NODE_UNASKED &&
		    !cluster->topology.primary_seen)
			return;
	cluster->decided = true;
	for (unsigned i = 0; i < cluster->topology.count; i++)
		if (cluster->topology.nodes[i].role == NODE_REPLICA)
			rotation_judge(cluster, i);
}
