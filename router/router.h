/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Takes requests through: admit, find the required position, choose the node, wait or spill,
 * answer. One router per loop, on the loop's thread; what is shared between loops is lent to it.
 *
 *   query:    admit ─► describe ─► bind ─► place ─► answer        place may park or go elsewhere
 *   command:  admit ─► describe ─► bind ─► place ─► await ─► acknowledge
 *             the session entry is made before the reply, which may wait for replicas
 */
#pragma once

#include "base/check.h"
#include "base/loop.h"
#include "base/metrics.h"
#include "base/options.h"
#include "base/request.h"
#include "base/snapshot.h"
#include "catalog/catalog.h"
#include "pg/node.h"
#include "router/cluster/monitor.h"
#include "router/consistency/high_water.h"
#include "router/consistency/sessions.h"
#include "router/ratelimit.h"

/* Lent to every router until it is freed. */
struct router_shared {
	struct node *const *nodes; /* [nodes_count], as in the topology */
	unsigned nodes_count;
	const struct options *options;
	struct snapshot *topology;
	struct sessions *sessions;
	struct high_water *high_water;
	struct monitor *monitor;
	struct ratelimit *ratelimit; /* NULL: no rate limits */
};

struct router;

/* Holds the catalog. conns: of this loop to each node. */
struct router *router_new(struct loop *loop, const struct router_shared *shared, unsigned conns,
			  struct catalog *catalog, struct metrics *metrics) must_check;
/*
 * Before the loop runs: calls on_open once, on the loop's thread, as soon as requests can leave at
 * once: the nodes were looked at and their first conns are made. A node that does not answer is
 * waited for no longer than half a second where the primary does, and nothing longer than 3 s; what
 * is taken before a node has answered fails as OUTCOME_STARTING. Without this call a router is open
 * from the beginning.
 */
void router_open_then(struct router *router, void (*on_open)(void *arg), void *arg);
bool router_is_open(const struct router *router) must_check;
/* No request may be on its way. */
void router_free(struct router *router);

/* This loop deletes expired idempotency keys: one of a process. */
void router_sweep(struct router *router);

/* Publishes there who makes the load of this loop: a struct heavy_hitters
 * (router/heavy_hitters.h), now and then. */
void router_publish_heavy_hitters(struct router *router, struct snapshot *snapshot);

/* As listener_handlers.on_request: takes the request until its on_done. */
void router_take(struct request *request, void *router);
/* Holds the new catalog; requests under way finish with the old one. */
void router_set_catalog(struct router *router, struct catalog *catalog);
/* Borrows the options from now on; what sized pools and sessions stays as it was. */
void router_set_options(struct router *router, const struct options *options);
/* The service ends: whoever waits for more than an answer is answered. Requests under way go on. */
void router_drain(struct router *router);
/* The monitor has published something worth a look; otherwise it is seen with the next request. */
void router_look(struct router *router);
