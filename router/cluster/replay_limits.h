/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Standbys whose replay PostgreSQL has paused because a setting is less than the primary's
 * (max_connections and the like: node_status_limit_names).
 */
#pragma once

#include "router/cluster/cluster.h"

#include <stdint.h>

/* The node's settings, told with its identity. */
void replay_limits_take(struct cluster *cluster, unsigned index,
			const uint32_t limits[NODE_STATUS_LIMITS]);
/* Marks them in the topology; the log says it once of each. */
void replay_limits_name(struct cluster *cluster);
