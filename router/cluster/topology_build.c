/* SPDX-License-Identifier: Apache-2.0 */
/* Each status goes through all rules, in the same order. */
#include "router/cluster/topology_build.h"

#include "router/cluster/agreement.h"
#include "router/cluster/election.h"
#include "router/cluster/node_history.h"
#include "router/cluster/node_log.h"
#include "router/cluster/replay_limits.h"
#include "router/cluster/rotation.h"
#include "router/cluster/strangers.h"
#include "router/cluster/wal_extent.h"

#include <string.h>

/* Nothing that was known of an earlier life holds. */
static void topology_build_start_life(struct cluster *cluster, unsigned index, bool new_role)
{
	struct node_memory *memory = &cluster->memory[index];
	struct node_view *view = &cluster->topology.nodes[index];

	if (view->started_us && !new_role)
		node_log(LOG_INFO, cluster, index, "restarted");
	/* It may be a copy of another server by now, promoted to a timeline of the same number. */
	memset(&memory->history, 0, sizeof(memory->history));
	memory->history_refused = false;
	view->life++;
	view->position.lsn = 0;
	view->replay_rate = 0;
	if (memory->extent == WAL_AHEAD)
		memory->extent = WAL_IN_LINE;
	if (memory->lives_state != LIVES_UNTOLD)
		memory->lives_state = LIVES_UNREAD;
	memory->lives.count = 0;
	memory->lives_lsn = 0;
	view->log_mark = 0;
	memset(&memory->replay_rate, 0, sizeof(memory->replay_rate));
	if (new_role) {
		view->role = NODE_UNKNOWN;
		view->in_rotation = false;
		memset(&memory->strikes, 0, sizeof(memory->strikes));
		memory->restart = RESTART_NONE;
	} else if (!memory->claims_primary) {
		rotation_restarted(cluster, index);
	}
}

static void topology_build_lose(struct cluster *cluster, unsigned index, const char *reason)
{
	struct node_memory *memory = &cluster->memory[index];
	struct node_view *view = &cluster->topology.nodes[index];

	if (!memory->logged.unreachable)
		node_log_state(cluster, index, LOG_WARN,
			       node_is_up(view) ? "lost" : "cannot be reached", reason);
	memory->logged.unreachable = true;
	if (!node_is_up(view))
		return;
	view->contact = NODE_LOST;
	view->in_rotation = false;
	view->role = NODE_UNKNOWN;
	view->life++;
	election_hold(cluster);
}

void topology_build_identified(struct cluster *cluster, unsigned index, uint64_t system_identifier)
{
	cluster->memory[index].system_identifier = system_identifier;
	cluster->memory[index].identified = true;
	strangers_decide(cluster, 0);
}

void topology_build_tells_lives(struct cluster *cluster, unsigned index, bool tells)
{
	struct node_memory *memory = &cluster->memory[index];

	if (!tells)
		memory->lives_state = LIVES_UNTOLD;
	else if (memory->lives_state == LIVES_UNTOLD && cluster->topology.primary != (int)index)
		memory->lives_state = LIVES_UNREAD;
	election_hold(cluster);
	rotation_decide(cluster);
}

void topology_build_take_lives(struct cluster *cluster, unsigned index, const struct lives *lives)
{
	struct node_memory *memory = &cluster->memory[index];
	bool tried = memory->lives_state == LIVES_TRIED;

	memory->lives = *lives;
	memory->lives_state = LIVES_READ;
	if (memory->claims_primary &&
	    lives_end_with(lives, memory->timeline, cluster->topology.nodes[index].started_us))
		memory->lives_state = LIVES_NAMED;
	else if (tried)
		memory->lives_state = LIVES_UNTOLD;
	memory->lives_lsn = cluster->topology.nodes[index].position.lsn;
	cluster->topology.nodes[index].log_mark = lives_last(lives) ? lives_last(lives)->mark : 0;
	election_hold(cluster);
	rotation_leave_log(cluster, index);
	rotation_decide(cluster);
}

void topology_build_try_life_again(struct cluster *cluster, unsigned index)
{
	if (cluster->memory[index].lives_state == LIVES_DUE)
		cluster->memory[index].lives_state = LIVES_UNREAD;
}

void topology_build_tried_life(struct cluster *cluster, unsigned index)
{
	if (cluster->memory[index].lives_state == LIVES_DUE)
		cluster->memory[index].lives_state = LIVES_TRIED;
}

bool topology_build_wants_standbys(const struct cluster *cluster, unsigned index,
				   const struct node_status *status)
{
	int primary = cluster->topology.primary;

	return status->awaits == AWAITS_STANDBYS &&
	       (primary == (int)index ||
		(primary >= 0 && cluster->memory[primary].standbys.setting.method == SYNC_ANY));
}

