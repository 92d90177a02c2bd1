/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the monitor's thread keeps: of itself, and of each node. For router/cluster/monitor.c and
 * router/cluster/watched_lives.c only.
 */
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "base/loop.h"
#include "base/metrics.h"
#include "base/options.h"
#include "base/statement.h"
#include "pg/call.h"
#include "pg/pool.h"
#include "router/cluster/cluster.h"
#include "router/cluster/history_ask.h"
#include "router/cluster/key_reader.h"
#include "router/cluster/life_writer.h"
#include "router/cluster/name_check.h"
#include "router/cluster/node_status.h"
#include "router/cluster/publication.h"
#include "router/cluster/questions.h"
#include "router/cluster/silence.h"
#include "router/cluster/wal_flush.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* One node being watched. */
struct watched {
	struct monitor *monitor;
	unsigned index;
	struct pool *pool;
	struct loop_timer timer; /* while asked: its patience; otherwise: when to ask */
	bool asked;
	bool poll_now; /* the next status query need not wait for its turn */
	int64_t asked_us;
	struct silence silence;
	enum question question;   /* being asked, or next */
	unsigned identified_life; /* of the view, when it was asked for its identity; 0: never */
	int64_t identified_us;    /* the start of the server that told it; 0: nothing told */
	char server[NODE_STATUS_SERVER_BYTES]; /* the address that it told; "": none yet */
	bool schema;                           /* it has the table of the token key */
	int64_t key_again_us;                  /* no sooner */
	struct wal_flush wal_flush;
	enum wal_flush_advice advice; /* what comes of the last status */
	bool refused[QUESTIONS];      /* answered with an error, and said so */
	struct history_ask history;
	int64_t standbys_us;   /* no sooner is it asked again for its standbys, behind a status */
	int64_t lives_us;      /* no sooner is it asked again for the lives of its log */
	int64_t lives_late_us; /* since when a primary has not told them; 0: nothing is late */
	struct life_writer life_writer;
	struct name_check name_check;
	unsigned strays; /* of reach, when the name was followed last */
	struct call call;
	struct arena arena;
	struct buf out;
};

struct monitor {
	struct loop *loop;
	pthread_t thread;
	struct metrics *metrics;
	int64_t poll_us, patience_us, resolve_us;

	struct letter poll_now;
	atomic_bool polling_now; /* the letter is on its way */
	_Atomic(const struct options *)
		options; /* the newest; taken over before the next status query */
	const struct options *options_used;

	struct cluster cluster;
	struct publication publication;
	struct key_reader keys;
	struct statement statements[QUESTIONS];
	unsigned count;
	struct watched nodes[NODES_MAX];
};
