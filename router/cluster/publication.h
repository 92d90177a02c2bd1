/* SPDX-License-Identifier: Apache-2.0 */
/*
 * When the topology is published: at the end of a turn that brought news, at most once each
 * PUBLICATION_US. The monitor's loop.
 */
#pragma once

#include "base/clock.h"
#include "base/loop.h"
#include "base/snapshot.h"
#include "router/cluster/cluster.h"

#include <stdbool.h>
#include <stdint.h>

#define PUBLICATION_US US_PER_MS

struct publication {
	struct loop *loop;
	struct cluster *cluster;
	struct snapshot *snapshot;
	struct topology published;
	int64_t published_us;
	bool news; /* something was learned since */
	struct loop_hook hook;
	struct loop_timer due;
};

/* Borrows all of it until publication_fini, which runs on the loop's thread. */
void publication_init(struct publication *publication, struct loop *loop, struct cluster *cluster,
		      struct snapshot *snapshot);
void publication_fini(struct publication *publication);
/* Something was learned in this turn: the cluster's topology is published, then events.on_change
 * is called if it differs in more than positions. */
void publication_has_news(struct publication *publication);
