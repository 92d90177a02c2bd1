/* SPDX-License-Identifier: Apache-2.0 */
/* What those who read the feed stand on. */
#pragma once

#include "base/loop.h"
#include "base/metrics.h"
#include "pg/node.h"
#include "pg/pool.h"
#include "router/cluster/topology.h"
#include "router/feed/feed_shared.h"

#include <stdbool.h>
#include <stdint.h>

/* Borrowed. */
struct feed_env {
	struct loop *loop;
	const struct topology *topology;
	struct node *const *nodes; /* as in the topology; only where it is decoded */
	struct metrics *metrics;
	struct feed_shared *shared;
	int64_t pause_us; /* between questions while no request waits */
	bool decoded;     /* what was written is decoded by the primary, not read from a table */
	struct pool *(*pool_of)(void *arg, unsigned node);
	void (*refresh)(void *arg); /* the topology; may run requests */
	/* Is the shape the one that the sets were made by? Called for each answer. */
	void (*on_shape)(void *arg, bool as_found);
	void *arg;
};
