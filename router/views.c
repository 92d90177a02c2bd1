/* SPDX-License-Identifier: Apache-2.0 */
/* Looks in, topology out. The floor of the sessions is raised before a primary is ever told. */
#include "router/views.h"

#include "base/clock.h"
#include "base/log.h"
#include "router/agree.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* While a node does not answer, the one that is awaited may live there: so many times the wait. */
#define BACK_PATIENCE 3
#define WAL_PAGE_BYTES 8192

#define views_log(level, views, index, ...)                                                        \
	log_with(level, "monitor", LOG_FIELDS({ "node", (views)->nodes[index]->name }), __VA_ARGS__)

static void views_start_life(struct views *views, unsigned index, bool new_role);
static void views_lose(struct views *views, unsigned index, const char *reason);
static void views_elect(struct views *views);
static void views_told_timeline(struct views *views, unsigned index, const struct look *look);
static void views_judge(struct views *views, unsigned index);
static void views_decide(struct views *views);
static void views_agree(struct views *views, int64_t now_us);
static bool views_is_behind(const struct views *views, unsigned index);
static void views_judge_ahead(struct views *views, int64_t sent_us);
static void views_born(struct views *views, unsigned index);

void views_init(struct views *views, struct node *const *nodes, unsigned count,
		struct sessions *sessions)
{
	assert(count > 0);
	assert(count <= NODES_MAX);
	memset(views, 0, sizeof(*views));
	views->nodes = nodes;
	views->sessions = sessions;
	lagring_init(&views->ring);
	views->topology.count = count;
	views->topology.primary = views->ruled = views->agreed = -1;
	for (unsigned i = 0; i < count; i++) {
		views->topology.nodes[i].lag_us = -1;
		views->topology.nodes[i].lag_bytes = -1;
	}
}

void views_set_limits(struct views *views, const struct options *options)
{
	views->strikes_max = (unsigned)options->lag_strikes;
	views->recoveries_min = (unsigned)options->lag_recoveries;
	views->lag_us_max = options->lag_us_max;
	views->cluster_given = (uint64_t)options->system_identifier;
	views->lag_bytes_max = (uint64_t)options->lag_bytes_max;
	views->back_us = options->timeline_back_us;
}

void views_identified(struct views *views, unsigned index, uint64_t system_identifier)
{
	views->memory[index].system_identifier = system_identifier;
	views->memory[index].identified = true;
	views_know_cluster(views, 0);
}

bool views_ours(const struct views *views, unsigned index)
{
	uint64_t its = views->memory[index].system_identifier;
	uint64_t ours = views->topology.system_identifier;

	return its == ours || its == 0 || (ours == 0 && views->cluster == CLUSTER_KNOWN);
}

void views_answered(struct views *views, unsigned index, const struct look *look, int64_t sent_us,
		    int64_t now_us)
{
	struct view_memory *memory = &views->memory[index];
	struct node_view *view = &views->topology.nodes[index];
	bool primary = !look->in_recovery, first = view->started_us == 0, newborn;

	view->asked = true;
	memory->silent = 0;
	memory->sent_us = sent_us;
	if (first || view->started_us != look->started_us || memory->claims_primary != primary)
		views_start_life(views, index, first || memory->claims_primary != primary);
	if (!view->up)
		views_name_state(views, index, LOG_INFO, first ? "reached" : "back", NULL);
	memory->complained = false;
	view->up = true;
	view->started_us = look->started_us;
	view->paused = look->paused;
	view->seen_us = now_us;
	memory->claims_primary = primary;
	memory->streams = primary ? 0 : look->timeline;
	newborn = !view->position.lsn;
	if (look->lsn > view->position.lsn)
		view->position.lsn = look->lsn;
	views_told_timeline(views, index, look);
	if (newborn)
		views_born(views, index);
	views_know_cluster(views, now_us);
	views_elect(views);
	if (views->topology.primary == (int)index) {
		lagring_add(&views->ring, sent_us, view->position.lsn);
		views->topology.primary_position =
			position_max(views->topology.primary_position, view->position);
		views_judge_ahead(views, sent_us);
	} else if (!primary) {
		if (look->timeline_hidden && !memory->timeline_hidden)
			views_log(LOG_WARN, views, index,
				  "its timeline is hidden: GRANT pg_monitor to the role");
		memory->timeline_hidden = look->timeline_hidden;
		memory->checkpointed = look->checkpointed;
		view->role = NODE_REPLICA;
		views_judge(views, index);
	}
	views_decide(views);
	views_agree(views, now_us);
}

