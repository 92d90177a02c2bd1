/* SPDX-License-Identifier: Apache-2.0 */
/* Looks in, topology out. The floor of the sessions is raised before a primary is ever told. */
#include "router/cluster/topology_build.h"

#include "base/clock.h"
#include "base/log.h"
#include "router/cluster/quorum.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* While a node does not answer, the one that is awaited may live there: so many times the wait. */
#define BACK_PATIENCE 3
#define WAL_PAGE_BYTES 8192

#define topology_build_log(level, build, index, ...)                                               \
	log_with(level, "monitor", LOG_FIELDS({ "node", (build)->nodes[index]->name }), __VA_ARGS__)

static void topology_build_start_life(struct topology_build *build, unsigned index, bool new_role);
static void topology_build_lose(struct topology_build *build, unsigned index, const char *reason);
static void topology_build_elect(struct topology_build *build);
static void topology_build_take_timeline(struct topology_build *build, unsigned index,
					 const struct node_status *status);
static void topology_build_judge(struct topology_build *build, unsigned index);
static void topology_build_decide(struct topology_build *build);
static void topology_build_agree(struct topology_build *build, int64_t now_us);
static bool topology_build_is_behind(const struct topology_build *build, unsigned index);
static void topology_build_judge_ahead(struct topology_build *build, int64_t sent_us);
static void topology_build_born(struct topology_build *build, unsigned index);

void topology_build_init(struct topology_build *build, struct node *const *nodes, unsigned count,
			 struct sessions *sessions)
{
	assert(count > 0);
	assert(count <= NODES_MAX);
	memset(build, 0, sizeof(*build));
	build->nodes = nodes;
	build->sessions = sessions;
	lag_history_init(&build->ring);
	build->topology.count = count;
	build->topology.primary = build->ruled = build->agreed = -1;
	for (unsigned i = 0; i < count; i++) {
		build->topology.nodes[i].lag_us = -1;
		build->topology.nodes[i].lag_bytes = -1;
	}
}

void topology_build_set_limits(struct topology_build *build, const struct options *options)
{
	build->strikes_max = (unsigned)options->lag_strikes;
	build->recoveries_min = (unsigned)options->lag_recoveries;
	build->lag_us_max = options->lag_us_max;
	build->cluster_given = (uint64_t)options->system_identifier;
	build->lag_bytes_max = (uint64_t)options->lag_bytes_max;
	build->back_us = options->timeline_back_us;
}

void topology_build_identified(struct topology_build *build, unsigned index,
			       uint64_t system_identifier)
{
	build->memory[index].system_identifier = system_identifier;
	build->memory[index].identified = true;
	topology_build_know_cluster(build, 0);
}

bool topology_build_ours(const struct topology_build *build, unsigned index)
{
	uint64_t its = build->memory[index].system_identifier;
	uint64_t ours = build->topology.system_identifier;

	return its == ours || its == 0 || (ours == 0 && build->cluster == CLUSTER_KNOWN);
}

