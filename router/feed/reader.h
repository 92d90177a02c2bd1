/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads the feed for all loops of a process, on one of them: while the feed is in use, each
 * --lag-poll-ms, and at once while a request waits. One question at a time, at one replica, which
 * is changed for the one that is furthest ahead where that is known to be further. Marks are
 * written on the primary about once a second, and rows are deleted when they are old enough
 * (router/feed/marker.h).
 *
 * Where no replica can be asked the primary is: its rows raise the stripes, and A stays as it is.
 *
 * With the rows comes the shape of the relations that sets of tags are made of: while it is another
 * one than that by which they were made, each answer touches all tags. So whatever changes the
 * schema is a write like any other, and sets that are not true any more make no answer stale.
 *
 * Where the primary decodes what was written (router/feed/logical.h), the shape is all that is
 * asked for.
 */
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "base/check.h"
#include "base/loop.h"
#include "base/metrics.h"
#include "pg/call.h"
#include "pg/pool.h"
#include "router/cluster/topology.h"
#include "router/feed/feed.h"
#include "router/feed/feed_env.h"
#include "router/feed/feed_question.h"
#include "router/feed/feed_shared.h"
#include "router/feed/logical.h"

#include <stdbool.h>
#include <stdint.h>

/* Which relations sets of tags are made of, and what they were like then. */
struct feed_relations {
	const uint64_t *ids; /* [count]; borrowed until others are set */
	size_t count;
	int64_t shape;
	uint32_t version; /* of these sets */
};

struct feed_reader {
	const struct feed_env *env;
	struct feed feed;
	struct feed_logical logical; /* where env->decoded */
	struct feed_relations relations;
	struct loop_timer timer;
	struct call call;
	struct pool *pool; /* while a question is out; else NULL */
	struct arena arena;
	struct buf out;
	const char *values[FEED_QUESTION_VALUES];
	unsigned node, life; /* that is asked; NODES_MAX: none */
	uint32_t timeline;
	uint32_t asked;            /* the version of the relations whose shape is asked for */
	uint64_t replayed;         /* by that node, as it has answered; 0: it has not yet */
	uint64_t shown;            /* where the primary's last rows counted */
	int64_t sent_us, known_us; /* A is at least where the primary was then */
	bool runs, wanted, complained;
};

void feed_reader_init(struct feed_reader *reader, const struct feed_env *env);
/* Begins to read, if it does not; or goes on with other relations. */
void feed_reader_run(struct feed_reader *reader, const struct feed_relations *relations);
/* Nothing is known any more. */
void feed_reader_stop(struct feed_reader *reader);
void feed_reader_fini(struct feed_reader *reader);