void views_silent(struct views *views, unsigned index, const char *reason)
{
	struct view_memory *memory = &views->memory[index];
	struct node_view *view = &views->topology.nodes[index];

	view->asked = true;
	memory->silent++;
	if (strikes_look(&memory->strikes, false, views->strikes_max, views->recoveries_min) &&
	    view->role == NODE_REPLICA) {
		view->in_rotation = false;
		if (memory->silent < views->strikes_max)
			views_name_state(views, index, LOG_WARN, "out of rotation", reason);
	}
	if (memory->silent >= views->strikes_max)
		views_lose(views, index, reason);
	views_decide(views);
}

static void views_lose(struct views *views, unsigned index, const char *reason)
{
	struct view_memory *memory = &views->memory[index];
	struct node_view *view = &views->topology.nodes[index];

	if (!memory->complained)
		views_name_state(views, index, LOG_WARN, view->up ? "lost" : "cannot be reached",
				 reason);
	memory->complained = true;
	if (!view->up)
		return;
	view->up = view->in_rotation = false;
	view->role = NODE_UNKNOWN;
	view->life++;
	views_elect(views);
}

void views_moved(struct views *views, unsigned index)
{
	struct node_view *view = &views->topology.nodes[index];
	unsigned life = view->life;

	views_log(LOG_INFO, views, index, "its name leads to another server now");
	memset(&views->memory[index], 0, sizeof(views->memory[index]));
	*view = (struct node_view){
		.asked = view->asked, .lag_us = -1, .lag_bytes = -1, .life = life + 1
	};
	views_elect(views);
}

/* Nothing that was known of an earlier life holds. */
static void views_start_life(struct views *views, unsigned index, bool new_role)
{
	struct view_memory *memory = &views->memory[index];
	struct node_view *view = &views->topology.nodes[index];

	if (view->started_us && !new_role)
		views_log(LOG_INFO, views, index, "restarted");
	view->life++;
	view->position.lsn = 0;
	view->replay_rate = 0;
	memory->ahead = false;
	memset(&memory->rate, 0, sizeof(memory->rate));
	if (new_role) {
		view->role = NODE_UNKNOWN;
		view->in_rotation = false;
		memset(&memory->strikes, 0, sizeof(memory->strikes));
	}
}

/* The first look of a life. While the primary is there, what another claims needs no judging. */
static void views_born(struct views *views, unsigned index)
{
	struct view_memory *memory = &views->memory[index];

	memory->born_lsn = views->topology.nodes[index].position.lsn;
	memory->short_of_last = memory->claims_primary && views->topology.primary < 0 &&
				views_is_behind(views, index);
}

/* What was refused on one timeline may be told on the next one. */
static void views_told_timeline(struct views *views, unsigned index, const struct look *look)
{
	struct view_memory *memory = &views->memory[index];

	if (look->timeline && look->timeline != memory->timeline) {
		memory->timeline = look->timeline;
		memory->history_refused = false;
		memset(&memory->history, 0, sizeof(memory->history));
	}
	memory->switched = look->switched;
	if (memory->timeline == 1)
		memory->history = (struct history){ .timeline = 1, .complete = true };
	if (look->in_recovery) {
		if (look->timeline)
			memory->followed = look->timeline;
		return;
	}
	views->topology.nodes[index].position.timeline =
		branches_timeline(&views->topology.branches, look->timeline);
	memory->timeline_hidden = false;
}

/* --- histories ------------------------------------------------------------------------------- */

/* PostgreSQL's number of the timeline that is followed; 0: none yet. */
static uint32_t views_number(const struct views *views)
{
	return branch_number(views->topology.primary_position.timeline);
}

/* Its history is known, or known not to be had. */
static bool views_settled(const struct views *views, unsigned index)
{
	const struct view_memory *memory = &views->memory[index];

	return memory->timeline == 1 ||
	       (memory->timeline &&
		(memory->history.timeline == memory->timeline || memory->history_refused));
}

uint32_t views_wants_history(const struct views *views, unsigned index)
{
	const struct view_memory *memory = &views->memory[index];
	uint32_t primary = views_number(views);

	if (!views->topology.nodes[index].up || !views_ours(views, index))
		return VIEWS_WANTS_NOTHING;
	if (memory->timeline_hidden && (primary > 1 || views->topology.branches.era) &&
	    memory->timeline != primary)
		return VIEWS_WANTS_TIMELINE;
	if (memory->timeline <= 1 ||
	    (memory->history.timeline == memory->timeline && memory->history.complete))
		return VIEWS_WANTS_NOTHING;
	return memory->timeline;
}

