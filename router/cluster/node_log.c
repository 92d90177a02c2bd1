/* SPDX-License-Identifier: Apache-2.0 */
/* A node that flaps would fill the log: its states go through base/repeats.h. */
#include "router/cluster/node_log.h"

#include "base/hash.h"
#include "base/repeats.h"

#include <string.h>

void node_log_state(const struct cluster *cluster, unsigned index, enum log_level level,
		    const char *state, const char *detail)
{
	const char *name = cluster->nodes[index]->name;
	uint64_t key = hash_bytes(name, strlen(name), hash_bytes(state, strlen(state), 0));
	char again[REPEATS_TEXT_BYTES];

	if (repeats_allow(REPEATS_NODES, key, cluster->topology.nodes[index].seen_us, again))
		node_log(level, cluster, index, "%s%s%s%s", state, detail ? ": " : "",
			 detail ? detail : "", again);
}