void topology_build_answered(struct topology_build *build, unsigned index,
			     const struct node_status *status, int64_t sent_us, int64_t now_us)
{
	struct node_memory *memory = &build->memory[index];
	struct node_view *view = &build->topology.nodes[index];
	bool primary = !status->in_recovery, first = view->started_us == 0, newborn;

	view->asked = true;
	memory->silent = 0;
	memory->sent_us = sent_us;
	if (first || view->started_us != status->started_us || memory->claims_primary != primary)
		topology_build_start_life(build, index, first || memory->claims_primary != primary);
	if (!view->up)
		topology_build_name_state(build, index, LOG_INFO, first ? "reached" : "back", NULL);
	memory->complained = false;
	view->up = true;
	view->started_us = status->started_us;
	view->paused = status->paused;
	view->seen_us = now_us;
	memory->claims_primary = primary;
	memory->streams = primary ? 0 : status->timeline;
	newborn = !view->position.lsn;
	if (status->lsn > view->position.lsn)
		view->position.lsn = status->lsn;
	topology_build_take_timeline(build, index, status);
	if (newborn)
		topology_build_born(build, index);
	topology_build_know_cluster(build, now_us);
	topology_build_elect(build);
	if (build->topology.primary == (int)index) {
		lag_history_add(&build->ring, sent_us, view->position.lsn);
		build->topology.primary_position =
			position_max(build->topology.primary_position, view->position);
		topology_build_judge_ahead(build, sent_us);
	} else if (!primary) {
		if (status->timeline_hidden && !memory->timeline_hidden)
			topology_build_log(LOG_WARN, build, index,
					   "its timeline is hidden: GRANT pg_monitor to the role");
		memory->timeline_hidden = status->timeline_hidden;
		memory->checkpointed = status->checkpointed;
		view->role = NODE_REPLICA;
		topology_build_judge(build, index);
	}
	topology_build_decide(build);
	topology_build_agree(build, now_us);
}

void topology_build_silent(struct topology_build *build, unsigned index, const char *reason)
{
	struct node_memory *memory = &build->memory[index];
	struct node_view *view = &build->topology.nodes[index];

	view->asked = true;
	memory->silent++;
	if (strikes_look(&memory->strikes, false, build->strikes_max, build->recoveries_min) &&
	    view->role == NODE_REPLICA) {
		view->in_rotation = false;
		if (memory->silent < build->strikes_max)
			topology_build_name_state(build, index, LOG_WARN, "out of rotation",
						  reason);
	}
	if (memory->silent >= build->strikes_max)
		topology_build_lose(build, index, reason);
	topology_build_decide(build);
}

static void topology_build_lose(struct topology_build *build, unsigned index, const char *reason)
{
	struct node_memory *memory = &build->memory[index];
	struct node_view *view = &build->topology.nodes[index];

	if (!memory->complained)
		topology_build_name_state(build, index, LOG_WARN,
					  view->up ? "lost" : "cannot be reached", reason);
	memory->complained = true;
	if (!view->up)
		return;
	view->up = view->in_rotation = false;
	view->role = NODE_UNKNOWN;
	view->life++;
	topology_build_elect(build);
}

void topology_build_moved(struct topology_build *build, unsigned index)
{
	struct node_view *view = &build->topology.nodes[index];
	unsigned life = view->life;

	topology_build_log(LOG_INFO, build, index, "its name leads to another server now");
	memset(&build->memory[index], 0, sizeof(build->memory[index]));
	*view = (struct node_view){
		.asked = view->asked, .lag_us = -1, .lag_bytes = -1, .life = life + 1
	};
	topology_build_elect(build);
}

/* Nothing that was known of an earlier life holds. */
static void topology_build_start_life(struct topology_build *build, unsigned index, bool new_role)
{
	struct node_memory *memory = &build->memory[index];
	struct node_view *view = &build->topology.nodes[index];

	if (view->started_us && !new_role)
		topology_build_log(LOG_INFO, build, index, "restarted");
	view->life++;
	view->position.lsn = 0;
	view->replay_rate = 0;
	memory->ahead = false;
	memset(&memory->replay_rate, 0, sizeof(memory->replay_rate));
	if (new_role) {
		view->role = NODE_UNKNOWN;
		view->in_rotation = false;
		memset(&memory->strikes, 0, sizeof(memory->strikes));
	}
}

/* The first look of a life. While the primary is there, what another claims needs no judging. */
static void topology_build_born(struct topology_build *build, unsigned index)
{
	struct node_memory *memory = &build->memory[index];

	memory->born_lsn = build->topology.nodes[index].position.lsn;
	memory->short_of_last = memory->claims_primary && build->topology.primary < 0 &&
				topology_build_is_behind(build, index);
}

