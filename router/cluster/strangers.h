/* SPDX-License-Identifier: Apache-2.0 */
/* Nodes of other clusters than the one that is served. */
#pragma once

#include "router/cluster/cluster.h"

#include <stdint.h>

/* Which cluster is served, by what nodes said so far (router/cluster/cluster_identity.h); now_us
 * 0: no time passed. */
void strangers_decide(struct cluster *cluster, int64_t now_us);
/* Marks them in the topology; the log says it once of each. */
void strangers_name(struct cluster *cluster);
