/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the pages of the admin listener (cmd/admin_pages.h) read, and three of them: /livez touches
 * nothing; /readyz and /metrics read what the monitor has published. Main thread.
 */
#pragma once

#include "base/metrics.h"
#include "base/snapshot.h"
#include "catalog/catalog.h"
#include "cmd/admin_token.h"
#include "http/http.h"
#include "pg/node.h"
#include "read/cache/cache.h"
#include "router/cluster/topology.h"
#include "router/consistency/sessions.h"

struct jobs_desk;
struct serve_keys;

struct admin {
	/* Lent by serve. */
	struct node *const *nodes;
	struct snapshot_reader *reader;
	const struct sessions *sessions;
	struct cache *cache; /* NULL: no answers are kept */
	const struct serve_keys *keys;
	struct metrics *metrics; /* of the main thread */
	/* of what the loops publish of their load */
	struct snapshot_reader *hitters[LOOPS_MAX];
	struct snapshot_reader *in_flight[LOOPS_MAX]; /* and of their requests */
	unsigned loops_count;                         /* of both */
	unsigned operations;
	struct jobs_desk *jobs;
	struct catalog *const *catalog; /* of now */
	struct admin_tokens tokens;
	const _Atomic unsigned *readiness; /* loops whose first conns are being made */
	bool draining;
	bool shares_sessions; /* --sessions cluster */
};

/* arg: a struct admin. */
void admin_livez(struct admin_reply *reply, void *arg);
void admin_readyz(struct admin_reply *reply, void *arg);
void admin_metrics(struct admin_reply *reply, void *arg);

/* What the monitor has published last; without nodes where that is nothing. */
void admin_read(const struct admin *admin, struct topology *topology);
/* Can queries be served, commands? From the topology alone. */
bool admin_serves_queries(const struct topology *topology);