/* What was refused on one timeline may be told on the next one. */
static void topology_build_take_timeline(struct topology_build *build, unsigned index,
					 const struct node_status *status)
{
	struct node_memory *memory = &build->memory[index];

	if (status->timeline && status->timeline != memory->timeline) {
		memory->timeline = status->timeline;
		memory->history_refused = false;
		memset(&memory->history, 0, sizeof(memory->history));
	}
	memory->switched = status->switched;
	if (memory->timeline == 1)
		memory->history = (struct history){ .timeline = 1, .complete = true };
	if (status->in_recovery) {
		if (status->timeline)
			memory->followed = status->timeline;
		return;
	}
	build->topology.nodes[index].position.timeline =
		branches_timeline(&build->topology.branches, status->timeline);
	memory->timeline_hidden = false;
}

/* --- histories ------------------------------------------------------------------------------- */

/* PostgreSQL's number of the timeline that is followed; 0: none yet. */
static uint32_t topology_build_number(const struct topology_build *build)
{
	return branch_number(build->topology.primary_position.timeline);
}

/* Its history is known, or known not to be had. */
static bool topology_build_settled(const struct topology_build *build, unsigned index)
{
	const struct node_memory *memory = &build->memory[index];

	return memory->timeline == 1 ||
	       (memory->timeline &&
		(memory->history.timeline == memory->timeline || memory->history_refused));
}

uint32_t topology_build_wants_history(const struct topology_build *build, unsigned index)
{
	const struct node_memory *memory = &build->memory[index];
	uint32_t primary = topology_build_number(build);

	if (!build->topology.nodes[index].up || !topology_build_ours(build, index))
		return TOPOLOGY_BUILD_WANTS_NOTHING;
	if (memory->timeline_hidden && (primary > 1 || build->topology.branches.era) &&
	    memory->timeline != primary)
		return TOPOLOGY_BUILD_WANTS_TIMELINE;
	if (memory->timeline <= 1 ||
	    (memory->history.timeline == memory->timeline && memory->history.complete))
		return TOPOLOGY_BUILD_WANTS_NOTHING;
	return memory->timeline;
}

/*
 * Without a walsender: a node tells where it left its ancestor as long as it has not restarted
 * since, and which one that was if it told so as a standby. Numbers are given one by one, so the
 * ancestor's is known for sure only right below.
 */
static void topology_build_guess_history(struct topology_build *build, unsigned index)
{
	struct node_memory *memory = &build->memory[index];
	struct history *history = &memory->history;

	if (history->timeline == memory->timeline)
		return;
	*history = (struct history){ .timeline = memory->timeline };
	if (!memory->switched)
		return;
	history->count = 1;
	history->switches[0].lsn = memory->switched;
	if (memory->followed + 1 == memory->timeline)
		history->switches[0].timeline = memory->followed;
}

static void topology_build_changed_history(struct topology_build *build, unsigned index)
{
	const struct history *history = &build->memory[index].history;
	struct topology *topology = &build->topology;

	if (topology->primary == (int)index && topology->history.timeline == history->timeline)
		topology->history = *history;
	topology_build_elect(build);
	if (topology->nodes[index].role == NODE_REPLICA)
		topology_build_judge(build, index);
	topology_build_decide(build);
}

void topology_build_take_history(struct topology_build *build, unsigned index,
				 const struct history *history)
{
	struct node_memory *memory = &build->memory[index];

	if (memory->timeline_hidden)
		memory->timeline = history->timeline;
	/* Otherwise it went on meanwhile and will be asked again. */
	if (history->timeline != memory->timeline)
		return;
	memory->history = *history;
	memory->history_refused = false;
	topology_build_changed_history(build, index);
}

void topology_build_refused_history(struct topology_build *build, unsigned index,
				    const char *reason)
{
	struct node_memory *memory = &build->memory[index];

	if (!memory->history_refused)
		topology_build_log(
			LOG_WARN, build, index,
			"does not tell the history of its timeline: %s; the role needs REPLICATION",
			reason);
	memory->history_refused = true;
	if (memory->claims_primary)
		topology_build_guess_history(build, index);
	topology_build_changed_history(build, index);
}

