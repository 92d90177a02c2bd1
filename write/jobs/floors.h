/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Floors of the jobs with an order. The floor of a command is a number below which no job of it
 * with an order waits, nor ever will. Claims of heads that know it (write/jobs/ordered_above.h)
 * pass over what is gone but was not vacuumed, since a transaction holds an old snapshot, without
 * reading it. A floor that is too high would let the second job of a key run before the first, so
 * each is proven, by steps of one small statement each:
 *
 *   NOTE    a number was given: a row has it. Numbers are given in their order, so that all below
 *           it were given before. Who was given one holds a lock on cqrsd.job from before that
 *           until its transaction has ended, and what it did is seen by all. All holders are noted
 *   WAIT    until none of them holds it any more. What was given up to that number is settled: in
 *           the table, or never to come
 *   WALK    in a snapshot taken after that: which job waits that has the least number? That is the
 *           floor; where no settled one waits it is the number behind them. From the floor of
 *           before on, below which none can have come
 *   FLUSH   until what that snapshot saw is on the disk: a crash of the server, with
 *           synchronous_commit off, brings nothing back below the floor
 *
 * Heads that are not due, and one that held the floor back already, are kept by name (old_heads.h)
 * and the walk goes on behind them: what is true of the floor is true of each of their keys and the
 * number that is kept with it.
 *
 * All of it holds for one life of one server: its timeline, and when it was started. Each claim
 * compares these, on the server, and goes without a floor where they are others: a standby that was
 * promoted may have lost that a job has ended. While a floor is being proven there may be no crash
 * either: recovery ends with a checkpoint, and behind a new one the proof begins anew.
 *
 * One kind of row does come below a floor: a dead letter that is replayed keeps its number, as may
 * a row that was inserted by hand. Jobs behind it had passed it before. To find it some walks are
 * full: from the beginning, at most a part in FLOORS_FULL_TIMES of the time. They also tell what
 * there is to be gained: where they are quick, claims go without floors and nothing is proven.
 */
#pragma once

#include "base/check.h"
#include "base/clock.h"
#include "base/text.h"
#include "write/jobs/queue.h"

#include <stdbool.h>
#include <stdint.h>

enum floors_step { FLOORS_REST, FLOORS_NOTE, FLOORS_WAIT, FLOORS_WALK, FLOORS_FLUSH };

/* A full walk that takes longer finds rows that claims had better not read. */
#define FLOORS_DEAR_US US_PER_MS
#define FLOORS_EVERY_US (250 * US_PER_MS)
#define FLOORS_SOON_US (20 * US_PER_MS)
/* Between two full walks: so many times as long as one took, within these bounds. */
#define FLOORS_FULL_TIMES 50
#define FLOORS_FULL_US US_PER_S
#define FLOORS_FULL_US_MAX (15 * US_PER_S)
#define FLOORS_FAILED_US (30 * US_PER_S)
#define FLOORS_SINCE_BYTES 24

/* Of one loop. Zeroed: nothing is known. */
struct job_floors {
	enum floors_step step; /* the next one, or that which is on its way */
	int64_t due_us, full_us;
	int64_t claimed, noted, settled; /* numbers of jobs, the greatest so far */
	int64_t asked;                   /* what the step is about: up to which number */
	int64_t measured;                /* what claimed was at the last full walk */
	uint64_t seen_lsn;               /* the end of the log behind the snapshot of a walk */
	char life[ORDERED_LIFE_BYTES], since[FLOORS_SINCE_BYTES];
	bool dear;    /* the last full walk */
	bool full;    /* the walk that is on its way */
	bool goes_on; /* the walk, behind heads that it keeps by name */
};

/* What one step came to know. Texts are borrowed. */
struct floors_answer {
	struct text life;  /* ptr NULL: it is no primary */
	struct text since; /* the last checkpoint */
	bool given;        /* a row has the number asked for */
	bool held;         /* by one that was noted, or one that is prepared */
	uint64_t insert_lsn, flush_lsn;
	int64_t took_us; /* on the server */
};

/* A job with an order and that number was claimed. */
void floors_claimed(struct job_floors *floors, int64_t n);
bool floors_are_due(const struct job_floors *floors, int64_t now_us) must_check;
/* The step is sent. */
void floors_begin(struct job_floors *floors, int64_t now_us);
/* Of a walk: from which number on; -1: it has come to that floor. */
int64_t floors_walk_from(const struct job_floors *floors, struct ordered_floor *floor) must_check;
/* There was no conn for it. */
void floors_not_sent(struct job_floors *floors, int64_t now_us);
/* It was not answered. */
void floors_fail(struct job_floors *floors, int64_t now_us);
/* It was answered. True: of a walk; it is to be told what each queue has. */
bool floors_take(struct job_floors *floors, struct job_queues *queues,
		 const struct floors_answer *answer, int64_t now_us) must_check;
/* The jobs of some keys, or of all others, that wait: the one with the least number. */
struct floors_found {
	int64_t n;       /* 0: none waits */
	struct text key; /* its own; ptr NULL: none waits */
	bool by_name;    /* of the key alone, which is one of the old heads that were asked for */
	bool not_due;
};
void floors_found(struct job_floors *floors, struct job_queue *queue,
		  const struct floors_found *found);
/* The last of them was found. */
void floors_walked(struct job_floors *floors, int64_t now_us);
