/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a reader of the table cqrsd.invalidation knows: a pure machine, which is given one answer of
 * a node after the other and raises the stripes by them.
 *
 *   FEED_NEW ──a mark to begin by──► FEED_FOLLOWING ──any enum feed_loss──► FEED_NEW
 *
 * Ids are taken in order and seen out of order: each run of ids below the greatest that were not
 * seen is a gap, and is asked for again until its rows come, or a mark closes it. A mark {xid, id}
 * was written by a transaction that first read the last id taken, and then took its own xid:
 * whatever had taken an id at or below it had a smaller xid by then. So in a snapshot whose xmin is
 * beyond the mark's xid, an id at or below it that is missing was rolled back. A snapshot's own
 * xmax is no such bound: an xid at or above it may be taken already, by a transaction that has its
 * id, too.
 *
 * The beginning is a mark, too: all ids at or below it are decided, whatever touched what did so
 * at the upper bound of that answer or before.
 *
 * Answers may be of any node, whichever is further behind: what was seen stays seen.
 *
 * Where there are too many gaps, it begins anew by a mark that decides all of these ids: until then
 * nothing is known, and no row is asked for.
 */
#pragma once

#include "base/check.h"
#include "base/position.h"
#include "router/feed/stripes.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FEED_GAPS_MAX 1024

struct feed_row {
	int64_t id;
	const uint64_t *tags;
	size_t tags_count;
};

struct feed_mark {
	uint64_t xid;
	int64_t id; /* -1: there is none */
};

/* What one statement on a node answered: all of it of one snapshot. */
struct feed_answer {
	struct position lower, upper; /* of that snapshot; of one timeline */
	uint64_t xmin, xmax;          /* as full transaction ids */
	int64_t floor;                /* rows up to there were deleted; 0: none */
	struct feed_mark mark;        /* the newest whose xid is below xmin */
	bool gaps_whole;              /* there are no more rows among the gaps than these */
	bool whole;                   /* nor beyond the greatest id */
	/* Among the gaps, and then beyond the greatest id, in their order; NULL tags: whatever
	 * there is. */
	const struct feed_row *rows;
	size_t rows_count;
};

enum feed_state { FEED_NEW, FEED_FOLLOWING };

/* Why all that was known is given up. */
enum feed_loss {
	FEED_KEPT,
	FEED_TIMELINE, /* lost ids and xids are used again */
	FEED_FLOOR,    /* rows were deleted that it might have had to see */
	FEED_GAPS,     /* too many at once */
	FEED_LOSSES
};

/* Ids that were passed by, one behind the other. */
struct feed_gap {
	int64_t first, last;
};

struct feed {
	struct stripes *stripes;
	enum feed_state state;
	uint32_t timeline;
	int64_t greatest; /* the id up to which each was seen, is a gap, or was rolled back */
	struct feed_gap gaps[FEED_GAPS_MAX]; /* rising, none beside another */
	unsigned gaps_count;
	int64_t undecided; /* up to there were too many gaps, on that timeline; 0: there were not */
	/* Since the beginning of the process. */
	uint64_t rows, closed_by_row, closed_by_mark;
};

enum feed_next {
	FEED_NEXT_WAIT, /* it is as far as the node is */
	FEED_NEXT_MORE, /* there is more, ask again at once */
	FEED_NEXT_MARK, /* it begins as soon as there is a mark that it can begin by */
};

void feed_init(struct feed *feed, struct stripes *stripes);
/* All that it knows is given up. */
void feed_forget(struct feed *feed);
/* Takes what a node answered to a question made of this feed's state. loss: what it lost by it. */
enum feed_next feed_take(struct feed *feed, const struct feed_answer *answer, enum feed_loss *loss);
/* A word for metrics and the log. */
const char *feed_loss_name(enum feed_loss loss);
