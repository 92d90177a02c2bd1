/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Commands of this instance that make tags stale are in doubt on the stripes of these from before
 * their COMMIT is sent until it is known what became of it. Then the stripes rise to where it is,
 * before the feed shows it. Whatever happens to an instance, its rows of the feed are there.
 *
 *   ──begin──► in doubt ──┬──end─────────────────────────────────► settled
 *                         └──it is lost──► unknown ──a position ────┘
 *                                                    that was asked for after that
 *
 * Where answers are kept (read/cache/), commands are in doubt on the relations that they write to,
 * too. Those that were on their way when that began are in doubt on all that there is.
 *
 * On the loop's thread.
 */
#pragma once

#include "base/loop.h"
#include "base/position.h"
#include "pg/call.h"
#include "router/cluster/topology.h"
#include "router/feed/feed_shared.h"

#include <stdbool.h>
#include <stdint.h>

#define FEED_UNKNOWNS_MAX 1024 /* tags; beyond them all tags rise */

/* Of one command, or of commands that commit together; all zeros: there is none. */
struct feed_doubt {
	const uint64_t *tags; /* [count], borrowed until it ends */
	unsigned count;
	bool blind; /* it began before relations counted */
};

struct feed_doubts {
	/* Set by the owner, before any begins. */
	struct loop *loop;
	struct feed_shared *shared; /* NULL: nothing is kept */
	const struct topology *topology;
	int64_t pause_us;           /* until the topology is asked again */
	void (*refresh)(void *arg); /* the topology; may run requests */
	void *arg;

	/* Its own. */
	bool relations; /* those that commands write to count */
	unsigned blind; /* doubts that are */
	struct loop_timer timer;
	struct feed_unknown {
		uint64_t tag;
		int64_t since_us;
	} unknowns[FEED_UNKNOWNS_MAX];
	unsigned unknowns_count;
	int64_t crowded_us; /* when there was no room for one; 0: there was */
};

void feed_doubts_fini(struct feed_doubts *doubts);

/* From now on relations count. */
void feed_doubts_keep(struct feed_doubts *doubts);
/* Do the touched relations of a command have to be given? */
static inline bool feed_doubts_relations(const struct feed_doubts *doubts)
{
	return doubts && doubts->relations;
}

/* doubts NULL: nothing is kept. count 0: as of one that touches nothing. */
void feed_doubt_begin(struct feed_doubts *doubts, struct feed_doubt *doubt, const uint64_t *tags,
		      unsigned count);
/* It ends by what became of the call that was to commit. No doubt: nothing to end. */
void feed_doubt_end(struct feed_doubts *doubts, struct feed_doubt *doubt, const struct call *call);
/* It is not known what becomes of it. */
void feed_doubt_leave(struct feed_doubts *doubts, struct feed_doubt *doubt);
