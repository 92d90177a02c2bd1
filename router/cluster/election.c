/* SPDX-License-Identifier: Apache-2.0 */
/* The best candidate; owners hear of a promotion before it is published. */
#include "router/cluster/election.h"

#include "router/cluster/node_history.h"
#include "router/cluster/node_lives.h"
#include "router/cluster/node_log.h"
#include "router/cluster/rotation.h"
#include "router/cluster/wal_extent.h"

#include <inttypes.h>
#include <string.h>

/* But for the lives of its log. */
static bool election_may_lead(const struct cluster *cluster, unsigned index)
{
	const struct node_view *view = &cluster->topology.nodes[index];

	return node_is_up(view) && cluster->memory[index].claims_primary &&
	       view->position.timeline && cluster->identity == CLUSTER_KNOWN &&
	       cluster_ours(cluster, index) &&
	       view->position.timeline >= cluster->topology.primary_position.timeline &&
	       node_history_is_settled(cluster, index) && !node_history_is_other(cluster, index) &&
	       !node_history_is_given_up(cluster, index) && !wal_extent_is_behind(cluster, index);
}

/* It may be the primary as soon as its history and the lives of its log are settled. */
static bool election_is_awaited(const struct cluster *cluster, unsigned index)
{
	const struct node_view *view = &cluster->topology.nodes[index];

	/* Nor is any node ours for sure before the cluster is known. */
	if (cluster->identity != CLUSTER_KNOWN)
		return true;
	return cluster_ours(cluster, index) &&
	       (!node_history_is_settled(cluster, index) ||
		!node_lives_are_settled(cluster, index)) &&
	       view->position.timeline >= cluster->topology.primary_position.timeline;
}

/* settled: of those alone whose lives are. */
static int election_best(const struct cluster *cluster, bool settled)
{
	const struct topology *topology = &cluster->topology;
	int best = -1;

	for (unsigned i = 0; i < topology->count; i++) {
		uint32_t timeline = topology->nodes[i].position.timeline;

		if (!election_may_lead(cluster, i) ||
		    (settled && !node_lives_are_settled(cluster, i)))
			continue;
		if (best < 0 || timeline > topology->nodes[best].position.timeline ||
		    (timeline == topology->nodes[best].position.timeline &&
		     (int)i == topology->primary))
			best = (int)i;
	}
	return best;
}

/* Another one, or another timeline of the same one. */
static void election_crown(struct cluster *cluster, unsigned index)
{
	struct topology *topology = &cluster->topology;
	struct position position = topology->nodes[index].position;
	uint64_t its = cluster->memory[index].system_identifier;

	if (its && topology->system_identifier != its) {
		topology->system_identifier = its;
		topology->key_known = false;
	}
	node_log(LOG_INFO, cluster, index, "is the primary, on timeline %" PRIu32,
		 branch_number(position.timeline));
	cluster->crowned_us = cluster->memory[index].sent_us;
	lag_history_init(&cluster->ring);
	lag_history_add(&cluster->ring, cluster->memory[index].sent_us, position.lsn);
	topology->history = cluster->memory[index].history;
	if (!topology->primary_seen || position.timeline > topology->primary_position.timeline)
		cluster->events.on_promoted(cluster->events.arg, &topology->history,
					    &topology->branches, position);
	topology->primary_seen = true;
	topology->commits = COMMITS_EARLY; /* until its own status tells */
	if (position.timeline != topology->primary_position.timeline)
		cluster->whole_lsn = 0;
	cluster_primary_is_at(cluster, position);
	for (unsigned i = 0; i < topology->count; i++)
		if (i != index)
			rotation_leave_behind(cluster, i);
}

/* Out of recovery but not our primary: no queries, and said once. */
static void election_fence(struct cluster *cluster, unsigned index)
{
	struct node_memory *memory = &cluster->memory[index];
	struct node_view *view = &cluster->topology.nodes[index];

	view->role = NODE_UNKNOWN;
	view->in_rotation = false;
	/* One that died with the promotion claimed it last in good faith. */
	if (memory->sent_us <= cluster->crowned_us)
		return;
	view->fenced = true;
	if (!memory->logged.fenced)
		node_log(LOG_ERROR, cluster, index,
			 "claims to be primary on timeline %" PRIu32
			 ", but is not ours: left alone; timeline %" PRIu32 " is followed",
			 branch_number(view->position.timeline), cluster_number(cluster));
	memory->logged.fenced = true;
}

