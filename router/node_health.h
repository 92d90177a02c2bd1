/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a router and the health of its nodes (router/health/) tell each other: how calls ended, what
 * the choice of a node is to know, how long a client is to stay away. On the loop's thread.
 */
#pragma once

#include "base/check.h"
#include "pg/call.h"
#include "router/choose.h"

#include <stdbool.h>
#include <stdint.h>

struct router;
struct task;

/* What became of a call there: reported to its health. */
void node_health_judge(struct router *router, unsigned node, const struct call *call);
/* What choose_node is to know of it. */
void node_health_describe(const struct router *router, unsigned node, struct node_use *use);
/* Until the first breaker of the nodes that may answer lets a request through: of the primary
 * alone, or of it and the replicas in rotation. 0: one of them is closed, or there is no node. */
int64_t node_health_pause_us(const struct router *router, bool primary_only) must_check;
/* How long a node may be silent while that query is out. CLOCK_NEVER: of a statement of which
 * nothing is known, only the monitor can say; its word ends the call. */
int64_t node_health_patience_us(const struct task *task) must_check;
