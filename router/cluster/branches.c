/* SPDX-License-Identifier: Apache-2.0 */
/* Lineages by their switch points: where two of them part, and what was behind that. */
#include "router/cluster/branches.h"

#include "base/hash.h"

#include <string.h>

/* Acknowledged on a branch, by any instance, after its last status. */
#define BRANCH_UNSEEN_BYTES (UINT64_C(64) << 20)

/* How a timeline came to be: a history up to that number. */
struct lineage {
	const struct history *history;
	uint32_t number;
	unsigned ancestors;
};

static struct lineage lineage_of(const struct history *history, uint32_t number)
{
	struct lineage lineage = { history, number, 0 };

	while (lineage.ancestors < history->count &&
	       history->switches[lineage.ancestors].timeline < number)
		lineage.ancestors++;
	return lineage;
}

static struct history_switch lineage_step(const struct lineage *lineage, unsigned at)
{
	if (at < lineage->ancestors)
		return lineage->history->switches[at];
	return (struct history_switch){ lineage->number, UINT64_MAX };
}

static bool lineage_is_whole(const struct lineage *lineage)
{
	return lineage->history->complete || lineage_step(lineage, 0).timeline == 1;
}

/* Where both begin with one timeline, as far as they are known. False: they have none in common. */
static bool lineages_align(const struct lineage *a, const struct lineage *b, unsigned *x,
			   unsigned *y)
{
	*x = *y = 0;
	if (lineage_is_whole(a) && lineage_is_whole(b))
		return true;
	while (*x <= a->ancestors && *y <= b->ancestors) {
		uint32_t one = lineage_step(a, *x).timeline, other = lineage_step(b, *y).timeline;

		if (one == other)
			return true;
		++*(one < other ? x : y);
	}
	return false;
}

/* The last lsn that both have; UINT64_MAX: they are one. False: not to be told. */
static bool lineages_part(const struct lineage *a, const struct lineage *b, uint64_t *lsn)
{
	unsigned x, y;
	uint64_t common = 0;

	if (!lineages_align(a, b, &x, &y))
		return false;
	for (;; x++, y++) {
		struct history_switch one = lineage_step(a, x), other = lineage_step(b, y);

		*lsn = common;
		if (one.timeline != other.timeline)
			return true;
		common = one.lsn < other.lsn ? one.lsn : other.lsn;
		*lsn = common;
		if (one.lsn != other.lsn || common == UINT64_MAX)
			return true;
	}
}

static bool history_lists(const struct history *history, uint32_t number)
{
	struct lineage lineage = lineage_of(history, number);

	return number == history->timeline ||
	       (lineage.ancestors < history->count &&
		history->switches[lineage.ancestors].timeline == number);
}

/* Travels in tokens: what it makes may never change. 0: not known. */
static uint32_t history_hash(const struct history *history, uint32_t number)
{
	struct lineage lineage = lineage_of(history, number);
	uint64_t hash = 1;

	if (!history->complete)
		return number == 1;
	for (unsigned i = 0; i < lineage.ancestors; i++)
		hash = hash_mix(hash_mix(hash, history->switches[i].timeline),
				history->switches[i].lsn);
	hash ^= hash >> 32;
	return (uint32_t)hash ? (uint32_t)hash : 1;
}

bool branches_leave(struct branches *branches, const struct history *history, uint64_t lsn_max,
		    uint64_t cut)
{
	struct branch *branch;
	uint64_t mark;

	if (branches->era == BRANCH_ERA_MAX)
		return false;
	if (branches->count == BRANCHES_MAX) {
		memmove(&branches->past[0], &branches->past[1],
			(BRANCHES_MAX - 1) * sizeof(branches->past[0]));
		branches->count--;
	}
	for (unsigned i = 0; i < branches->count; i++)
		if (branches->past[i].cut > cut)
			branches->past[i].cut = cut;
	branch = &branches->past[branches->count++];
	*branch = (struct branch){
		.era = branches->era,
		.mark = branches->mark,
		.history = *history,
		.lsn_max = lsn_max + BRANCH_UNSEEN_BYTES,
		.cut = cut,
	};
	branches->era++;
	mark = hash_mix(hash_mix(cut, branch->mark), history->timeline);
	mark ^= mark >> 32;
	branches->mark = (uint32_t)mark ? (uint32_t)mark : 1;
	return true;
}