/* What it knew of other timelines no standby is believed: it has to say it again. */
static void election_begin_era(struct cluster *cluster, uint32_t number)
{
	struct topology *topology = &cluster->topology;

	for (unsigned i = 0; i < topology->count; i++) {
		struct node_memory *memory = &cluster->memory[i];
		struct position *position = &topology->nodes[i].position;

		if (!memory->claims_primary &&
		    (memory->streams != number || memory->extent == WAL_AHEAD)) {
			memory->timeline = memory->followed = 0;
			memset(&memory->history, 0, sizeof(memory->history));
			position->timeline = 0;
		}
		position->timeline = branches_timeline(&topology->branches, position->timeline);
	}
}

/* The branch that was followed, for the one that this node is on, as the primary. */
bool election_give_up(struct cluster *cluster, unsigned index)
{
	struct topology *topology = &cluster->topology;
	uint32_t before = cluster_number(cluster);
	uint32_t number = branch_number(topology->nodes[index].position.timeline);
	uint64_t cut = wal_extent_cut(cluster, index);
	char from[POSITION_TEXT_MAX], to[POSITION_TEXT_MAX];

	if (!branches_leave(&topology->branches, &topology->history, topology->primary_position.lsn,
			    cut))
		return false;
	node_log(LOG_ERROR, cluster, index,
		 "is followed on timeline %" PRIu32 " with WAL up to %s: of timeline %" PRIu32
		 ", known up to %s, what is not there is lost",
		 number, lsn_format(cut, to), before,
		 lsn_format(topology->primary_position.lsn, from));
	/* By the one that was left, one of the same number would be another one for ever. */
	topology->history = cluster->memory[index].history;
	election_begin_era(cluster, number);
	return true;
}

/* It is followed at once: no other node can have what it lost. */
static bool election_come_back_short(struct cluster *cluster, unsigned index)
{
	wal_extent_leave_ahead(cluster, wal_extent_cut(cluster, index));
	return election_give_up(cluster, index);
}

/* Which of them all names its own life, that is followed next. */
static int election_choose(struct cluster *cluster)
{
	int next = election_best(cluster, false);

	if (next >= 0)
		node_lives_want_own(cluster, (unsigned)next);
	return election_best(cluster, true);
}

/* After a loss was found: those that the log of the primary tells. */
static void election_take_lives(struct cluster *cluster, unsigned index)
{
	const struct node_memory *memory = &cluster->memory[index];
	struct topology *topology = &cluster->topology;

	if (memory->lives_state != LIVES_NAMED) {
		topology->lives.count = 0;
		return;
	}
	lives_follow(&topology->lives_gone, &topology->lives, &memory->lives);
	topology->lives = memory->lives;
}

void election_hold(struct cluster *cluster)
{
	struct topology *topology = &cluster->topology;
	int best;

	cluster_take_acknowledged(cluster);
	best = election_choose(cluster);
	if (best >= 0 && wal_extent_came_back_short(cluster, (unsigned)best) &&
	    !election_come_back_short(cluster, (unsigned)best))
		best = -1;
	if (best >= 0 && (best != topology->primary || topology->nodes[best].position.timeline !=
							       topology->primary_position.timeline))
		election_crown(cluster, (unsigned)best);
	if (best < 0 && topology->primary >= 0)
		node_log(LOG_WARN, cluster, topology->primary,
			 "was the primary; there is none now");
	topology->primary = best;
	if (best >= 0) {
		cluster->ruled = best;
		cluster->memory[best].ruled_us = topology->nodes[best].started_us;
		election_take_lives(cluster, (unsigned)best);
	}
	for (unsigned i = 0; i < topology->count; i++) {
		struct node_view *view = &topology->nodes[i];

		if (!node_is_up(view) || !cluster->memory[i].claims_primary || (int)i == best ||
		    election_is_awaited(cluster, i)) {
			cluster->memory[i].logged.fenced = view->fenced = false;
			continue;
		}
		election_fence(cluster, i);
	}
	if (best >= 0) {
		topology->nodes[best].role = NODE_PRIMARY;
		topology->nodes[best].in_rotation = true;
		topology->nodes[best].paused = false;
	}
}