/* --- who is primary -------------------------------------------------------------------------- */

/* Promoted to the same number as the primary, but not from the same place. */
static bool topology_build_other_history(const struct topology_build *build, unsigned index)
{
	const struct history *its = &build->memory[index].history;
	const struct history *ours = &build->topology.history;

	return its->complete && ours->complete && its->timeline == ours->timeline &&
	       !history_agrees(its, ours);
}

/* Its timeline was given up: it comes back only as one that was left. */
static bool topology_build_gave_up(const struct topology_build *build, unsigned index)
{
	const struct node_memory *memory = &build->memory[index];
	const struct topology *topology = &build->topology;

	return memory->timeline && branches_gave_up(&topology->branches, &topology->history,
						    memory->timeline, &memory->history);
}

/* On the timeline of the last primary with less WAL, and not that one itself: an older copy. */
static bool topology_build_is_behind(const struct topology_build *build, unsigned index)
{
	struct position here = build->topology.nodes[index].position;
	struct position last = build->topology.primary_position;

	return (int)index != build->ruled && here.timeline == last.timeline &&
	       (here.lsn < last.lsn || build->memory[index].short_of_last);
}

static bool topology_build_is_candidate(const struct topology_build *build, unsigned index)
{
	const struct node_view *view = &build->topology.nodes[index];

	return view->up && build->memory[index].claims_primary && view->position.timeline &&
	       build->cluster == CLUSTER_KNOWN && topology_build_ours(build, index) &&
	       view->position.timeline >= build->topology.primary_position.timeline &&
	       topology_build_settled(build, index) &&
	       !topology_build_other_history(build, index) &&
	       !topology_build_gave_up(build, index) && !topology_build_is_behind(build, index);
}

/* It may be the primary as soon as its history is settled. */
static bool topology_build_is_awaited(const struct topology_build *build, unsigned index)
{
	const struct node_view *view = &build->topology.nodes[index];

	/* Nor is anybody ours for sure before the cluster is known. */
	if (build->cluster != CLUSTER_KNOWN)
		return true;
	return topology_build_ours(build, index) && !topology_build_settled(build, index) &&
	       view->position.timeline >= build->topology.primary_position.timeline;
}

static int topology_build_best(const struct topology_build *build)
{
	const struct topology *topology = &build->topology;
	int best = -1;

	for (unsigned i = 0; i < topology->count; i++) {
		uint32_t timeline = topology->nodes[i].position.timeline;

		if (!topology_build_is_candidate(build, i))
			continue;
		if (best < 0 || timeline > topology->nodes[best].position.timeline ||
		    (timeline == topology->nodes[best].position.timeline &&
		     (int)i == topology->primary))
			best = (int)i;
	}
	return best;
}

/* What a replica of another timeline shows may be lost: no strikes are waited for. */
static void topology_build_leave_behind(struct topology_build *build, unsigned index)
{
	struct node_memory *memory = &build->memory[index];
	struct node_view *view = &build->topology.nodes[index];

	if (view->role != NODE_REPLICA || !view->in_rotation ||
	    view->position.timeline == build->topology.primary_position.timeline)
		return;
	view->in_rotation = false;
	memset(&memory->strikes, 0, sizeof(memory->strikes));
	topology_build_log(LOG_WARN, build, index,
			   "out of rotation: it is not on the primary's timeline");
}

