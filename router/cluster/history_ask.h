/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Asks a node's walsender for its timeline and that one's history, beside the status queries,
 * whenever router/cluster/node_history.h wants to know; the answer goes to
 * router/cluster/topology_build.h. Not the same again within HISTORY_ASK_AGAIN_US, and after
 * refusals in a row after a pause that doubles. The monitor's loop.
 */
#pragma once

#include "base/clock.h"
#include "base/loop.h"
#include "router/cluster/cluster.h"

#include <stdint.h>

#define HISTORY_ASK_AGAIN_US (250 * US_PER_MS)

struct timeline_ask;

/* One per node. */
struct history_ask {
	struct loop *loop;
	struct cluster *cluster;
	unsigned index;
	void (*on_answer)(struct history_ask *history_ask); /* the cluster has heard it */
	struct timeline_ask *ask;                           /* under way, or NULL */
	uint32_t of;       /* what was asked for last, as node_history_wanted says it */
	int64_t again_us;  /* the same no sooner */
	unsigned refusals; /* in a row */
};

/* Borrows the loop and the cluster. */
void history_ask_init(struct history_ask *history_ask, struct loop *loop, struct cluster *cluster,
		      unsigned index, void (*on_answer)(struct history_ask *history_ask));
/* After a status query: asks if there is something to ask and nothing under way. */
void history_ask_on_status(struct history_ask *history_ask);
/* What is under way is not answered any more. */
void history_ask_forget(struct history_ask *history_ask);