void topology_build_answered(struct cluster *cluster, unsigned index,
			     const struct node_status *status, int64_t sent_us, int64_t now_us)
{
	struct node_memory *memory = &cluster->memory[index];
	struct node_view *view = &cluster->topology.nodes[index];
	bool primary = !status->in_recovery, first = view->started_us == 0, newborn;

	memory->silent = 0;
	memory->sent_us = sent_us;
	if (first || view->started_us != status->started_us || memory->claims_primary != primary)
		topology_build_start_life(cluster, index,
					  first || memory->claims_primary != primary);
	if (!first && memory->claims_primary && !primary)
		memory->timeline = memory->followed = 0; /* of a standby it says nothing */
	if (!node_is_up(view))
		node_log_state(cluster, index, LOG_INFO, first ? "reached" : "back", NULL);
	memory->logged.unreachable = false;
	view->contact = NODE_REACHED;
	view->started_us = status->started_us;
	view->paused = status->paused;
	view->seen_us = now_us;
	view->asked_us = sent_us;
	memory->claims_primary = primary;
	if (!topology_build_wants_standbys(cluster, index, status))
		memory->standbys.state = STANDBYS_UNASKED;
	memory->streams = primary ? 0 : status->timeline;
	newborn = !view->position.lsn;
	if (status->lsn > view->position.lsn)
		view->position.lsn = status->lsn;
	node_history_take_timeline(cluster, index, status);
	if (newborn)
		wal_extent_born(cluster, index);
	strangers_decide(cluster, now_us);
	election_hold(cluster);
	if (cluster->topology.primary == (int)index) {
		cluster->topology.commits = status->commits;
		lag_history_add(&cluster->ring, sent_us, view->position.lsn);
		cluster_primary_is_at(cluster, view->position);
		wal_extent_judge_ahead(cluster, sent_us);
	} else if (!primary) {
		if (status->timeline_hidden && !memory->timeline_hidden)
			node_log(LOG_WARN, cluster, index,
				 "its timeline is hidden: GRANT pg_monitor to the role");
		memory->timeline_hidden = status->timeline_hidden;
		memory->checkpointed = status->checkpointed;
		view->role = NODE_REPLICA;
		rotation_judge(cluster, index);
	}
	rotation_decide(cluster);
	agreement_update(cluster, now_us);
}

void topology_build_silent(struct cluster *cluster, unsigned index, const char *reason)
{
	struct node_memory *memory = &cluster->memory[index];
	struct node_view *view = &cluster->topology.nodes[index];

	if (view->contact == NODE_UNASKED)
		view->contact = NODE_LOST;
	memory->silent++;
	if (strikes_add(&memory->strikes, false, cluster->strikes_max, cluster->recoveries_min) &&
	    view->role == NODE_REPLICA) {
		view->in_rotation = false;
		if (memory->silent < cluster->strikes_max)
			node_log_state(cluster, index, LOG_WARN, "out of rotation", reason);
	}
	if (memory->silent >= cluster->strikes_max)
		topology_build_lose(cluster, index, reason);
	rotation_decide(cluster);
}

void topology_build_moved(struct cluster *cluster, unsigned index)
{
	struct node_view *view = &cluster->topology.nodes[index];
	enum node_contact contact = view->contact == NODE_UNASKED ? NODE_UNASKED : NODE_LOST;
	unsigned life = view->life;

	node_log(LOG_INFO, cluster, index, "its name leads to another server now");
	memset(&cluster->memory[index], 0, sizeof(cluster->memory[index]));
	*view = (struct node_view){
		.contact = contact, .lag_us = -1, .lag_bytes = -1, .life = life + 1
	};
	election_hold(cluster);
}

static void topology_build_changed_history(struct cluster *cluster, unsigned index)
{
	const struct history *history = &cluster->memory[index].history;
	struct topology *topology = &cluster->topology;

	if (topology->primary == (int)index && topology->history.timeline == history->timeline)
		topology->history = *history;
	election_hold(cluster);
	if (topology->nodes[index].role == NODE_REPLICA)
		rotation_judge(cluster, index);
	rotation_decide(cluster);
}

void topology_build_take_history(struct cluster *cluster, unsigned index,
				 const struct history *history)
{
	struct node_memory *memory = &cluster->memory[index];

	if (memory->timeline_hidden)
		memory->timeline = history->timeline;
	/* Otherwise it went on meanwhile and will be asked again. */
	if (history->timeline != memory->timeline)
		return;
	memory->history = *history;
	memory->history_refused = false;
	topology_build_changed_history(cluster, index);
}

void topology_build_refused_history(struct cluster *cluster, unsigned index, const char *reason)
{
	struct node_memory *memory = &cluster->memory[index];

	if (!memory->history_refused)
		node_log(
			LOG_WARN, cluster, index,
			"does not tell the history of its timeline: %s; the role needs REPLICATION",
			reason);
	memory->history_refused = true;
	if (memory->claims_primary)
		node_history_guess(cluster, index);
	topology_build_changed_history(cluster, index);
}

/* A standby that has no walreceiver at the moment is the one it was. */
void topology_build_take_standbys(struct cluster *cluster, unsigned index,
				  const struct standbys *standbys)
{
	struct standbys *known = &cluster->memory[index].standbys, before = *known;

	*known = *standbys;
	if (known->state == STANDBYS_READ && !*known->name) {
		memcpy(known->name, before.name, sizeof(known->name));
		memcpy(known->sender, before.sender, sizeof(known->sender));
	}
}

static void topology_build_judge_confirmation(struct cluster *cluster)
{
	struct topology *topology = &cluster->topology;
	struct confirmation_facts facts = { .count = topology->count,
					    .primary = topology->primary };

	for (unsigned i = 0; i < topology->count; i++)
		facts.said[i] = &cluster->memory[i].standbys;
	topology->confirmation = confirmation_judge(&facts);
}

void topology_build_refresh(struct cluster *cluster, int64_t now_us)
{
	struct topology *topology = &cluster->topology;

	topology_build_judge_confirmation(cluster);
	strangers_name(cluster);
	replay_limits_name(cluster);
	for (unsigned i = 0; i < topology->count; i++) {
		struct node_view *view = &topology->nodes[i];
		bool comparable = view->role == NODE_REPLICA && topology->primary_seen &&
				  view->position.timeline == topology->primary_position.timeline;

		view->lag_us = view->lag_bytes = -1;
		view->lag_seen_us = 0;
		if (!comparable)
			continue;
		view->lag_bytes = (int64_t)rotation_bytes_to_go(cluster, i);
		view->lag_seen_us = lag_history_seen_us(&cluster->ring, view->position.lsn);
		if (view->lag_seen_us)
			view->lag_us = now_us - view->lag_seen_us;
	}
}
