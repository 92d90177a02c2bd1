/* SPDX-License-Identifier: Apache-2.0 */
/* Counts for how long one node has been agreed on. */
#include "router/cluster/agreement.h"

#include "base/clock.h"
#include "router/cluster/election.h"
#include "router/cluster/node_history.h"
#include "router/cluster/node_log.h"
#include "router/cluster/quorum.h"
#include "router/cluster/rotation.h"

#include <inttypes.h>

/* While a node does not answer, the one that is awaited may live there: so many times the wait. */
#define BACK_PATIENCE 3

static void agreement_go_back(struct cluster *cluster, unsigned index)
{
	if (!election_give_up(cluster, index))
		return;
	cluster->agreed = -1;
	election_hold(cluster);
	for (unsigned i = 0; i < cluster->topology.count; i++)
		if (cluster->topology.nodes[i].role == NODE_REPLICA)
			rotation_judge(cluster, i);
}

void agreement_update(struct cluster *cluster, int64_t now_us)
{
	struct topology *topology = &cluster->topology;
	bool all;
	int on = topology->primary_seen ? quorum_primary(cluster, &all) : -1;
	unsigned life = on >= 0 ? topology->nodes[on].life : 0;
	bool gives_up = on >= 0 && topology->primary < 0 &&
			node_history_is_settled(cluster, (unsigned)on) &&
			topology->nodes[on].position.timeline;
	int64_t wait_us = gives_up ? (all ? 1 : BACK_PATIENCE) * cluster->back_us : 0;

	if (on < 0 || cluster->agreed != on || cluster->agreed_life != life) {
		cluster->agreed = on;
		cluster->agreed_life = life;
		cluster->agreed_us = now_us;
		if (wait_us)
			node_log(
				LOG_WARN, cluster, on,
				"claims to be primary, and all that answer agree: timeline %" PRIu32
				" is given up for it in %" PRId64 " ms",
				cluster_number(cluster), wait_us / US_PER_MS);
	}
	topology->agreed_us = on >= 0 && on == topology->primary ? cluster->agreed_us : 0;
	if (wait_us && now_us - cluster->agreed_us >= wait_us)
		agreement_go_back(cluster, (unsigned)on);
}