static const struct branch *branches_of_era(const struct branches *branches, uint32_t era)
{
	for (unsigned i = 0; i < branches->count; i++)
		if (branches->past[i].era == era)
			return &branches->past[i];
	return NULL;
}

/* Of a timeline of a branch that was given up. */
static enum fate branch_fate(const struct branch *branch, const struct history *now,
			     uint32_t number, uint64_t lsn)
{
	struct lineage its = lineage_of(&branch->history, number);
	struct lineage ours = lineage_of(now, now->timeline);
	uint64_t last;

	if (lsn > branch->cut)
		return FATE_LOST;
	/* Where it parted is not known: what cannot be shown to have survived counts as lost. */
	if (number > now->timeline && now->timeline && !branch->history.complete)
		return FATE_LOST;
	if (!history_lists(&branch->history, number) || !now->timeline ||
	    !lineages_part(&its, &ours, &last))
		return FATE_UNKNOWN;
	return lsn > last ? FATE_LOST : FATE_SURVIVED;
}

enum fate branches_fate(const struct branches *branches, const struct history *now,
			struct position position)
{
	uint32_t era = position.timeline >> BRANCH_NUMBER_BITS;
	uint32_t number = branch_number(position.timeline);
	const struct branch *branch;

	if (era > branches->era)
		return FATE_NEWER;
	if (era == branches->era)
		return history_fate(now, (struct position){ number, position.lsn });
	branch = branches_of_era(branches, era);
	return branch && number ? branch_fate(branch, now, number, position.lsn) : FATE_UNKNOWN;
}

/* --- tokens ----------------------------------------------------------------------------------- */

struct branch_position branches_position(const struct branches *branches, const struct history *now,
					 struct position position)
{
	uint32_t era = position.timeline >> BRANCH_NUMBER_BITS;
	uint32_t number = branch_number(position.timeline);
	const struct branch *past = branches_of_era(branches, era);
	const struct history *history = past ? &past->history : now;
	bool known = (past || era == branches->era) && history_lists(history, number);

	return (struct branch_position){
		.timeline = number,
		.history = known ? history_hash(history, number) : 0,
		.mark = past                   ? past->mark
			: era == branches->era ? branches->mark
					       : 0,
		.lsn = position.lsn,
	};
}

static bool history_has(const struct history *history, struct branch_position token)
{
	uint32_t hash = history_hash(history, token.timeline);

	return history_lists(history, token.timeline) &&
	       (!token.history || !hash || token.history == hash);
}

/* Of a branch that was given up. A token without a mark may also be of who never heard of that. */
static const struct branch *branches_past(const struct branches *branches,
					  struct branch_position token)
{
	for (unsigned i = 0; i < branches->count; i++) {
		const struct branch *branch = &branches->past[i];

		if (token.mark == branch->mark && history_has(&branch->history, token) &&
		    (token.mark || token.lsn <= branch->lsn_max))
			return branch;
	}
	return NULL;
}

/* Of a branch that was given up, and of none that goes on; any mark. */
static const struct branch *branches_only_past(const struct branches *branches,
					       struct branch_position token)
{
	for (unsigned i = branches->count; i-- > 0;)
		if (history_has(&branches->past[i].history, token))
			return &branches->past[i];
	return NULL;
}

enum fate branches_find(const struct branches *branches, const struct history *now,
			struct branch_position token, struct position *position)
{
	const struct branch *past = NULL;
	bool has = now->timeline && history_has(now, token);

	*position = (struct position){ branches_timeline(branches, token.timeline), token.lsn };
	if (!has || token.mark != branches->mark)
		past = branches_past(branches, token);
	if (!past && !has)
		past = branches_only_past(branches, token);
	if (past)
		*position = (struct position){ past->era << BRANCH_NUMBER_BITS | token.timeline,
					       token.lsn };
	/* A branch that parted from ours at an unknown place, with a number that ours has, too: it
	 * was lost, or others have gone back to it already. */
	else if (!has && token.history && now->complete && token.timeline <= now->timeline)
		return FATE_NEWER;
	return branches_fate(branches, now, *position);
}

bool branches_gave_up(const struct branches *branches, const struct history *now, uint32_t number,
		      const struct history *its)
{
	bool known = its->timeline == number && its->complete;

	for (unsigned i = 0; i < branches->count; i++) {
		const struct history *past = &branches->past[i].history;
		const struct branch_position token = { number,
						       known ? history_hash(its, number) : 0, 0,
						       0 };

		if (history_has(past, token) && !history_has(now, token))
			return true;
	}
	return false;
}
