/* SPDX-License-Identifier: Apache-2.0 */
/* A hook at the end of each turn, and a timer for news that came too soon after the last. */
#include "router/cluster/publication.h"

#include "pg/reconnect.h"
#include "router/cluster/topology_build.h"

static void publication_on_turn(struct loop_hook *hook)
{
	struct publication *publication = container_of(hook, struct publication, hook);
	struct cluster *cluster = publication->cluster;
	int64_t now_us = loop_now(publication->loop);
	bool differs;

	if (!publication->news)
		return;
	if (now_us < publication->published_us + PUBLICATION_US) {
		loop_timer_set(publication->loop, &publication->due,
			       publication->published_us + PUBLICATION_US);
		return;
	}
	topology_build_refresh(cluster, now_us);
	for (unsigned i = 0; i < cluster->topology.count; i++)
		cluster->topology.nodes[i].full =
			reconnect_limit(cluster->nodes[i]->reconnect, now_us);
	differs = topology_differs(&publication->published, &cluster->topology);
	publication->published = cluster->topology;
	publication->published_us = now_us;
	publication->news = false;
	snapshot_publish(publication->snapshot, &publication->published);
	if (differs)
		cluster->events.on_change(cluster->events.arg);
}

/* The turn that this timer makes publishes. */
static void publication_on_due(struct loop_timer *timer)
{
	(void)timer;
}

void publication_init(struct publication *publication, struct loop *loop, struct cluster *cluster,
		      struct snapshot *snapshot)
{
	*publication = (struct publication){
		.loop = loop,
		.cluster = cluster,
		.snapshot = snapshot,
		.hook.on_turn = publication_on_turn,
		.due.on_due = publication_on_due,
	};
	loop_hook_add(loop, &publication->hook, LOOP_STAGE_ANSWER);
}

void publication_fini(struct publication *publication)
{
	loop_timer_cancel(publication->loop, &publication->due);
	loop_hook_remove(publication->loop, &publication->hook, LOOP_STAGE_ANSWER);
}

void publication_has_news(struct publication *publication)
{
	publication->news = true;
}
