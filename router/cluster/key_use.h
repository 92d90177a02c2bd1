/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Notes on the primary, by day, that API keys were used: cqrsd.api_key.last_used. Seldom: once a
 * day for each key, so it has a pool of its own only while it writes. The monitor's loop.
 */
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "base/check.h"
#include "base/loop.h"
#include "base/metrics.h"
#include "pg/call.h"
#include "pg/pool.h"
#include "router/cluster/cluster.h"

#include <stdbool.h>
#include <stdint.h>

struct key_use {
	struct loop *loop;
	const struct cluster *cluster;
	struct metrics *metrics;
	struct buf ids;    /* to be noted, separated by blanks */
	int64_t due_us;    /* no sooner */
	bool refused;      /* the role may not write it, which the log has said */
	struct pool *pool; /* while it is written; NULL */
	struct statement statement;
	const char *values[1];
	struct call call;
	struct arena arena;
	struct buf out;
};

void key_use_init(struct key_use *use, struct loop *loop, const struct cluster *cluster,
		  struct metrics *metrics);
void key_use_fini(struct key_use *use);
/* May more ids be appended to use->ids? */
bool key_use_is_due(const struct key_use *use, int64_t now_us) must_check;
/* Today, as days since 1970, UTC. */
int64_t key_use_day(void);
/* Writes what was appended, where there is a primary and nothing under way. */
void key_use_send(struct key_use *use);
