/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Connects to a node anew, beside the conn that is well, to see where its name leads by now: names
 * are looked up, and balancers choose, when a conn is made and never again. One status query on a
 * conn of its own, which the owner may keep. One loop, no locks.
 */
#pragma once

#include "base/buf.h"
#include "base/check.h"
#include "base/loop.h"
#include "base/metrics.h"
#include "pg/pool.h"
#include "router/cluster/node_status.h"

#include <stdbool.h>
#include <stdint.h>

struct name_check {
	struct pool *pool; /* while it is out; NULL */
	void (*on_answer)(struct name_check *name_check, const struct node_status *status);
	int64_t begun_us;
	struct call call;
	struct arena arena;
	struct buf out;
};

/* on_answer: once for each name_check_begin; status NULL: there was no answer. Inside it
 * name_check_keep may be called, else the conn is closed behind it. */
void name_check_init(struct name_check *name_check,
		     void (*on_answer)(struct name_check *name_check,
				       const struct node_status *status));
/* Not while one is out. statement: node_status_query, described. Borrows all while it is out. */
void name_check_begin(struct name_check *name_check, struct loop *loop, const struct node *node,
		      struct metrics *metrics, const struct pool_settings *settings,
		      struct statement *statement);
/* The pool whose conn was looked at; the caller's from now on. */
struct pool *name_check_keep(struct name_check *name_check) must_check;
/* Calls it back if it is out. */
void name_check_fini(struct name_check *name_check);
