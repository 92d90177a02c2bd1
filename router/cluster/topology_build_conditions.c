/* SPDX-License-Identifier: Apache-2.0 */
/* Part of topology_build.h: which cluster is served, and what is wrong with a node. */
#include "base/clock.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/repeats.h"
#include "router/cluster/topology_build.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define NAME_WAIT_US (10 * US_PER_S) /* for --primary, before less than a majority is believed */

#define name_log(level, build, index, ...)                                                         \
	log_with(level, "monitor", LOG_FIELDS({ "node", (build)->nodes[index]->name }), __VA_ARGS__)

/* --- the cluster ----------------------------------------------------------------------------- */

/* What a node of another cluster shows is nothing that anybody asked for: no strikes. */
static void name_part(struct topology_build *build)
{
	for (unsigned i = 0; i < build->topology.count; i++) {
		struct node_view *view = &build->topology.nodes[i];

		if (topology_build_ours(build, i) || view->role != NODE_REPLICA ||
		    !view->in_rotation)
			continue;
		view->in_rotation = false;
		memset(&build->memory[i].strikes, 0, sizeof(build->memory[i].strikes));
	}
}

static void name_await(struct topology_build *build, unsigned index)
{
	if (build->cluster_awaited)
		return;
	build->cluster_awaited = true;
	name_log(LOG_WARN, build, index,
		 "is out of recovery, but --primary has not told yet which cluster is served: no "
		 "commands; --system-identifier %" PRIu64 " would say that it is this one",
		 build->memory[index].system_identifier);
}

void topology_build_know_cluster(struct topology_build *build, int64_t now_us)
{
	struct topology *topology = &build->topology;
	struct cluster_claim claims[NODES_MAX];
	uint64_t ours;

	if (build->cluster == CLUSTER_KNOWN)
		return;
	if (!build->began_us)
		build->began_us = now_us;
	for (unsigned i = 0; i < topology->count; i++) {
		const struct node_memory *memory = &build->memory[i];

		claims[i] =
			(struct cluster_claim){ memory->identified, memory->system_identifier,
						memory->claims_primary && memory->timeline > 1 };
	}
	build->cluster =
		cluster_identity_decide(claims, topology->count, build->cluster_given,
					now_us && now_us - build->began_us >= NAME_WAIT_US, &ours);
	if (topology->system_identifier != ours) {
		topology->system_identifier = ours;
		topology->key_known = false;
		name_part(build);
	}
	if (build->cluster == CLUSTER_KNOWN && !build->cluster_given && !claims[0].answered)
		log_warn("monitor",
			 "--primary cannot be asked: the cluster served is %" PRIu64
			 ", of which the other nodes are",
			 ours);
	for (unsigned i = 0; i < topology->count && build->cluster != CLUSTER_KNOWN; i++)
		if (build->memory[i].claims_primary)
			name_await(build, i);
}

void topology_build_name_strangers(struct topology_build *build)
{
	for (unsigned i = 0; i < build->topology.count; i++) {
		struct node_memory *memory = &build->memory[i];
		bool foreign = build->cluster == CLUSTER_KNOWN && !topology_build_ours(build, i);

		build->topology.nodes[i].foreign = foreign;
		if (foreign && !memory->foreign)
			name_log(LOG_ERROR, build, i,
				 "belongs to another cluster: its system identifier is %" PRIu64
				 ", that of the cluster served %" PRIu64 "; nothing is sent there",
				 memory->system_identifier, build->topology.system_identifier);
		memory->foreign = foreign;
	}
}

/* --- settings -------------------------------------------------------------------------------- */

void topology_build_take_limits(struct topology_build *build, unsigned index,
				const uint32_t limits[NODE_STATUS_LIMITS])
{
	memcpy(build->memory[index].limits, limits, sizeof(build->memory[index].limits));
}

static unsigned name_short_of(const struct topology_build *build, unsigned index)
{
	const struct node_view *view = &build->topology.nodes[index];

	if (!view->up || view->role != NODE_REPLICA || !view->paused)
		return 0;
	for (unsigned i = 0; i < NODE_STATUS_LIMITS; i++)
		if (build->memory[index].limits[i] < build->limits[i])
			return i + 1;
	return 0;
}

/* A pause that nobody asked for: PostgreSQL makes it by itself, and ends it only by a restart. */
void topology_build_name_short(struct topology_build *build)
{
	int primary = build->topology.primary;

	if (primary >= 0 && build->memory[primary].limits[0])
		memcpy(build->limits, build->memory[primary].limits, sizeof(build->limits));
	for (unsigned i = 0; i < build->topology.count; i++) {
		struct node_memory *memory = &build->memory[i];
		unsigned short_of = memory->limits[0] ? name_short_of(build, i) : 0;

		build->topology.nodes[i].short_of = short_of;
		if (short_of && short_of != memory->short_of)
			name_log(LOG_WARN, build, i,
				 "its replay is paused, and its %s = %" PRIu32
				 " is less than the primary's %" PRIu32
				 ": raise it there and restart it",
				 node_status_limit_names[short_of - 1],
				 memory->limits[short_of - 1], build->limits[short_of - 1]);
		memory->short_of = short_of;
	}
}

/* --- what becomes of a node ------------------------------------------------------------------ */

void topology_build_name_state(const struct topology_build *build, unsigned index,
			       enum log_level level, const char *state, const char *detail)
{
	const char *name = build->nodes[index]->name;
	uint64_t key = hash_bytes(name, strlen(name), hash_bytes(state, strlen(state), 0));
	char again[REPEATS_TEXT_BYTES];

	if (repeats_allow(REPEATS_NODES, key, build->topology.nodes[index].seen_us, again))
		name_log(level, build, index, "%s%s%s%s", state, detail ? ": " : "",
			 detail ? detail : "", again);
}
