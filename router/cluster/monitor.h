/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One thread that asks every node for its status on a conn of its own, each --lag-poll-ms, and
 * publishes the topology. Strikes and recoveries decide who is in rotation. It also learns the
 * token key and the cluster's system identifier.
 */
#pragma once

#include "base/check.h"
#include "base/loop.h"
#include "base/options.h"
#include "base/snapshot.h"
#include "pg/node.h"
#include "router/cluster/key_reader.h"
#include "router/cluster/topology.h"

struct monitor;

/* Borrows all of it but the events until monitor_stop; starts the thread, which calls the events:
 * on_promoted before a primary is published, on_change after a publication that changed more than
 * positions (role, rotation, key, life). keys: NULL: API keys are not read. */
struct monitor *monitor_start(struct node *const *nodes, unsigned count,
			      const struct options *options, struct snapshot *topology,
			      const struct topology_events *events,
			      const struct key_events *keys) must_check;
/* Any thread, wait-free: fresh positions are needed. Asks at once, at most each millisecond. */
void monitor_poll_now(struct monitor *monitor);
/* Any thread: keeps to the lag limits of these options, which are borrowed until monitor_stop. */
void monitor_set_options(struct monitor *monitor, const struct options *options);
/* Ends and joins the thread. */
void monitor_stop(struct monitor *monitor);