/*
 * Without a walsender: a node tells where it left its ancestor as long as it has not restarted
 * since, and which one that was if it told so as a standby. Numbers are given one by one, so the
 * ancestor's is known for sure only right below.
 */
static void views_guess_history(struct views *views, unsigned index)
{
	struct view_memory *memory = &views->memory[index];
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

static void views_changed_history(struct views *views, unsigned index)
{
	const struct history *history = &views->memory[index].history;
	struct topology *topology = &views->topology;

	if (topology->primary == (int)index && topology->history.timeline == history->timeline)
		topology->history = *history;
	views_elect(views);
	if (topology->nodes[index].role == NODE_REPLICA)
		views_judge(views, index);
	views_decide(views);
}

void views_told_history(struct views *views, unsigned index, const struct history *history)
{
	struct view_memory *memory = &views->memory[index];

	if (memory->timeline_hidden)
		memory->timeline = history->timeline;
	/* Otherwise it went on meanwhile and will be asked again. */
	if (history->timeline != memory->timeline)
		return;
	memory->history = *history;
	memory->history_refused = false;
	views_changed_history(views, index);
}

void views_refused_history(struct views *views, unsigned index, const char *reason)
{
	struct view_memory *memory = &views->memory[index];

	if (!memory->history_refused)
		views_log(
			LOG_WARN, views, index,
			"does not tell the history of its timeline: %s; the role needs REPLICATION",
			reason);
	memory->history_refused = true;
	if (memory->claims_primary)
		views_guess_history(views, index);
	views_changed_history(views, index);
}

/* --- who is primary -------------------------------------------------------------------------- */

/* Promoted to the same number as the primary, but not from the same place. */
static bool views_other_history(const struct views *views, unsigned index)
{
	const struct history *its = &views->memory[index].history;
	const struct history *ours = &views->topology.history;

	return its->complete && ours->complete && its->timeline == ours->timeline &&
	       !history_agrees(its, ours);
}

/* Its timeline was given up: it comes back only as one that was left. */
static bool views_gave_up(const struct views *views, unsigned index)
{
	const struct view_memory *memory = &views->memory[index];
	const struct topology *topology = &views->topology;

	return memory->timeline && branches_gave_up(&topology->branches, &topology->history,
						    memory->timeline, &memory->history);
}

/* On the timeline of the last primary with less WAL, and not that one itself: an older copy. */
static bool views_is_behind(const struct views *views, unsigned index)
{
	struct position here = views->topology.nodes[index].position;
	struct position last = views->topology.primary_position;

	return (int)index != views->ruled && here.timeline == last.timeline &&
	       (here.lsn < last.lsn || views->memory[index].short_of_last);
}

static bool views_is_candidate(const struct views *views, unsigned index)
{
	const struct node_view *view = &views->topology.nodes[index];

	return view->up && views->memory[index].claims_primary && view->position.timeline &&
	       views->cluster == CLUSTER_KNOWN && views_ours(views, index) &&
	       view->position.timeline >= views->topology.primary_position.timeline &&
	       views_settled(views, index) && !views_other_history(views, index) &&
	       !views_gave_up(views, index) && !views_is_behind(views, index);
}

/* It may be the primary as soon as its history is settled. */
static bool views_is_awaited(const struct views *views, unsigned index)
{
	const struct node_view *view = &views->topology.nodes[index];

	/* Nor is anybody ours for sure before the cluster is known. */
	if (views->cluster != CLUSTER_KNOWN)
		return true;
	return views_ours(views, index) && !views_settled(views, index) &&
	       view->position.timeline >= views->topology.primary_position.timeline;
}

static int views_best(const struct views *views)
{
	const struct topology *topology = &views->topology;
	int best = -1;

	for (unsigned i = 0; i < topology->count; i++) {
		uint32_t timeline = topology->nodes[i].position.timeline;

		if (!views_is_candidate(views, i))
			continue;
		if (best < 0 || timeline > topology->nodes[best].position.timeline ||
		    (timeline == topology->nodes[best].position.timeline &&
		     (int)i == topology->primary))
			best = (int)i;
	}
	return best;
}

/* What a replica of another timeline shows may be lost: no strikes are waited for. */
static void views_leave_behind(struct views *views, unsigned index)
{
	struct view_memory *memory = &views->memory[index];
	struct node_view *view = &views->topology.nodes[index];

	if (view->role != NODE_REPLICA || !view->in_rotation ||
	    view->position.timeline == views->topology.primary_position.timeline)
		return;
	view->in_rotation = false;
	memset(&memory->strikes, 0, sizeof(memory->strikes));
	views_log(LOG_WARN, views, index, "out of rotation: it is not on the primary's timeline");
}

/* Another one, or another timeline of the same one. */
static void views_crown(struct views *views, unsigned index)
{
	struct topology *topology = &views->topology;
	struct position position = topology->nodes[index].position;
	uint64_t its = views->memory[index].system_identifier;

	if (its && topology->system_identifier != its) {
		topology->system_identifier = its;
		topology->key_known = false;
	}
	views_log(LOG_INFO, views, index, "is the primary, on timeline %" PRIu32,
		  branch_number(position.timeline));
	views->crowned_us = views->memory[index].sent_us;
	lagring_init(&views->ring);
	lagring_add(&views->ring, views->memory[index].sent_us, position.lsn);
	topology->history = views->memory[index].history;
	if (!topology->primary_seen || position.timeline > topology->primary_position.timeline)
		sessions_promoted(views->sessions, &topology->history, &topology->branches,
				  position);
	topology->primary_seen = true;
	topology->primary_position = position_max(topology->primary_position, position);
	for (unsigned i = 0; i < topology->count; i++)
		if (i != index)
			views_leave_behind(views, i);
}

/* Out of recovery but not our primary: no queries, and said once. */
static void views_fence(struct views *views, unsigned index)
{
	struct view_memory *memory = &views->memory[index];
	struct node_view *view = &views->topology.nodes[index];

	view->role = NODE_UNKNOWN;
	view->in_rotation = false;
	/* One that died with the promotion claimed it last in good faith. */
	if (memory->sent_us <= views->crowned_us)
		return;
	view->fenced = true;
	if (!memory->fenced)
		views_log(LOG_ERROR, views, index,
			  "claims to be primary on timeline %" PRIu32
			  ", but is not ours: left alone; timeline %" PRIu32 " is followed",
			  branch_number(view->position.timeline), views_number(views));
	memory->fenced = true;
}

/* The primary that we had, with less WAL than it had told: restored from an older copy. */
static bool views_came_back_short(const struct views *views, unsigned index)
{
	const struct view_memory *memory = &views->memory[index];
	const struct node_view *view = &views->topology.nodes[index];
	struct position last = views->topology.primary_position;

	if (!views->topology.primary_seen || (int)index != views->ruled ||
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
static uint64_t views_cut(const struct views *views, unsigned index)
{
	const struct view_memory *memory = &views->memory[index];
	const struct node_view *view = &views->topology.nodes[index];

	if (memory->ruled_us == view->started_us ||
	    (!memory->ruled_us && (int)index != views->ruled))
		return view->position.lsn;
	if (memory->switched && memory->switched < memory->born_lsn)
		return memory->switched;
	return memory->born_lsn;
}

/* Of the timeline's WAL behind the cut, what a standby has is not the primary's any more. */
static void views_leave_ahead(struct views *views, uint64_t cut)
{
	for (unsigned i = 0; i < views->topology.count; i++)
		if (!views->memory[i].claims_primary && views->topology.nodes[i].position.lsn > cut)
			views->memory[i].ahead = true;
}

/* What it knew of other timelines no standby is believed: it has to say it again. */
static void views_begin_era(struct views *views, uint32_t number)
{
	struct topology *topology = &views->topology;

	for (unsigned i = 0; i < topology->count; i++) {
		struct view_memory *memory = &views->memory[i];
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
static bool views_give_up(struct views *views, unsigned index)
{
	struct topology *topology = &views->topology;
	uint32_t before = views_number(views);
	uint32_t number = branch_number(topology->nodes[index].position.timeline);
	uint64_t cut = views_cut(views, index);
	char from[POSITION_TEXT_MAX], to[POSITION_TEXT_MAX];

	if (!branches_leave(&topology->branches, &topology->history, topology->primary_position.lsn,
			    cut))
		return false;
	views_log(LOG_ERROR, views, index,
		  "is followed on timeline %" PRIu32 " with WAL up to %s: of timeline %" PRIu32
		  ", known up to %s, what is not there is lost",
		  number, lsn_format(cut, to), before,
		  lsn_format(topology->primary_position.lsn, from));
	views_begin_era(views, number);
	return true;
}

/* It is followed at once: there is nobody to wait for. */
static bool views_come_back_short(struct views *views, unsigned index)
{
	views_leave_ahead(views, views_cut(views, index));
	return views_give_up(views, index);
}

static void views_elect(struct views *views)
{
	struct topology *topology = &views->topology;
	int best = views_best(views);

	if (best >= 0 && views_came_back_short(views, (unsigned)best) &&
	    !views_come_back_short(views, (unsigned)best))
		best = -1;
	if (best >= 0 && (best != topology->primary || topology->nodes[best].position.timeline !=
							       topology->primary_position.timeline))
		views_crown(views, (unsigned)best);
	if (best < 0 && topology->primary >= 0)
		views_log(LOG_WARN, views, topology->primary, "was the primary; there is none now");
	topology->primary = best;
	if (best >= 0) {
		views->ruled = best;
		views->memory[best].ruled_us = topology->nodes[best].started_us;
	}
	for (unsigned i = 0; i < topology->count; i++) {
		struct node_view *view = &topology->nodes[i];

		if (!view->up || !views->memory[i].claims_primary || (int)i == best ||
		    views_is_awaited(views, i)) {
			views->memory[i].fenced = view->fenced = false;
			continue;
		}
		views_fence(views, i);
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
static void views_decide(struct views *views)
{
	if (views->decided)
		return;
	for (unsigned i = 0; i < views->topology.count; i++)
		if (!views->topology.nodes[i].asked && !views->topology.primary_seen)
			return;
	views->decided = true;
	for (unsigned i = 0; i < views->topology.count; i++)
		if (views->topology.nodes[i].role == NODE_REPLICA)
			views_judge(views, i);
}

/* 0: not known. A standby that streams but may not say from where is as far as its last
 * restartpoint for sure; one that never streamed follows as long as there was no promotion. */
static uint32_t views_timeline(const struct views *views, unsigned index)
{
	const struct view_memory *memory = &views->memory[index];
	uint32_t primary = views_number(views);

	/* Once a branch was given up a standby is on one only where it says so. */
	if (views->topology.branches.era)
		return memory->timeline;
	if (primary <= 1)
		return memory->timeline ? memory->timeline : primary;
	if (memory->timeline_hidden && !memory->timeline && memory->history_refused)
		return memory->checkpointed >= primary ? memory->checkpointed : 0;
	return memory->timeline;
}

static uint64_t views_bytes_to_go(const struct views *views, unsigned index)
{
	uint64_t primary = views->topology.primary_position.lsn;
	uint64_t here = views->topology.nodes[index].position.lsn;

	return primary > here ? primary - here : 0;
}

/* NULL: within the limits. While the primary is gone, an unknown lag in time is forgiven. */
static const char *views_too_far_behind(const struct views *views, unsigned index, char *room,
					size_t room_bytes)
{
	const struct topology *topology = &views->topology;
	int64_t seen_us = lagring_seen_us(&views->ring, topology->nodes[index].position.lsn);
	int64_t lag_us = lagring_newest_us(&views->ring) - seen_us;

	if (!topology->primary_seen)
		return NULL;
	if (views->lag_bytes_max && views_bytes_to_go(views, index) > views->lag_bytes_max) {
		snprintf(room, room_bytes, "%" PRIu64 " bytes behind",
			 views_bytes_to_go(views, index));
		return room;
	}
	if (views->lag_us_max && seen_us == 0 && topology->primary >= 0)
		return "how far it is behind is not known";
	if (views->lag_us_max && seen_us && lag_us > views->lag_us_max) {
		snprintf(room, room_bytes, "%" PRId64 " ms behind", lag_us / US_PER_MS);
		return room;
	}
	return NULL;
}

/* NULL: it may get queries. */
static const char *views_fault(struct views *views, unsigned index, char *room, size_t room_bytes)
{
	const struct topology *topology = &views->topology;
	uint32_t its = topology->nodes[index].position.timeline;
	uint32_t ours = topology->primary_position.timeline;

	if (!views_ours(views, index))
		return views->cluster == CLUSTER_KNOWN ? "it belongs to another cluster"
						       : "which cluster is served is not known";
	if (views->memory[index].ahead)
		return "it has replayed what the primary does not have";
	if (views_gave_up(views, index))
		return "it is on a timeline that was given up";
	if ((topology->primary >= 0 || topology->branches.era) && its == 0)
		return "its timeline is not known";
	/* Without a primary, too, what an older timeline shows may be lost. */
	if (topology->primary >= 0 ? its != ours : its && its < ours)
		return "it is not on the primary's timeline";
	if (topology->primary >= 0 && branch_number(ours) > 1 &&
	    !views->memory[index].timeline_hidden && !views_settled(views, index))
		return "the history of its timeline is not known yet";
	if (topology->primary >= 0 && views_other_history(views, index))
		return "it follows another history of the primary's timeline";
	return views_too_far_behind(views, index, room, room_bytes);
}

static void views_judge(struct views *views, unsigned index)
{
	struct view_memory *memory = &views->memory[index];
	struct node_view *view = &views->topology.nodes[index];
	const char *fault;
	char room[64];

	if (!views->decided)
		return;
	view->position.timeline =
		branches_timeline(&views->topology.branches, views_timeline(views, index));
	view->replay_rate = rate_look(&memory->rate, view->seen_us, view->position.lsn,
				      views->topology.primary_position.lsn);
	fault = views_fault(views, index, room, sizeof(room));
	if (!strikes_look(&memory->strikes, !fault, views->strikes_max, views->recoveries_min))
		return;
	view->in_rotation = memory->strikes.in;
	if (view->in_rotation)
		views_name_state(views, index, LOG_INFO, "in rotation", NULL);
	else
		views_name_state(views, index, LOG_WARN, "out of rotation", fault);
}

/* Asked later than they answered, the primary has less than they replayed: no standbys of it. */
static void views_judge_ahead(struct views *views, int64_t sent_us)
{
	struct topology *topology = &views->topology;
	struct position primary = topology->nodes[topology->primary].position;

	for (unsigned i = 0; i < topology->count; i++) {
		struct node_view *view = &topology->nodes[i];

		if (view->role != NODE_REPLICA || view->seen_us > sent_us ||
		    views->memory[i].ahead || view->position.timeline != primary.timeline ||
		    view->position.lsn <= primary.lsn)
			continue;
		views->memory[i].ahead = true;
		view->in_rotation = false;
		memset(&views->memory[i].strikes, 0, sizeof(views->memory[i].strikes));
		views_log(LOG_ERROR, views, i,
			  "out of rotation: it has replayed what the primary does not have");
	}
}

/* --- back to a branch that was left ----------------------------------------------------------- */

static void views_go_back(struct views *views, unsigned index)
{
	if (!views_give_up(views, index))
		return;
	views->agreed = -1;
	views_elect(views);
	for (unsigned i = 0; i < views->topology.count; i++)
		if (views->topology.nodes[i].role == NODE_REPLICA)
			views_judge(views, i);
}

static void views_agree(struct views *views, int64_t now_us)
{
	struct topology *topology = &views->topology;
	bool all;
	int on = topology->primary_seen ? agree_on(views, &all) : -1;
	unsigned life = on >= 0 ? topology->nodes[on].life : 0;
	bool left = on >= 0 && topology->primary < 0 && views_settled(views, (unsigned)on) &&
		    topology->nodes[on].position.timeline;
	int64_t wait_us = left ? (all ? 1 : BACK_PATIENCE) * views->back_us : 0;

	if (on < 0 || views->agreed != on || views->agreed_life != life) {
		views->agreed = on;
		views->agreed_life = life;
		views->agreed_us = now_us;
		if (wait_us)
			views_log(
				LOG_WARN, views, on,
				"claims to be primary, and all that answer agree: timeline %" PRIu32
				" is given up for it in %" PRId64 " ms",
				views_number(views), wait_us / US_PER_MS);
	}
	topology->agreed_us = on >= 0 && on == topology->primary ? views->agreed_us : 0;
	if (wait_us && now_us - views->agreed_us >= wait_us)
		views_go_back(views, (unsigned)on);
}

/* --- what changes with time ------------------------------------------------------------------ */

void views_refresh(struct views *views, int64_t now_us)
{
	struct topology *topology = &views->topology;

	views_name_strangers(views);
	views_name_short(views);
	for (unsigned i = 0; i < topology->count; i++) {
		struct node_view *view = &topology->nodes[i];
		bool comparable = view->role == NODE_REPLICA && topology->primary_seen &&
				  view->position.timeline == topology->primary_position.timeline;

		view->lag_us = view->lag_bytes = -1;
		view->lag_seen_us = 0;
		if (!comparable)
			continue;
		view->lag_bytes = (int64_t)views_bytes_to_go(views, i);
		view->lag_seen_us = lagring_seen_us(&views->ring, view->position.lsn);
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