/* Another one, or another timeline of the same one. */
static void topology_build_crown(struct topology_build *build, unsigned index)
{
	struct topology *topology = &build->topology;
	struct position position = topology->nodes[index].position;
	uint64_t its = build->memory[index].system_identifier;

	if (its && topology->system_identifier != its) {
		topology->system_identifier = its;
		topology->key_known = false;
	}
	topology_build_log(LOG_INFO, build, index, "is the primary, on timeline %" PRIu32,
			   branch_number(position.timeline));
	build->crowned_us = build->memory[index].sent_us;
	lag_history_init(&build->ring);
	lag_history_add(&build->ring, build->memory[index].sent_us, position.lsn);
	topology->history = build->memory[index].history;
	if (!topology->primary_seen || position.timeline > topology->primary_position.timeline)
		sessions_promoted(build->sessions, &topology->history, &topology->branches,
				  position);
	topology->primary_seen = true;
	topology->primary_position = position_max(topology->primary_position, position);
	for (unsigned i = 0; i < topology->count; i++)
		if (i != index)
			topology_build_leave_behind(build, i);
}

/* Out of recovery but not our primary: no queries, and said once. */
static void topology_build_fence(struct topology_build *build, unsigned index)
{
	struct node_memory *memory = &build->memory[index];
	struct node_view *view = &build->topology.nodes[index];

	view->role = NODE_UNKNOWN;
	view->in_rotation = false;
	/* One that died with the promotion claimed it last in good faith. */
	if (memory->sent_us <= build->crowned_us)
		return;
	view->fenced = true;
	if (!memory->fenced)
		topology_build_log(
			LOG_ERROR, build, index,
			"claims to be primary on timeline %" PRIu32
			", but is not ours: left alone; timeline %" PRIu32 " is followed",
			branch_number(view->position.timeline), topology_build_number(build));
	memory->fenced = true;
}

/* The primary that we had, with less WAL than it had told: restored from an older copy. */
static bool topology_build_came_back_short(const struct topology_build *build, unsigned index)
{
	const struct node_memory *memory = &build->memory[index];
	const struct node_view *view = &build->topology.nodes[index];
	struct position last = build->topology.primary_position;

	if (!build->topology.primary_seen || (int)index != build->ruled ||
	    view->position.timeline != last.timeline)
		return false;
	if (view->position.lsn < last.lsn)
		return true;
	/* It may have written on since. What was flushed up to the end of a page may be amid a
	 * record, which recovery does not keep; else it ends no sooner. */
	return memory->ruled_us && memory->ruled_us != view->started_us && memory->switched &&
	       memory->switched < last.lsn && last.lsn % WAL_PAGE_BYTES != 0;
}

/* How far its WAL went when it was left, at most: what it replayed at the start of a new life, or
 * else had then, is all that it has kept. */
static uint64_t topology_build_cut(const struct topology_build *build, unsigned index)
{
	const struct node_memory *memory = &build->memory[index];
	const struct node_view *view = &build->topology.nodes[index];

	if (memory->ruled_us == view->started_us ||
	    (!memory->ruled_us && (int)index != build->ruled))
		return view->position.lsn;
	if (memory->switched && memory->switched < memory->born_lsn)
		return memory->switched;
	return memory->born_lsn;
}

/* Of the timeline's WAL behind the cut, what a standby has is not the primary's any more. */
static void topology_build_leave_ahead(struct topology_build *build, uint64_t cut)
{
	for (unsigned i = 0; i < build->topology.count; i++)
		if (!build->memory[i].claims_primary && build->topology.nodes[i].position.lsn > cut)
			build->memory[i].ahead = true;
}

/* What it knew of other timelines no standby is believed: it has to say it again. */
static void topology_build_begin_era(struct topology_build *build, uint32_t number)
{
	struct topology *topology = &build->topology;

	for (unsigned i = 0; i < topology->count; i++) {
		struct node_memory *memory = &build->memory[i];
		struct position *position = &topology->nodes[i].position;

		if (!memory->claims_primary && (memory->streams != number || memory->ahead)) {
			memory->timeline = memory->followed = 0;
			memset(&memory->history, 0, sizeof(memory->history));
			position->timeline = 0;
		}
		position->timeline = branches_timeline(&topology->branches, position->timeline);
	}
}

