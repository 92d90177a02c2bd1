/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Has anything changed on the primary by which a statement reads something else, means something
 * else, or may not be run any more? While answers are kept (read/cache/), it is asked each 2 s for
 * a stamp: a sum over the catalogs of PostgreSQL (tables, columns, views, policies, functions,
 * types, rights, roles, memberships, settings of roles). The rows of tables are not in it: what
 * changes them is known otherwise (router/feed_doubts.h, router/feed/).
 *
 *   OFF ──run──► NEW ──a stamp──► ASKING ──what statements read was asked──► PROVING
 *                 ▲                 ▲  ▲                                     │    │
 *                 │                 │  └────────── another stamp ────────────┘    │ the same
 *                 │                 └─────── another stamp ─────── SURE ◄─────────┘
 *                 └── a minute ── BLIND ◄── three errors ── each of these
 *
 * In NEW, ASKING and PROVING all tags are in doubt: nothing is kept, and nothing that is kept is
 * given. PROVING ends where the primary's WAL ended behind the second of two equal stamps, between
 * which what statements read and write was asked for: all tags rise to there. So no answer is given
 * that was made before the change was there to be seen, whichever node made it and however long
 * that took; nor one made by a backend that had not heard of it though it was committed, which is
 * a matter of moments.
 *
 * What a backend has prepared PostgreSQL goes on to run by the row security of before, when a role
 * gets or loses BYPASSRLS or a membership, and a session keeps the settings of its role as they
 * were when it began: such changes are counted in feed_shared.roles, and each loop closes its conns
 * (router_renewal).
 *
 * On the loop's thread; one of them for all loops of a process.
 */
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "base/check.h"
#include "base/loop.h"
#include "base/statement.h"
#include "pg/call.h"
#include "pg/pool.h"
#include "router/feed/feed_env.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SCHEMA_STAMP_MAX 64

enum schema_state {
	SCHEMA_OFF,     /* no answers are kept */
	SCHEMA_NEW,     /* no stamp is known */
	SCHEMA_ASKING,  /* what statements read and write is asked for again */
	SCHEMA_PROVING, /* the stamp is read once more */
	SCHEMA_SURE,
	SCHEMA_BLIND, /* it cannot be read: answers are kept without */
};

struct schema_watch {
	const struct feed_env *env;
	/* What statements read and write is to be asked for: schema_watch_asked is to follow. */
	void (*on_change)(void *arg);
	void *arg;

	/* Its own. */
	enum schema_state state;
	struct loop_timer timer;
	struct call call;
	struct pool *pool; /* while a call is on its way */
	unsigned node, life;
	char stamp[SCHEMA_STAMP_MAX]; /* the last one: its row as JSON */
	size_t stamp_len;
	char roles[SCHEMA_STAMP_MAX]; /* its part that is of roles, memberships and settings */
	uint32_t timeline;            /* on which it was read */
	unsigned errors;              /* one behind the other */
	bool doubts;                  /* all tags are in doubt */
	bool outdated;                /* the call left before PROVING began */
	struct arena arena;
	struct buf out;
};

/* env, on_change and arg are set. */
void schema_watch_init(struct schema_watch *watch);
/* Begins to ask, if it does not. */
void schema_watch_run(struct schema_watch *watch);
void schema_watch_stop(struct schema_watch *watch);
void schema_watch_fini(struct schema_watch *watch);

/* Is on_change to come, so that whatever is asked before is asked in vain? */
bool schema_watch_waits(const struct schema_watch *watch) must_check;
/* What statements read and write was asked for, all of it behind the last on_change. */
void schema_watch_asked(struct schema_watch *watch);

/* SQL: the stamp, of every role. Lives as long as the process. */
struct statement *schema_stamp(void);
