/* SPDX-License-Identifier: Apache-2.0 */
/* Part of router/views.h: which cluster is served, and what is wrong with a node. */
#include "base/clock.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/repeats.h"
#include "router/views.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define NAME_WAIT_US (10 * US_PER_S) /* for --primary, before less than a majority is believed */

#define name_log(level, views, index, ...)                                                         \
	log_with(level, "monitor", LOG_FIELDS({ "node", (views)->nodes[index]->name }), __VA_ARGS__)

/* --- the cluster ----------------------------------------------------------------------------- */

/* What a node of another cluster shows is nothing that anybody asked for: no strikes. */
static void name_part(struct views *views)
{
	for (unsigned i = 0; i < views->topology.count; i++) {
		struct node_view *view = &views->topology.nodes[i];

		if (views_ours(views, i) || view->role != NODE_REPLICA || !view->in_rotation)
			continue;
		view->in_rotation = false;
		memset(&views->memory[i].strikes, 0, sizeof(views->memory[i].strikes));
	}
}

static void name_await(struct views *views, unsigned index)
{
	if (views->cluster_awaited)
		return;
	views->cluster_awaited = true;
	name_log(LOG_WARN, views, index,
		 "is out of recovery, but --primary has not told yet which cluster is served: no "
		 "commands; --system-identifier %" PRIu64 " would say that it is this one",
		 views->memory[index].system_identifier);
}

void views_know_cluster(struct views *views, int64_t now_us)
{
	struct topology *topology = &views->topology;
	struct cluster_told told[NODES_MAX];
	uint64_t ours;

	if (views->cluster == CLUSTER_KNOWN)
		return;
	if (!views->began_us)
		views->began_us = now_us;
	for (unsigned i = 0; i < topology->count; i++) {
		const struct view_memory *memory = &views->memory[i];

		told[i] = (struct cluster_told){ memory->identified, memory->system_identifier,
						 memory->claims_primary && memory->timeline > 1 };
	}
	views->cluster = cluster_decide(told, topology->count, views->cluster_given,
					now_us && now_us - views->began_us >= NAME_WAIT_US, &ours);
	if (topology->system_identifier != ours) {
		topology->system_identifier = ours;
		topology->key_known = false;
		name_part(views);
	}
	if (views->cluster == CLUSTER_KNOWN && !views->cluster_given && !told[0].told)
		log_warn("monitor",
			 "--primary cannot be asked: the cluster served is %" PRIu64
			 ", of which the other nodes are",
			 ours);
	for (unsigned i = 0; i < topology->count && views->cluster != CLUSTER_KNOWN; i++)
		if (views->memory[i].claims_primary)
			name_await(views, i);
}

void views_name_strangers(struct views *views)
{
	for (unsigned i = 0; i < views->topology.count; i++) {
		struct view_memory *memory = &views->memory[i];
		bool foreign = views->cluster == CLUSTER_KNOWN && !views_ours(views, i);

		views->topology.nodes[i].foreign = foreign;
		if (foreign && !memory->foreign)
			name_log(LOG_ERROR, views, i,
				 "belongs to another cluster: its system identifier is %" PRIu64
				 ", that of the cluster served %" PRIu64 "; nothing is sent there",
				 memory->system_identifier, views->topology.system_identifier);
		memory->foreign = foreign;
	}
}

/* --- settings -------------------------------------------------------------------------------- */

void views_told_limits(struct views *views, unsigned index, const uint32_t limits[POLL_LIMITS])
{
	memcpy(views->memory[index].limits, limits, sizeof(views->memory[index].limits));
}

static unsigned name_short_of(const struct views *views, unsigned index)
{
	const struct node_view *view = &views->topology.nodes[index];

	if (!view->up || view->role != NODE_REPLICA || !view->paused)
		return 0;
	for (unsigned i = 0; i < POLL_LIMITS; i++)
		if (views->memory[index].limits[i] < views->limits[i])
			return i + 1;
	return 0;
}

/* A pause that nobody asked for: PostgreSQL makes it by itself, and ends it only by a restart. */
void views_name_short(struct views *views)
{
	int primary = views->topology.primary;

	if (primary >= 0 && views->memory[primary].limits[0])
		memcpy(views->limits, views->memory[primary].limits, sizeof(views->limits));
	for (unsigned i = 0; i < views->topology.count; i++) {
		struct view_memory *memory = &views->memory[i];
		unsigned short_of = memory->limits[0] ? name_short_of(views, i) : 0;

		views->topology.nodes[i].short_of = short_of;
		if (short_of && short_of != memory->short_of)
			name_log(LOG_WARN, views, i,
				 "its replay is paused, and its %s = %" PRIu32
				 " is less than the primary's %" PRIu32
				 ": raise it there and restart it",
				 poll_limit_names[short_of - 1], memory->limits[short_of - 1],
				 views->limits[short_of - 1]);
		memory->short_of = short_of;
	}
}

/* --- what becomes of a node ------------------------------------------------------------------ */

void views_name_state(const struct views *views, unsigned index, enum log_level level,
		      const char *state, const char *detail)
{
	const char *name = views->nodes[index]->name;
	uint64_t key = hash_bytes(name, strlen(name), hash_bytes(state, strlen(state), 0));
	char again[REPEATS_TEXT_BYTES];

	if (repeats_allow(REPEATS_NODES, key, views->topology.nodes[index].seen_us, again))
		name_log(level, views, index, "%s%s%s%s", state, detail ? ": " : "",
			 detail ? detail : "", again);
}
