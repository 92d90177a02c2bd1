/* SPDX-License-Identifier: Apache-2.0 */
/* Log lines of the monitor about one node. */
#pragma once

#include "base/log.h"
#include "router/cluster/cluster.h"

#define node_log(level, cluster, index, ...)                                                       \
	log_with(level, "monitor", LOG_FIELDS({ "node", (cluster)->nodes[index]->name }),          \
		 __VA_ARGS__)

/* "lost: no answer"; detail may be NULL. Left out while the node comes and goes: base/repeats.h. */
void node_log_state(const struct cluster *cluster, unsigned index, enum log_level level,
		    const char *state, const char *detail);
