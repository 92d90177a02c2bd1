/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From the status of single nodes to the topology: who is primary, who is in rotation, which life,
 * how far behind. Knows no conns and no clock; the monitor brings each status and publishes
 * cluster->topology. Logs each change once. One thread. The rules: router/cluster/cluster.h.
 */
#pragma once

#include "router/cluster/cluster.h"

#include <stdint.h>

/* Who the node is; 0: it would not say. Comes before its first status. */
void topology_build_identified(struct cluster *cluster, unsigned index, uint64_t system_identifier);
/* The node told its timeline and that one's history. */
void topology_build_take_history(struct cluster *cluster, unsigned index,
				 const struct history *history);
/* It would not, or not in time: what its status tells has to do. */
void topology_build_refused_history(struct cluster *cluster, unsigned index, const char *reason);
/* May the lives of its log be asked for? After its identity, and when it refused. */
void topology_build_tells_lives(struct cluster *cluster, unsigned index, bool tells);
/* It told the lives of its log. */
void topology_build_take_lives(struct cluster *cluster, unsigned index, const struct lives *lives);
/* Nothing was heard of adding its own life: what the log has now is read first. */
void topology_build_try_life_again(struct cluster *cluster, unsigned index);
/* Adding its own life has ended, well or not. */
void topology_build_tried_life(struct cluster *cluster, unsigned index);
/* Is it to be asked for synchronous replication? The primary, and replicas where its setting lets
 * them confirm anything; what others told before counts no more. */
bool topology_build_wants_standbys(const struct cluster *cluster, unsigned index,
				   const struct node_status *status) must_check;
/* It told of synchronous replication. */
void topology_build_take_standbys(struct cluster *cluster, unsigned index,
				  const struct standbys *standbys);
/* A status query that was sent then and answered now. */
void topology_build_answered(struct cluster *cluster, unsigned index,
			     const struct node_status *status, int64_t sent_us, int64_t now_us);
/* The node's name leads to another server now: nothing that was known of it holds. */
void topology_build_moved(struct cluster *cluster, unsigned index);
/* A status query that was not answered in time, or ended badly. */
void topology_build_silent(struct cluster *cluster, unsigned index, const char *reason);
/* Works out the lags, which change with time. */
void topology_build_refresh(struct cluster *cluster, int64_t now_us);