/* The branch that was followed, for the one that this node is on, as the primary. */
static bool topology_build_give_up(struct topology_build *build, unsigned index)
{
	struct topology *topology = &build->topology;
	uint32_t before = topology_build_number(build);
	uint32_t number = branch_number(topology->nodes[index].position.timeline);
	uint64_t cut = topology_build_cut(build, index);
	char from[POSITION_TEXT_MAX], to[POSITION_TEXT_MAX];

	if (!branches_leave(&topology->branches, &topology->history, topology->primary_position.lsn,
			    cut))
		return false;
	topology_build_log(LOG_ERROR, build, index,
			   "is followed on timeline %" PRIu32
			   " with WAL up to %s: of timeline %" PRIu32
			   ", known up to %s, what is not there is lost",
			   number, lsn_format(cut, to), before,
			   lsn_format(topology->primary_position.lsn, from));
	topology_build_begin_era(build, number);
	return true;
}

/* It is followed at once: there is nobody to wait for. */
static bool topology_build_come_back_short(struct topology_build *build, unsigned index)
{
	topology_build_leave_ahead(build, topology_build_cut(build, index));
	return topology_build_give_up(build, index);
}

static void topology_build_elect(struct topology_build *build)
{
	struct topology *topology = &build->topology;
	int best = topology_build_best(build);

	if (best >= 0 && topology_build_came_back_short(build, (unsigned)best) &&
	    !topology_build_come_back_short(build, (unsigned)best))
		best = -1;
	if (best >= 0 && (best != topology->primary || topology->nodes[best].position.timeline !=
							       topology->primary_position.timeline))
		topology_build_crown(build, (unsigned)best);
	if (best < 0 && topology->primary >= 0)
		topology_build_log(LOG_WARN, build, topology->primary,
				   "was the primary; there is none now");
	topology->primary = best;
	if (best >= 0) {
		build->ruled = best;
		build->memory[best].ruled_us = topology->nodes[best].started_us;
	}
	for (unsigned i = 0; i < topology->count; i++) {
		struct node_view *view = &topology->nodes[i];

		if (!view->up || !build->memory[i].claims_primary || (int)i == best ||
		    topology_build_is_awaited(build, i)) {
			build->memory[i].fenced = view->fenced = false;
			continue;
		}
		topology_build_fence(build, i);
	}
	if (best >= 0) {
		topology->nodes[best].role = NODE_PRIMARY;
		topology->nodes[best].in_rotation = true;
		topology->nodes[best].paused = false;
	}
}

/* --- who is in rotation ---------------------------------------------------------------------- */

/* At the start a node that was not asked yet may turn out to be the primary: until then nobody
 * is judged, and afterwards all that are there. */
static void topology_build_decide(struct topology_build *build)
{
	if (build->decided)
		return;
	for (unsigned i = 0; i < build->topology.count; i++)
		if (!build->topology.nodes[i].asked && !build->topology.primary_seen)
			return;
	build->decided = true;
	for (unsigned i = 0; i < build->topology.count; i++)
		if (build->topology.nodes[i].role == NODE_REPLICA)
			topology_build_judge(build, i);
}

/* 0: not known. A standby that streams but may not say from where is as far as its last
 * restartpoint for sure; one that never streamed follows as long as there was no promotion. */
static uint32_t topology_build_timeline(const struct topology_build *build, unsigned index)
{
	const struct node_memory *memory = &build->memory[index];
	uint32_t primary = topology_build_number(build);

	/* Once a branch was given up a standby is on one only where it says so. */
	if (build->topology.branches.era)
		return memory->timeline;
	if (primary <= 1)
		return memory->timeline ? memory->timeline : primary;
	if (memory->timeline_hidden && !memory->timeline && memory->history_refused)
		return memory->checkpointed >= primary ? memory->checkpointed : 0;
	return memory->timeline;
}

static uint64_t topology_build_bytes_to_go(const struct topology_build *build, unsigned index)
{
	uint64_t primary = build->topology.primary_position.lsn;
	uint64_t here = build->topology.nodes[index].position.lsn;

	return primary > here ? primary - here : 0;
}

