/* SPDX-License-Identifier: Apache-2.0 */
/* A position of an older timeline is one of the newest, where it has survived. */
#include "write/committed.h"

#include "base/control.h"

/* The server was started anew since, maybe with less, and no loss was found: its log tells. */
static bool committed_in_a_lost_life(const struct topology *topology, uint32_t life, uint64_t lsn)
{
	return life && topology->lives.count && life != topology_life(topology) &&
	       lives_fate(&topology->lives, life, lsn) != FATE_SURVIVED;
}

struct position committed_at(struct router *router, uint32_t judged, uint32_t life,
			     struct position position)
{
	const struct topology *topology = &router->topology;
	uint32_t timeline;

	router_refresh(router);
	timeline = topology->primary_position.timeline;
	position.timeline = branch_in_era(judged, position.timeline);
	if (!CONTROL_TIMELINES)
		return position;
	if (committed_in_a_lost_life(topology, life, position.lsn))
		return POSITION_NONE;
	if (position.timeline >= timeline)
		return position;
	if (topology_fate(topology, position) != FATE_SURVIVED)
		return POSITION_NONE;
	return (struct position){ timeline, position.lsn };
}

/* Where commits are acknowledged early a crash may keep less: that is no other log. */
void committed_acknowledge(struct router *router, struct position position)
{
	high_water_raise(router->shared.high_water, position);
	if (router->topology.commits == COMMITS_FLUSHED)
		high_water_raise(router->shared.acknowledged, position);
}

void committed_carry(struct router *router, unsigned node, const struct command *command)
{
	read_index_carried(&router->read_index, node, command->call.sent_us, command->position,
			   command->call.wal_end);
}
