/* SPDX-License-Identifier: Apache-2.0 */
/* A setting of the standby against the same of its primary, when it was seen last. */
#include "router/cluster/replay_limits.h"

#include "router/cluster/node_log.h"

#include <inttypes.h>
#include <string.h>

void replay_limits_take(struct cluster *cluster, unsigned index,
			const uint32_t limits[NODE_STATUS_LIMITS])
{
	memcpy(cluster->memory[index].limits, limits, sizeof(cluster->memory[index].limits));
}

static unsigned replay_limits_short_of(const struct cluster *cluster, unsigned index)
{
	const struct node_view *view = &cluster->topology.nodes[index];

	if (!node_is_up(view) || view->role != NODE_REPLICA || !view->paused)
		return 0;
	for (unsigned i = 0; i < NODE_STATUS_LIMITS; i++)
		if (cluster->memory[index].limits[i] < cluster->limits[i])
			return i + 1;
	return 0;
}

/* PostgreSQL pauses replay by itself then, and only a restart ends that pause. */
void replay_limits_name(struct cluster *cluster)
{
	int primary = cluster->topology.primary;

	if (primary >= 0 && cluster->memory[primary].limits[0])
		memcpy(cluster->limits, cluster->memory[primary].limits, sizeof(cluster->limits));
	for (unsigned i = 0; i < cluster->topology.count; i++) {
		struct node_memory *memory = &cluster->memory[i];
		unsigned short_of = memory->limits[0] ? replay_limits_short_of(cluster, i) : 0;

		cluster->topology.nodes[i].short_of = short_of;
		if (short_of && short_of != memory->logged.short_of)
			node_log(LOG_WARN, cluster, i,
				 "its replay is paused, and its %s = %" PRIu32
				 " is less than the primary's %" PRIu32
				 ": raise it there and restart it",
				 node_status_limit_names[short_of - 1],
				 memory->limits[short_of - 1], cluster->limits[short_of - 1]);
		memory->logged.short_of = short_of;
	}
}
