/* SPDX-License-Identifier: Apache-2.0 */
/* Decided once; until then no node is elected. */
#include "router/cluster/strangers.h"

#include "base/clock.h"
#include "router/cluster/node_log.h"

#include <inttypes.h>

#define NAME_WAIT_US (10 * US_PER_S) /* for --primary, before less than a majority is believed */

/* What a node of another cluster shows is no fault of it: no strikes. */
static void strangers_part(struct cluster *cluster)
{
	for (unsigned i = 0; i < cluster->topology.count; i++)
		if (!cluster_ours(cluster, i) && cluster->topology.nodes[i].role == NODE_REPLICA &&
		    cluster->topology.nodes[i].in_rotation)
			cluster_take_out(cluster, i);
}

static void strangers_await(struct cluster *cluster, unsigned index)
{
	if (cluster->awaited)
		return;
	cluster->awaited = true;
	node_log(LOG_WARN, cluster, index,
		 "is out of recovery, but --primary has not told yet which cluster is served: no "
		 "commands; --system-identifier %" PRIu64 " would say that it is this one",
		 cluster->memory[index].system_identifier);
}

void strangers_decide(struct cluster *cluster, int64_t now_us)
{
	struct topology *topology = &cluster->topology;
	struct cluster_claim claims[NODES_MAX];
	uint64_t ours;

	if (cluster->identity == CLUSTER_KNOWN)
		return;
	if (!cluster->began_us)
		cluster->began_us = now_us;
	for (unsigned i = 0; i < topology->count; i++) {
		const struct node_memory *memory = &cluster->memory[i];

		claims[i] =
			(struct cluster_claim){ memory->identified, memory->system_identifier,
						memory->claims_primary && memory->timeline > 1 };
	}
	cluster->identity = cluster_identity_decide(
		claims, topology->count, cluster->given_id,
		now_us && now_us - cluster->began_us >= NAME_WAIT_US, &ours);
	if (topology->system_identifier != ours) {
		topology->system_identifier = ours;
		topology->key_known = false;
		strangers_part(cluster);
	}
	if (cluster->identity == CLUSTER_KNOWN && !cluster->given_id && !claims[0].answered)
		log_warn("monitor",
			 "--primary cannot be asked: the cluster served is %" PRIu64
			 ", of which the other nodes are",
			 ours);
	for (unsigned i = 0; i < topology->count && cluster->identity != CLUSTER_KNOWN; i++)
		if (cluster->memory[i].claims_primary)
			strangers_await(cluster, i);
}

void strangers_name(struct cluster *cluster)
{
	for (unsigned i = 0; i < cluster->topology.count; i++) {
		struct node_memory *memory = &cluster->memory[i];
		bool foreign = cluster->identity == CLUSTER_KNOWN && !cluster_ours(cluster, i);

		cluster->topology.nodes[i].foreign = foreign;
		if (foreign && !memory->logged.foreign)
			node_log(LOG_ERROR, cluster, i,
				 "belongs to another cluster: its system identifier is %" PRIu64
				 ", that of the cluster served %" PRIu64 "; nothing is sent there",
				 memory->system_identifier, cluster->topology.system_identifier);
		memory->logged.foreign = foreign;
	}
}
