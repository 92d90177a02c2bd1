/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which branch of the cluster's life a position belongs to. A timeline's number does not say it: an
 * orchestrator may go back to an older timeline, later promote to another one of the same number,
 * and a primary may come back from an older copy with less WAL on the timeline it had. Each time
 * this process gives up the branch that it followed, it counts one era more. A timeline in struct
 * position is PostgreSQL's number below, the era above, so that comparing positions is comparing
 * numbers, as before; the era is 0 as long as nothing was given up.
 *
 *   era 0   timeline 1 ───┬───────────► P stops
 *                         └─ timeline 2 ───► R1 stops: given up at the cut
 *   era 1   timeline 1 ────────────────┴──►  P is followed again
 *
 * Between processes a token names its branch: the number, a hash of the switch points that led to
 * it, and the mark of the era (0: none is known), since lost WAL leaves no trace in a history.
 * Plain data, pure functions.
 */
#pragma once

#include "base/check.h"
#include "base/limits.h"
#include "base/position.h"
#include "router/cluster/branch_position.h"
#include "router/cluster/history.h"

#include <stdbool.h>
#include <stdint.h>

#define BRANCH_NUMBER_BITS 20
#define BRANCH_NUMBER_MAX ((UINT32_C(1) << BRANCH_NUMBER_BITS) - 1)
#define BRANCH_ERA_MAX ((UINT32_C(1) << (32 - BRANCH_NUMBER_BITS)) - 1)

/* One that was given up. */
struct branch {
	uint32_t era, mark;
	struct history history; /* as far as it was known then */
	uint64_t lsn_max;       /* no position of it is beyond this */
	uint64_t cut; /* what was followed since had no more WAL than this: the rest is lost */
};

struct branches {
	uint32_t era, mark; /* of what is followed now */
	unsigned count;
	struct branch past[BRANCHES_MAX]; /* the oldest first; of more the newest are kept */
};

/* PostgreSQL's number of a position's timeline. */
static inline uint32_t branch_number(uint32_t timeline)
{
	return timeline & BRANCH_NUMBER_MAX;
}

/* The number as a timeline of the era that another timeline is of. */
static inline uint32_t branch_in_era(uint32_t timeline, uint32_t number)
{
	return (timeline & ~BRANCH_NUMBER_MAX) | branch_number(number);
}

/* The number as a timeline of the era that is followed now; 0 stays 0. */
static inline uint32_t branches_timeline(const struct branches *branches, uint32_t number)
{
	return number ? branches->era << BRANCH_NUMBER_BITS | branch_number(number) : 0;
}

/*
 * The branch of that history is given up for one that began with no more WAL than the cut. newest:
 * the last that was heard of it. False: there were too many, nothing was changed.
 */
bool branches_leave(struct branches *branches, const struct history *history, uint64_t lsn_max,
		    uint64_t cut) must_check;
/* now: the history of the timeline that is followed now. */
enum fate branches_fate(const struct branches *branches, const struct history *now,
			struct position position);
/* What a token of this process says of the position. */
struct branch_position branches_position(const struct branches *branches, const struct history *now,
					 struct position position);
/* The token's position within this process, and what became of it. */
enum fate branches_find(const struct branches *branches, const struct history *now,
			struct branch_position token, struct position *position);
/* Was a timeline of that number and history (of timeline 0: not known) given up, and is none of
 * what is followed now? */
bool branches_gave_up(const struct branches *branches, const struct history *now, uint32_t number,
		      const struct history *its) must_check;
