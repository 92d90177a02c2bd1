/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Asks for the API keys each KEYS_POLL_US, on the monitor's conns, between its status queries: the
 * primary; where there is none, the replica whose state is known to be the newest. A question that
 * does not end in a moment, since the table is locked, is cancelled by the server. A replica that
 * is behind what is known already tells nothing: a key that was revoked would be good again. The
 * monitor's loop.
 *
 *   KEYS_ACCESS, until the table is there and may be read, and after each error
 *     └► KEYS_ROWS, or KEYS_HEAD where the role may not read it ──► struct key_events
 */
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "base/check.h"
#include "base/loop.h"
#include "base/text.h"
#include "pg/call.h"
#include "pg/pool.h"
#include "router/cluster/cluster.h"
#include "router/cluster/key_rows.h"
#include "router/cluster/key_use.h"

#include <stdint.h>

enum key_table {
	KEY_TABLE_MISSING, /* cqrsd migrate was not run */
	KEY_TABLE_NEVER,   /* no key was ever made */
	KEY_TABLE_IN_USE,
};

/* All on the monitor's thread. */
struct key_events {
	/* A node has answered; its keys are those of as_of_us (monotonic) or later. lines: NULL: as
	 * they were the last time; borrowed for the call. */
	void (*on_keys)(void *arg, enum key_table table, int64_t as_of_us,
			const struct text *lines);
	/* Each KEYS_POLL_US, whatever the nodes do. */
	void (*on_tick)(void *arg, int64_t now_us);
	/* Appends ids that are to be noted as used today, separated by blanks. day: since 1970. */
	void (*take_used)(void *arg, int64_t day, struct buf *ids);
	void *arg;
};

struct key_reader {
	struct loop *loop;
	const struct cluster *cluster;
	struct key_events events;
	/* The pool of that node at this moment; NULL: none */
	struct pool *(*pool_of)(void *arg, unsigned index);
	void *pool_arg;
	struct loop_timer timer;
	struct statement statements[KEY_QUESTIONS];
	struct key_use use;

	/* What is asked. */
	struct pool *asked; /* while it is out; NULL */
	unsigned node;
	enum key_question question;
	int64_t seen_us; /* of a replica: what its state was known to reach up to; 0: not known */
	const char *values[1];
	struct call call;
	struct arena arena;
	struct buf out;

	/* What is known. */
	enum key_access access; /* of this node in this life */
	int access_node;        /* -1: of none */
	unsigned access_life;
	char mark[KEY_MARK_BYTES]; /* of the lines that were handed on; "": none were */
	int64_t changes, as_of_us; /* in the newest keys that were handed on; of when those are */
	int64_t timeout_us;        /* of the next question; doubled where it was too short */
	bool answered;             /* some node has answered */
	const char *complained;    /* what the log has said and is not to repeat */
};

/* Which node is to be asked: its index, or -1: what each of them has is too old, or not known. A
 * pure function. */
int key_reader_source(const struct topology *topology, int64_t now_us) must_check;

/* Begins to ask, unless events are NULL. Borrows all; copies the events. */
void key_reader_init(struct key_reader *reader, struct loop *loop, const struct cluster *cluster,
		     struct metrics *metrics, const struct key_events *events,
		     struct pool *(*pool_of)(void *arg, unsigned index), void *pool_arg);
/* Before the pools are freed. */
void key_reader_fini(struct key_reader *reader);
