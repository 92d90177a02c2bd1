/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The read index of one loop: a position that is at or after every commit that any client was
 * acknowledged before a request came, whichever instance the commit went through. A read that
 * requires it is right on any replica (Raft's ReadIndex: Ongaro, Consensus, 2014, section 6.4).
 *
 *   a probe is out:   asking ── the answer ──► each of them
 *   it was sent:      next   ── then one probe for all of these, and so on
 *                      └── the position of a command that was sent later serves as well
 *
 * The primary is asked for its flush position by a statement that begins after the requests have
 * come; so many as there are share one, of which one at a time is out. A commit is acknowledged
 * once it is flushed: where synchronous_commit is off that is not so, and there is no index.
 *
 * On the loop's thread.
 */
#pragma once

#include "base/arena.h"
#include "base/check.h"
#include "base/list.h"
#include "base/loop.h"
#include "base/metrics.h"
#include "base/position.h"
#include "pg/call.h"
#include "pg/pool.h"
#include "router/cluster/topology.h"

#include <stdbool.h>
#include <stdint.h>

/* Borrowed. */
struct read_index_env {
	const struct loop *loop;
	const struct topology *topology;
	struct metrics *metrics;
	struct pool *(*pool_of)(void *arg, unsigned node);
	void (*refresh)(void *arg); /* the topology; may run requests */
	void *arg;
};

struct read_index {
	const struct read_index_env *env;
	struct list asking, next; /* struct index_reader */
	struct call probe;
	struct arena arena;
	struct pool *pool; /* while the probe is on its way; else NULL */
	/* Of the primary that it was sent to. */
	unsigned node, life;
	uint32_t timeline;
};

struct index_reader {
	/*
	 * index: on the timeline of the topology of now, or POSITION_NONE: no primary
	 * tells. wal_end: where the primary's WAL ends, flushed or not. May ask again, and free.
	 */
	void (*on_index)(struct index_reader *reader, struct position index, uint64_t wal_end);

	/* Its own; zeroed before it is used first. */
	struct list_link link;
	struct list *list;
	int64_t asked_us;
	unsigned tries;
};

void read_index_init(struct read_index *index, const struct read_index_env *env);
/* No reader may wait any more. */
void read_index_fini(struct read_index *index);
/* False: no primary can be asked now, and on_index is not called. */
bool read_index_ask(struct read_index *index, struct index_reader *reader) must_check;
/*
 * Behind the commit of a command, which was sent to that node at sent_us (of the loop's turns), the
 * WAL had come to position: an index for those that had asked before. Those take it for whom the
 * probe on its way was sent too early; may run them.
 */
void read_index_carried(struct read_index *index, unsigned node, int64_t sent_us,
			struct position position, uint64_t wal_end);
/* It waits no more; what is out goes on for others. */
void read_index_leave(struct index_reader *reader);
