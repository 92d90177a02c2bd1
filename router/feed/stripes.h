/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the feed has made known, for all loops: up to which position all invalidations are known
 * (A), and behind which position each tag was touched last at the latest. Tags share stripes: a
 * tag may seem touched that was not, never the other way round.
 *
 *   unknown ──stripes_begin──► growing ──stripes_forget──► unknown
 *
 * While it grows, positions only rise, on one timeline. One thread writes, any may read: what a
 * reader is given was true of one moment.
 *
 * A command counts itself in doubt before its COMMIT is sent, and settles afterwards.
 */
#pragma once

#include "base/check.h"
#include "base/position.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define STRIPES 65536
#define STRIPES_TAG_ALL 0 /* whatever there is was touched */

/* Of a relation its oid, which is one number for all nodes and instances of a cluster; tags that
 * are names are hashes beyond these. */
#define STRIPES_TAG_OIDS_MAX 0xffffffffull

struct stripe {
	_Atomic uint64_t lsn; /* 0: not touched since base */
	_Atomic uint32_t doubt;
};

/* All zeros at the beginning: unknown. */
struct stripes {
	_Atomic uint32_t era; /* odd: it grows */
	_Atomic uint32_t timeline;
	_Atomic uint32_t
		life; /* the mark of the log's last life (router/cluster/lives.h); 0: none */
	_Atomic uint64_t base;  /* all tags were touched there, for all that is known */
	_Atomic uint64_t known; /* A */
	_Atomic uint32_t doubt; /* on all tags */
	/* What commands of this process have settled lies at or before it, on this timeline. */
	_Atomic uint64_t settled;
	pthread_mutex_t lock; /* while it begins; of what was missed */
	struct position missed;
	struct stripe items[STRIPES];
};

/* --- the thread that reads the feed ----------------------------------------------------------- */

/* Nothing is known but that whatever was touched before was so at base or before; or where commands
 * of this process have settled, where that is further. */
void stripes_begin(struct stripes *stripes, struct position base);
void stripes_forget(struct stripes *stripes);
/* Before they begin: a log of another last life may lack what was known of the one before, on the
 * same timeline. True: it is another one, and nothing is known any more. */
bool stripes_enter(struct stripes *stripes, uint32_t life);
/* The transaction that touched the tag had committed at lsn. */
void stripes_touch(struct stripes *stripes, uint64_t tag, uint64_t lsn);
/* All that was committed up to lsn has touched what it touched. */
void stripes_know(struct stripes *stripes, uint64_t lsn);

/* --- any thread ------------------------------------------------------------------------------- */

/* Whose lsns these are; 0: unknown. */
uint32_t stripes_timeline(const struct stripes *stripes) must_check;
/* Of which log they are; read before all else, it holds for what is read behind it. */
uint32_t stripes_life(const struct stripes *stripes) must_check;
/* Another number each time that all that was known was given up; 0: nothing is known now. */
uint32_t stripes_era(const struct stripes *stripes) must_check;
/* A; POSITION_NONE: unknown. */
struct position stripes_known(const struct stripes *stripes) must_check;
/*
 * How far a node must be to show of these tags what is at index: all that has touched them up to
 * there lies at or before the lsn that is returned. 0: not known so far, since A is behind index
 * or of another timeline.
 */
uint64_t stripes_required(const struct stripes *stripes, struct position index,
			  const uint64_t *tags, size_t count) must_check;
/* Of some tags together, at one moment. */
struct stripes_state {
	uint32_t timeline; /* 0: nothing is known */
	bool in_doubt;     /* a command of this instance that touches one of them is on its way */
	uint64_t touched;  /* what is known to have touched one of them lies at or before it */
};
struct stripes_state stripes_state(const struct stripes *stripes, const uint64_t *tags,
				   size_t count) must_check;
void stripes_doubt(struct stripes *stripes, uint64_t tag);
/* lsn: where its commit is; 0: it had no effect. */
void stripes_settle(struct stripes *stripes, uint64_t tag, uint64_t lsn);
/* A command has touched something there while these were not of its timeline, or unknown: what
 * begins behind that has its base there, at least. */
void stripes_miss(struct stripes *stripes, struct position position);
/* As far as they rise by it: lsns of another timeline say nothing to them, which is 0. What they
 * cannot take now they take when they begin. */
uint64_t stripes_lsn(struct stripes *stripes, struct position position) must_check;
bool stripes_in_doubt(const struct stripes *stripes, uint64_t tag) must_check;