/* NULL: within the limits. While the primary is gone, an unknown lag in time is forgiven. */
static const char *topology_build_too_far_behind(const struct topology_build *build, unsigned index,
						 char *room, size_t room_bytes)
{
	const struct topology *topology = &build->topology;
	int64_t seen_us = lag_history_seen_us(&build->ring, topology->nodes[index].position.lsn);
	int64_t lag_us = lag_history_newest_us(&build->ring) - seen_us;

	if (!topology->primary_seen)
		return NULL;
	if (build->lag_bytes_max &&
	    topology_build_bytes_to_go(build, index) > build->lag_bytes_max) {
		snprintf(room, room_bytes, "%" PRIu64 " bytes behind",
			 topology_build_bytes_to_go(build, index));
		return room;
	}
	if (build->lag_us_max && seen_us == 0 && topology->primary >= 0)
		return "how far it is behind is not known";
	if (build->lag_us_max && seen_us && lag_us > build->lag_us_max) {
		snprintf(room, room_bytes, "%" PRId64 " ms behind", lag_us / US_PER_MS);
		return room;
	}
	return NULL;
}

/* NULL: it may get queries. */
static const char *topology_build_fault(struct topology_build *build, unsigned index, char *room,
					size_t room_bytes)
{
	const struct topology *topology = &build->topology;
	uint32_t its = topology->nodes[index].position.timeline;
	uint32_t ours = topology->primary_position.timeline;

	if (!topology_build_ours(build, index))
		return build->cluster == CLUSTER_KNOWN ? "it belongs to another cluster"
						       : "which cluster is served is not known";
	if (build->memory[index].ahead)
		return "it has replayed what the primary does not have";
	if (topology_build_gave_up(build, index))
		return "it is on a timeline that was given up";
	if ((topology->primary >= 0 || topology->branches.era) && its == 0)
		return "its timeline is not known";
	/* Without a primary, too, what an older timeline shows may be lost. */
	if (topology->primary >= 0 ? its != ours : its && its < ours)
		return "it is not on the primary's timeline";
	if (topology->primary >= 0 && branch_number(ours) > 1 &&
	    !build->memory[index].timeline_hidden && !topology_build_settled(build, index))
		return "the history of its timeline is not known yet";
	if (topology->primary >= 0 && topology_build_other_history(build, index))
		return "it follows another history of the primary's timeline";
	return topology_build_too_far_behind(build, index, room, room_bytes);
}

static void topology_build_judge(struct topology_build *build, unsigned index)
{
	struct node_memory *memory = &build->memory[index];
	struct node_view *view = &build->topology.nodes[index];
	const char *fault;
	char room[64];

	if (!build->decided)
		return;
	view->position.timeline =
		branches_timeline(&build->topology.branches, topology_build_timeline(build, index));
	view->replay_rate =
		replay_rate_update(&memory->replay_rate, view->seen_us, view->position.lsn,
				   build->topology.primary_position.lsn);
	fault = topology_build_fault(build, index, room, sizeof(room));
	if (!strikes_look(&memory->strikes, !fault, build->strikes_max, build->recoveries_min))
		return;
	view->in_rotation = memory->strikes.in;
	if (view->in_rotation)
		topology_build_name_state(build, index, LOG_INFO, "in rotation", NULL);
	else
		topology_build_name_state(build, index, LOG_WARN, "out of rotation", fault);
}

/* Asked later than they answered, the primary has less than they replayed: no standbys of it. */
static void topology_build_judge_ahead(struct topology_build *build, int64_t sent_us)
{
	struct topology *topology = &build->topology;
	struct position primary = topology->nodes[topology->primary].position;

	for (unsigned i = 0; i < topology->count; i++) {
		struct node_view *view = &topology->nodes[i];

		if (view->role != NODE_REPLICA || view->seen_us > sent_us ||
		    build->memory[i].ahead || view->position.timeline != primary.timeline ||
		    view->position.lsn <= primary.lsn)
			continue;
		build->memory[i].ahead = true;
		view->in_rotation = false;
		memset(&build->memory[i].strikes, 0, sizeof(build->memory[i].strikes));
		topology_build_log(
			LOG_ERROR, build, i,
			"out of rotation: it has replayed what the primary does not have");
	}
}

