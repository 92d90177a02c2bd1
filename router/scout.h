/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Connects to a node anew, beside the conn that is well, to see where its name leads by now: names
 * are looked up, and balancers choose, when a conn is made and never again. One look on a conn of
 * its own, which the owner may keep. One loop, no locks.
 */
#pragma once

#include "base/buf.h"
#include "base/check.h"
#include "base/loop.h"
#include "base/metrics.h"
#include "pg/pool.h"
#include "router/poll.h"

#include <stdbool.h>
#include <stdint.h>

struct scout {
	struct pool *pool; /* while it is out; NULL */
	void (*on_told)(struct scout *scout, const struct look *look);
	int64_t begun_us;
	struct call call;
	struct arena arena;
	struct buf out;
};

/* on_told: once for each scout_begin; look NULL: there was no answer. Inside it scout_keep may be
 * called, else the conn is closed behind it. */
void scout_init(struct scout *scout, void (*on_told)(struct scout *scout, const struct look *look));
/* Not while one is out. statement: poll_look, described; borrows all of it while it is out. */
void scout_begin(struct scout *scout, struct loop *loop, const struct node *node,
		 struct metrics *metrics, const struct pool_settings *settings,
		 struct statement *statement);
/* The pool whose conn was looked at; the caller's from now on. */
struct pool *scout_keep(struct scout *scout) must_check;
/* Calls it back if it is out. */
void scout_fini(struct scout *scout);
