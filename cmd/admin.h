/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The pages of the admin listener. /livez touches nothing; /readyz and /metrics read what the
 * monitor has published. Main thread.
 */
#pragma once

#include "base/metrics.h"
#include "base/snapshot.h"
#include "catalog/catalog.h"
#include "http/http.h"
#include "pg/node.h"
#include "router/sessions.h"
#include "router/topology.h"

struct admin {
	/* Lent by serve. */
	struct node *const *nodes;
	struct snapshot_reader *reader;
	const struct sessions *sessions;
	struct metrics *metrics;                 /* of the main thread */
	struct snapshot_reader *hots[LOOPS_MAX]; /* of what the loops publish of their load */
	unsigned hots_count;
	unsigned operations;
	const _Atomic unsigned *opening; /* loops whose first conns are being made */
	bool draining;
};

/* The routes of the admin listener, with a struct admin as their argument. */
extern const struct admin_page admin_pages[];

/* Can queries be served, commands? From the topology alone. */
bool admin_serves_queries(const struct topology *topology);
