/* SPDX-License-Identifier: Apache-2.0 */
/* The cluster of these stories; each look takes a millisecond. */
#include "views_story.h"

#include "base/clock.h"

static struct node nodes_room[NODES] = {
	{ .index = P, .name = "p:1" },
	{ .index = R1, .name = "r1:1" },
	{ .index = R2, .name = "r2:1" },
};
struct node *const nodes[NODES] = { &nodes_room[P], &nodes_room[R1], &nodes_room[R2] };
struct options options;
struct sessions *sessions;
struct views views;
int64_t now_us;

int views_begin(void **state)
{
	options = (struct options){
		.lag_us_max = US_PER_S,
		.lag_bytes_max = 1000000,
		.lag_strikes = 2,
		.lag_recoveries = 3,
		.timeline_back_us = 10 * US_PER_S,
	};
	sessions = sessions_new(64);
	views_init(&views, nodes, NODES, sessions);
	views_set_limits(&views, &options);
	for (unsigned i = 0; i < NODES; i++)
		views_identified(&views, i, US);
	now_us = 1000 * US_PER_S;
	return 0;
}

int views_end(void **state)
{
	sessions_free(sessions);
	return 0;
}

const struct node_view *view(unsigned index)
{
	return &views.topology.nodes[index];
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
	uint32_t wanted = views_wants_history(&views, index);
	struct history history;

	if (wanted == VIEWS_WANTS_NOTHING || wanted == VIEWS_WANTS_TIMELINE)
		return;
	history = history_of(wanted);
	views_told_history(&views, index, &history);
}

void look_at(unsigned index, struct look look)
{
	if (!look.started_us)
		look.started_us = 1;
	now_us += 1000;
	views_answered(&views, index, &look, now_us - 500, now_us);
	views_refresh(&views, now_us);
}

void answer(unsigned index, struct look look)
{
	look_at(index, look);
	tell_history(index);
	views_refresh(&views, now_us);
}

void primary_at(unsigned index, uint64_t lsn, uint32_t timeline)
{
	answer(index, (struct look){ .lsn = lsn, .timeline = timeline });
}

void replica_at(unsigned index, uint64_t lsn, uint32_t timeline)
{
	answer(index, (struct look){ .in_recovery = true, .lsn = lsn, .timeline = timeline });
}

void silence(unsigned index)
{
	now_us += 200000;
	views_silent(&views, index, "no answer");
	views_refresh(&views, now_us);
}

void all_well(void)
{
	primary_at(P, 1000, 1);
	replica_at(R1, 1000, 1);
	replica_at(R2, 1000, 1);
}
