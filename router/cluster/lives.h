/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The lives of the log, which it tells itself: a row of cqrsd.log_life for each server that led it,
 * in the log (migrations/005_log_life.sql). A life begins where a standby is promoted or a server
 * is started, at the end of its recovery, and has a mark of 32 random bits.
 *
 *   the log that is followed    ──A────────┬──C────────►  A, C
 *   what the server had before             └────B───►     A, B: the copy was taken before B
 *
 * A token of B is lost: B is not in the list. One of A behind the beginning of C is lost, too: the
 * log of C has nothing else of A. So every instance judges alike, also one that was started
 * after the loss. Plain data, pure functions.
 */
#pragma once

#include "base/check.h"
#include "base/text.h"
#include "router/cluster/history.h"

#include <stdbool.h>
#include <stdint.h>

#define LIVES_MAX 32 /* the newest are held; of older ones nothing is known */

struct life {
	uint32_t mark;      /* never 0 */
	uint32_t timeline;  /* PostgreSQL's number */
	int64_t started_us; /* of the postmaster, wall */
	uint64_t began;     /* where its recovery ended */
};

struct lives {
	unsigned count;
	bool whole;                   /* no older one is missing */
	struct life items[LIVES_MAX]; /* the oldest first; the last one goes on */
};

/* Marks of lives that logs had which were followed before, and the one of now does not have. */
#define LIVES_GONE_MAX 16
struct lives_gone {
	unsigned count; /* in all; the newest LIVES_GONE_MAX are held */
	uint32_t marks[LIVES_GONE_MAX];
};

/* Tells the lives of a node's log as one text; of a standby, those that it has replayed. */
extern const char lives_query[];
/* A command without parameters: adds the life of the node that runs it, if it is missing. */
extern const char lives_begin_command[];

/* row: a JSON object as pg/ encodes it, with one member. False: not what the query answers. */
bool lives_read(struct lives *lives, struct text row) must_check;
/* The life that goes on; NULL: none is known. Lent. */
static inline const struct life *lives_last(const struct lives *lives)
{
	return lives->count ? &lives->items[lives->count - 1] : NULL;
}

/* The index of the life of that mark; -1: not among them. */
int lives_find(const struct lives *lives, uint32_t mark) must_check;
/* Is the last life the one of that server on that timeline? */
bool lives_end_with(const struct lives *lives, uint32_t timeline, int64_t started_us) must_check;
/* The mark of the life that a place in the log belongs to; 0: of none that is known. */
uint32_t lives_mark(const struct lives *lives, uint64_t lsn) must_check;
/*
 * What became of that place in the log of a life: FATE_SURVIVED (also of the life that goes on),
 * FATE_LOST where the log went on without it, FATE_UNKNOWN where the life is not among them.
 */
enum fate lives_fate(const struct lives *lives, uint32_t mark, uint64_t lsn) must_check;

/* Is the life of that mark (0: of none) one that the list would have, if the log had it? Not one
 * that may be too old for it. */
bool lives_should_have(const struct lives *lives, uint32_t mark, uint64_t lsn) must_check;

/* From now on after is followed, before was until now. */
void lives_follow(struct lives_gone *gone, const struct lives *before, const struct lives *after);
/* Is it known to be lost, without a question? 0 is none. */
bool lives_are_gone(const struct lives_gone *gone, uint32_t mark) must_check;

/* Where two logs part. */
struct lives_parting {
	uint64_t lsn;      /* neither has more of the other's than this; UINT64_MAX: they are one */
	bool went_on;      /* the first one had a life behind it that the second does not have */
	uint32_t timeline; /* of the next life of the second; 0: it has none */
};

/* Does the second lack some of the first, which is known up to that lsn? whole: up to there all of
 * its records are; a crash may have kept less of what is behind. */
bool lives_parting_lacks(const struct lives_parting *parting, uint64_t known,
			 uint64_t whole) must_check;
/* False: they have no life in common, or one is empty: not to be told. */
bool lives_part(const struct lives *first, const struct lives *second,
		struct lives_parting *parting) must_check;
