/* SPDX-License-Identifier: Apache-2.0 */
/* A position of an older timeline is one of the newest, where it has survived. */
#include "write/committed.h"

#include "base/control.h"

struct position committed_at(struct router *router, uint32_t judged, struct position position)
{
	const struct topology *topology = &router->topology;
	uint32_t timeline;

	router_refresh(router);
	timeline = topology->primary_position.timeline;
	position.timeline = branch_in_era(judged, position.timeline);
	if (position.timeline >= timeline || !CONTROL_TIMELINES)
		return position;
	if (topology_fate(topology, position) != FATE_SURVIVED)
		return POSITION_NONE;
	return (struct position){ timeline, position.lsn };
}

void committed_carry(struct router *router, unsigned node, const struct command *command)
{
	read_index_carried(&router->read_index, node, command->call.sent_us, command->position,
			   command->call.wal_end);
}