/* --- back to a branch that was left ----------------------------------------------------------- */

static void topology_build_go_back(struct topology_build *build, unsigned index)
{
	if (!topology_build_give_up(build, index))
		return;
	build->agreed = -1;
	topology_build_elect(build);
	for (unsigned i = 0; i < build->topology.count; i++)
		if (build->topology.nodes[i].role == NODE_REPLICA)
			topology_build_judge(build, i);
}

static void topology_build_agree(struct topology_build *build, int64_t now_us)
{
	struct topology *topology = &build->topology;
	bool all;
	int on = topology->primary_seen ? quorum_primary(build, &all) : -1;
	unsigned life = on >= 0 ? topology->nodes[on].life : 0;
	bool left = on >= 0 && topology->primary < 0 &&
		    topology_build_settled(build, (unsigned)on) &&
		    topology->nodes[on].position.timeline;
	int64_t wait_us = left ? (all ? 1 : BACK_PATIENCE) * build->back_us : 0;

	if (on < 0 || build->agreed != on || build->agreed_life != life) {
		build->agreed = on;
		build->agreed_life = life;
		build->agreed_us = now_us;
		if (wait_us)
			topology_build_log(
				LOG_WARN, build, on,
				"claims to be primary, and all that answer agree: timeline %" PRIu32
				" is given up for it in %" PRId64 " ms",
				topology_build_number(build), wait_us / US_PER_MS);
	}
	topology->agreed_us = on >= 0 && on == topology->primary ? build->agreed_us : 0;
	if (wait_us && now_us - build->agreed_us >= wait_us)
		topology_build_go_back(build, (unsigned)on);
}

/* --- what changes with time ------------------------------------------------------------------ */

void topology_build_refresh(struct topology_build *build, int64_t now_us)
{
	struct topology *topology = &build->topology;

	topology_build_name_strangers(build);
	topology_build_name_short(build);
	for (unsigned i = 0; i < topology->count; i++) {
		struct node_view *view = &topology->nodes[i];
		bool comparable = view->role == NODE_REPLICA && topology->primary_seen &&
				  view->position.timeline == topology->primary_position.timeline;

		view->lag_us = view->lag_bytes = -1;
		view->lag_seen_us = 0;
		if (!comparable)
			continue;
		view->lag_bytes = (int64_t)topology_build_bytes_to_go(build, i);
		view->lag_seen_us = lag_history_seen_us(&build->ring, view->position.lsn);
		if (view->lag_seen_us)
			view->lag_us = now_us - view->lag_seen_us;
	}
}

bool topology_differs(const struct topology *a, const struct topology *b)
{
	if (a->primary != b->primary || a->primary_seen != b->primary_seen ||
	    a->primary_position.timeline != b->primary_position.timeline ||
	    a->history.timeline != b->history.timeline || a->history.count != b->history.count ||
	    a->history.complete != b->history.complete ||
	    a->system_identifier != b->system_identifier || a->key_known != b->key_known ||
	    a->schema_missing != b->schema_missing || memcmp(a->key, b->key, sizeof(a->key)) != 0)
		return true;
	for (unsigned i = 0; i < a->count; i++) {
		const struct node_view *x = &a->nodes[i], *y = &b->nodes[i];

		if (x->role != y->role || x->up != y->up || x->in_rotation != y->in_rotation ||
		    x->life != y->life || x->paused != y->paused || x->foreign != y->foreign ||
		    x->short_of != y->short_of || x->fenced != y->fenced)
			return true;
	}
	return false;
}
