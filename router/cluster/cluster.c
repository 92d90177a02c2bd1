/* SPDX-License-Identifier: Apache-2.0 */
/* Where everything begins, and what all rules ask. */
#include "router/cluster/cluster.h"

#include <assert.h>
#include <string.h>

void cluster_init(struct cluster *cluster, struct node *const *nodes, unsigned count,
		  const struct topology_events *events)
{
	assert(count > 0);
	assert(count <= NODES_MAX);
	memset(cluster, 0, sizeof(*cluster));
	cluster->nodes = nodes;
	cluster->events = *events;
	lag_history_init(&cluster->ring);
	cluster->topology.count = count;
	cluster->topology.primary = cluster->ruled = cluster->agreed = -1;
	for (unsigned i = 0; i < count; i++) {
		cluster->topology.nodes[i].lag_us = -1;
		cluster->topology.nodes[i].lag_bytes = -1;
	}
}

void cluster_set_limits(struct cluster *cluster, const struct options *options)
{
	cluster->strikes_max = (unsigned)options->lag_strikes;
	cluster->recoveries_min = (unsigned)options->lag_recoveries;
	cluster->lag_us_max = options->lag_us_max;
	cluster->given_id = (uint64_t)options->system_identifier;
	cluster->lag_bytes_max = (uint64_t)options->lag_bytes_max;
	cluster->back_us = options->timeline_back_us;
}

/* PostgreSQL's number of the timeline that is followed; 0: none yet. */
uint32_t cluster_number(const struct cluster *cluster)
{
	return branch_number(cluster->topology.primary_position.timeline);
}

bool cluster_ours(const struct cluster *cluster, unsigned index)
{
	uint64_t its = cluster->memory[index].system_identifier;
	uint64_t ours = cluster->topology.system_identifier;

	return its == ours || its == 0 || (ours == 0 && cluster->identity == CLUSTER_KNOWN);
}

static void cluster_is_whole_to(struct cluster *cluster, uint64_t lsn)
{
	if (!lsn_may_be_amid_a_record(lsn) && lsn > cluster->whole_lsn)
		cluster->whole_lsn = lsn;
}

void cluster_primary_is_at(struct cluster *cluster, struct position position)
{
	struct topology *topology = &cluster->topology;

	topology->primary_position = position_max(topology->primary_position, position);
	cluster_is_whole_to(cluster, position.lsn);
}

void cluster_take_acknowledged(struct cluster *cluster)
{
	if (!cluster->events.acknowledged)
		return;
	cluster->acknowledged = cluster->events.acknowledged(cluster->events.arg);
	if (cluster->acknowledged.timeline == cluster->topology.primary_position.timeline)
		cluster_is_whole_to(cluster, cluster->acknowledged.lsn);
}

uint64_t cluster_known_lsn(const struct cluster *cluster)
{
	struct position status = cluster->topology.primary_position;
	struct position acknowledged = cluster->acknowledged;

	return acknowledged.timeline == status.timeline && acknowledged.lsn > status.lsn
		       ? acknowledged.lsn
		       : status.lsn;
}

void cluster_take_out(struct cluster *cluster, unsigned index)
{
	struct node_memory *memory = &cluster->memory[index];

	cluster->topology.nodes[index].in_rotation = false;
	memset(&memory->strikes, 0, sizeof(memory->strikes));
}
