/* SPDX-License-Identifier: Apache-2.0 */
/* The cluster of these stories; each look takes a millisecond. */
#include "topology_build_story.h"

#include "base/clock.h"

static struct node nodes_room[NODES] = {
	{ .index = P, .name = "p:1" },
	{ .index = R1, .name = "r1:1" },
	{ .index = R2, .name = "r2:1" },
};
struct node *const nodes[NODES] = { &nodes_room[P], &nodes_room[R1], &nodes_room[R2] };
struct options options;
struct sessions *sessions;
struct cluster cluster;
int64_t now_us;

static void raise_floor(void *arg, const struct history *history, const struct branches *branches,
			struct position position)
{
	sessions_promoted(sessions, history, branches, position);
}

const struct topology_events events = { .on_promoted = raise_floor };

int topology_build_begin(void **state)
{
	options = (struct options){
		.lag_us_max = US_PER_S,
		.lag_bytes_max = 1000000,
		.lag_strikes = 2,
		.lag_recoveries = 3,
		.timeline_back_us = 10 * US_PER_S,
	};
	sessions = sessions_new(64);
	cluster_init(&cluster, nodes, NODES, &events);
	cluster_set_limits(&cluster, &options);
	for (unsigned i = 0; i < NODES; i++)
		topology_build_identified(&cluster, i, US);
	now_us = 1000 * US_PER_S;
	return 0;
}

int topology_build_end(void **state)
{
	sessions_free(sessions);
	return 0;
}

const struct node_view *view(unsigned index)
{
	return &cluster.topology.nodes[index];
}

/* Of a timeline whose ancestors were left one after the other. */
struct history history_of(uint32_t timeline)
{
	struct history history = { .timeline = timeline, .complete = true };

	for (uint32_t i = 1; i < timeline; i++)
		history.switches[history.count++] = (struct history_switch){ i, 400 + 100 * i };
	return history;
}

/* What a walsender would say. */
void tell_history(unsigned index)
{
	uint32_t wanted = node_history_wanted(&cluster, index);
	struct history history;

	if (wanted == NODE_HISTORY_WANTS_NOTHING || wanted == NODE_HISTORY_WANTS_TIMELINE)
		return;
	history = history_of(wanted);
	topology_build_take_history(&cluster, index, &history);
}

void look_at(unsigned index, struct node_status status)
{
	if (!status.started_us)
		status.started_us = 1;
	now_us += 1000;
	topology_build_answered(&cluster, index, &status, now_us - 500, now_us);
	topology_build_refresh(&cluster, now_us);
}

void answer(unsigned index, struct node_status status)
{
	look_at(index, status);
	tell_history(index);
	topology_build_refresh(&cluster, now_us);
}

void primary_at(unsigned index, uint64_t lsn, uint32_t timeline)
{
	answer(index, (struct node_status){ .lsn = lsn, .timeline = timeline });
}

void replica_at(unsigned index, uint64_t lsn, uint32_t timeline)
{
	answer(index,
	       (struct node_status){ .in_recovery = true, .lsn = lsn, .timeline = timeline });
}

void silence(unsigned index)
{
	now_us += 200000;
	topology_build_silent(&cluster, index, "no answer");
	topology_build_refresh(&cluster, now_us);
}

void all_well(void)
{
	primary_at(P, 1000, 1);
	replica_at(R1, 1000, 1);
	replica_at(R2, 1000, 1);
}
