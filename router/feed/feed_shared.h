/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the loops of a process share of the feed. One loop reads it (router/feed/reader.h); each has
 * a desk (router/feed/desk.h), at which requests wait until it is known so far.
 *
 *   desk ── letter: one waits ──► reader ──► stripes ── letter: more is known ──► desk
 */
#pragma once

#include "base/limits.h"
#include "base/loop.h"
#include "router/feed/stripes.h"

#include <stdatomic.h>
#include <stdbool.h>

struct feed_desk;
struct feed_reader;

/* All zeros at the beginning; outlives the loops. */
struct feed_shared {
	struct stripes stripes;
	/* By which sets of tags the stripes are kept to now (base/tag_set.h); 0: none. */
	_Atomic uint32_t version;
	/* Roles or memberships have changed so often, the last time at or before that position
	 * (router/schema_watch.h); the position is written first. */
	_Atomic uint32_t roles;
	_Atomic uint32_t roles_timeline;
	_Atomic uint64_t roles_lsn;
	/* Loops whose commands are in doubt on the relations that they write to, too. */
	_Atomic unsigned keepers;

	/* To the reader. */
	struct loop *_Atomic reader_loop; /* NULL: there is none */
	struct feed_reader *reader;       /* on its thread only; NULL: there is none */
	struct letter wanted;
	_Atomic bool wanted_posted;

	/* To each desk. */
	struct feed_post {
		struct loop *loop;
		struct feed_desk *desk;
		struct letter letter;
		_Atomic bool posted, waiting;
	} posts[LOOPS_MAX];
	_Atomic unsigned posts_count;
};
