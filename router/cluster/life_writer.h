/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Adds the life of a node to its log (router/cluster/lives.h), on a conn of its own that lasts as
 * long as that: the monitor's other conns only read. The monitor's loop.
 */
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "base/loop.h"
#include "base/statement.h"
#include "pg/call.h"
#include "pg/pool.h"

struct life_writer {
	struct pool *pool; /* NULL: nothing is being written */
	struct statement statement;
	struct call call;
	struct arena arena;
	struct buf out;
	/* It stands, or was refused, or there was no answer within the time-outs of the pool. */
	void (*on_end)(struct life_writer *writer, const struct call *call);
};

void life_writer_init(struct life_writer *writer,
		      void (*on_end)(struct life_writer *writer, const struct call *call));
/* Not while one is being written. Borrows all until then. */
void life_writer_begin(struct life_writer *writer, struct loop *loop, const struct node *node,
		       struct metrics *metrics, const struct pool_settings *settings);
/* Gives up what is being written; on_end is not called. */
void life_writer_forget(struct life_writer *writer);
void life_writer_fini(struct life_writer *writer);
