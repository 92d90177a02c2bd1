/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Asks a node for its timeline and that timeline's history, once, on a connection of its own. The
 * history is asked of cqrsd.timeline_history, where the role may execute that function; else of a
 * walsender, for which the role needs the REPLICATION attribute (PostgreSQL documentation,
 * "Streaming Replication Protocol": IDENTIFY_SYSTEM and TIMELINE_HISTORY), as for the timeline.
 * pg_hba.conf is asked for the database, as for any connection with replication=database. Only the
 * simple protocol works there, so this is no conn of a pool. One loop, no locks.
 */
#pragma once

#include "base/check.h"
#include "base/loop.h"
#include "base/text.h"
#include "pg/node.h"

#include <stdbool.h>
#include <stdint.h>

struct timeline_ask;

struct timeline_answer {
	const char *refusal; /* NULL: told; else why not, borrowed while on_answer runs */
	uint32_t timeline; /* the one asked for, or where the node is; a standby: what it replays */
	struct text history; /* the file's content, borrowed likewise; empty on timeline 1 */
};

/*
 * timeline: whose history; 0: of the one the node is on. on_answer is called once on the loop's
 * thread, never from inside, at the latest after timeout_us; the ask is gone then. Borrows the
 * node.
 */
struct timeline_ask *
timeline_ask(struct loop *loop, const struct node *node, uint32_t timeline, int64_t timeout_us,
	     void (*on_answer)(void *owner, const struct timeline_answer *answer),
	     void *owner) must_check;
/* on_answer will not be called. Nothing to do for NULL. */
void timeline_ask_forget(struct timeline_ask *ask);
