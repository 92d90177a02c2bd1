/* SPDX-License-Identifier: Apache-2.0 */
/* A question between two status queries, and the writer's end. */
#include "router/cluster/watched_lives.h"

#include "base/clock.h"
#include "pg/sqlstate.h"
#include "router/cluster/node_lives.h"
#include "router/cluster/node_log.h"
#include "router/cluster/topology_build.h"

#include <string.h>

#define LIVES_AGAIN_US (20 * US_PER_MS) /* between two questions to one standby */

static int64_t watched_lives_patience_us(const struct watched *watched)
{
	int64_t turns_us = WATCHED_LIVES_TURNS * watched->monitor->poll_us;

	return turns_us < WATCHED_LIVES_US_MAX ? turns_us : WATCHED_LIVES_US_MAX;
}

/* No answer came. Has it been so for too long? */
static bool watched_lives_are_hopeless(struct watched *watched)
{
	int64_t now_us = loop_now(watched->monitor->loop);

	if (!watched->lives_late_us)
		watched->lives_late_us = now_us;
	return now_us - watched->lives_late_us >= watched_lives_patience_us(watched);
}

/* Was the node able to say whether it does? Nothing else is learned by asking again. */
static bool watched_lives_were_judged(const struct call *call)
{
	return call->end == CALL_OK ||
	       (call->end == CALL_ERROR && !sqlstate_is_timeout(call->error.sqlstate) &&
		!sqlstate_blames_node(call->error.sqlstate));
}

/* Wrote or not: what is read next decides. Where nothing was said it may have been written. */
static void watched_on_life(struct life_writer *writer, const struct call *call)
{
	struct watched *watched = container_of(writer, struct watched, life_writer);
	struct monitor *monitor = watched->monitor;

	if (call->end != CALL_OK)
		node_log(LOG_WARN, &monitor->cluster, watched->index,
			 "its life cannot be written to cqrsd.log_life: %s",
			 call->end == CALL_ERROR ? call->error.message : call->lost_reason);
	if (watched_lives_were_judged(call) || watched_lives_are_hopeless(watched))
		topology_build_tried_life(&monitor->cluster, watched->index);
	else
		topology_build_try_life_again(&monitor->cluster, watched->index);
	if (!watched->asked)
		loop_timer_set(monitor->loop, &watched->timer, loop_now(monitor->loop));
}

void watched_lives_init(struct watched *watched)
{
	life_writer_init(&watched->life_writer, watched_on_life);
}

bool watched_wants_lives(const struct watched *watched, int64_t now_us)
{
	const struct cluster *cluster = &watched->monitor->cluster;
	bool at_once = cluster->memory[watched->index].claims_primary && !watched->lives_late_us;

	return node_lives_wanted(cluster, watched->index) &&
	       (at_once || now_us >= watched->lives_us);
}

/* The table is not there, or the role may not read it. */
static bool watched_has_no_lives(const struct call *call)
{
	return call->end == CALL_ERROR && (strncmp(call->error.sqlstate, "42", 2) == 0 ||
					   strcmp(call->error.sqlstate, "3F000") == 0);
}

void watched_on_lives(struct watched *watched, bool answered)
{
	struct monitor *monitor = watched->monitor;
	struct text row = { watched->out.ptr, watched->out.len };
	bool primary = monitor->cluster.memory[watched->index].claims_primary;
	struct lives lives;

	watched->lives_us = loop_now(monitor->loop) + LIVES_AGAIN_US;
	if (answered && lives_read(&lives, row)) {
		topology_build_take_lives(&monitor->cluster, watched->index, &lives);
		if (node_lives_are_settled(&monitor->cluster, watched->index))
			watched->lives_late_us = 0;
	} else if (answered || watched_has_no_lives(&watched->call) ||
		   (primary && watched_lives_were_judged(&watched->call))) {
		topology_build_tells_lives(&monitor->cluster, watched->index, false);
	} else if (primary) {
		watched_lives_are_late(watched);
	}
	/* Else a standby, of a conflict with recovery: it is asked again, and believed then. */
}

void watched_lives_are_late(struct watched *watched)
{
	struct cluster *cluster = &watched->monitor->cluster;

	watched->lives_us = loop_now(watched->monitor->loop) + LIVES_AGAIN_US;
	if (!cluster->memory[watched->index].claims_primary || !watched_lives_are_hopeless(watched))
		return;
	watched->lives_late_us = 0;
	node_log(LOG_WARN, cluster, watched->index,
		 "does not tell the lives of its log in time: it is followed without them");
	topology_build_tells_lives(cluster, watched->index, false);
}

void watched_begin_life(struct watched *watched, const struct pool_settings *settings)
{
	struct monitor *monitor = watched->monitor;
	const struct cluster *cluster = &monitor->cluster;

	if (watched->life_writer.pool || cluster->memory[watched->index].lives_state != LIVES_DUE)
		return;
	life_writer_begin(&watched->life_writer, monitor->loop, cluster->nodes[watched->index],
			  monitor->metrics, settings);
}
