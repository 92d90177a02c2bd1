/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One thread that serves requests: a loop with its listener, its router and its counters. The main
 * thread makes it, talks to it by letters, and joins it.
 */
#pragma once

#include "base/check.h"
#include "base/loop.h"
#include "base/options.h"
#include "catalog/catalog.h"
#include "router/router.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct auth_settings;
struct worker;
struct audit_queue;
struct endpoints;

struct cache;
struct documents;
struct warm_events;
struct warm_list;

/* What it needs besides the options. */
struct worker_http {
	struct endpoints *endpoints;      /* borrowed */
	struct audit_queue *audit;        /* of its own; NULL: there is no audit log */
	const struct auth_settings *auth; /* borrowed for the call; NULL: all clients are served */
	struct cache *cache;              /* borrowed; NULL: no answers are kept */
	struct documents *documents;      /* borrowed */
	/* Of the worker that asks again what was kept; borrowed for the call; NULL: of others. */
	const struct warm_events *warm;
};

/* Both on the worker's thread. */
struct worker_events {
	void (*on_open)(void *arg); /* it serves; not where it is drained before */
	void (*on_end)(void *arg);  /* last of all */
	void *arg;
};

/*
 * Makes the listener and starts the thread. conns: of this worker to each node. Connections wait in
 * the backlog until the router is open. NULL: error says why.
 */
struct worker *worker_start(unsigned number, const struct router_shared *shared, unsigned conns,
			    const struct worker_http *http, struct catalog *catalog,
			    const struct worker_events *events, char *error,
			    size_t error_room) must_check;
/* Where it publishes who makes its load: a struct heavy_hitters. Until worker_free. */
struct snapshot *worker_heavy_hitters(const struct worker *worker);
/* What is in flight on its loop: a struct in_flight (cmd/in_flight.h), until worker_free. */
struct snapshot *worker_in_flight(const struct worker *worker);
/* Main thread: the worker will hold the new catalog instead of its own, and keep to new limits. */
void worker_reload(struct worker *worker, struct catalog *catalog, const struct options *options);
/* Any thread: the topology changed. Letters that are on their way already are not doubled. */
void worker_refresh(struct worker *worker);
/*
 * Main thread: answers what was accepted, then ends. Who waits since before the router was open is
 * answered once it is.
 */
void worker_drain(struct worker *worker);
/* Any thread, until worker_drain: takes keys that are asked again (read/warm.h). */
void worker_ask_again(struct worker *worker, struct warm_list *list);
/* Any thread: does it still ask them? */
bool worker_asks_again(const struct worker *worker) must_check;
/* After on_end: joins the thread. The loop stays: dials may still come back to it. */
void worker_join(struct worker *worker);
/* After the nodes are freed. */
void worker_free(struct worker *worker);
