/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The timeline history of the primary, and what became of a position of another timeline. Lsns of
 * two timelines compare only through it (PostgreSQL documentation, "Continuous Archiving": each
 * promotion begins a new timeline and writes where it left its ancestor). Plain data, pure
 * functions.
 *
 *   timeline 1 ────────┬───► the old primary's, lost from here on
 *                      └─S(1)──────┬───► lost
 *                      timeline 2  └─S(2)────► timeline 3, the primary's
 *
 * (T, L) survived on T' > T when L is at or before every switch point between; then (T', L) says
 * the same.
 */
#pragma once

#include "base/check.h"
#include "base/limits.h"
#include "base/position.h"

#include <stdbool.h>
#include <stdint.h>

/* An ancestor, and where it was left. */
struct history_switch {
	uint32_t timeline;
	uint64_t lsn;
};

struct history {
	uint32_t timeline; /* whose history; 0: none is known, and every fate is unknown */
	bool complete;     /* no ancestor is missing below the oldest one listed */
	unsigned count;
	struct history_switch switches[HISTORY_SWITCHES_MAX]; /* the oldest first */
};

enum fate {
	FATE_CURRENT,  /* of the history's own timeline */
	FATE_SURVIVED, /* of an ancestor, at or before where it was left */
	FATE_LOST,     /* past it, or on a branch that was given up */
	FATE_UNKNOWN,  /* the history does not reach that far */
	FATE_NEWER,    /* of a timeline that is not known here yet */
};

enum fate history_fate(const struct history *history, struct position position);
/* The same place on the history's timeline, for what is current or survived. */
struct position history_translate(const struct history *history, struct position position);
/* Same timeline number, other switch points: two promotions that did not know of each other. */
bool history_agrees(const struct history *a, const struct history *b);
/*
 * Takes what TIMELINE_HISTORY sends for that timeline: lines of ancestor, switch point and reason,
 * "#" comments. Of more than HISTORY_SWITCHES_MAX the newest are kept. False: not a history.
 */
bool history_read(struct history *history, uint32_t timeline, struct text file) must_check;
