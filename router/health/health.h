/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What one loop knows of how a node does: its breaker, with the probe that closes it; the budgets
 * of what may be asked there twice; the queries that are on their way there, and since when nothing
 * has been heard.
 *
 * The monitor and the breakers. The monitor takes a node out of rotation for all loops, by looks on
 * conns of its own: silence, role, timeline, lag. A breaker sees what the monitor's look does not:
 * calls that fail on a node that answers looks. Out of rotation, nothing is sent and a breaker has
 * nothing to say; when the monitor sees the node return, the breaker is closed and the ramp begins.
 * While the monitor sees it up, only the loop's own probe closes an open breaker.
 *
 * A failure is: a conn that was lost with a call on it, no conn within the queue's wait, SQLSTATE
 * 53xxx, 57P01 to 57P03 and 58xxx, and silence: a query is out, and neither this loop nor the
 * monitor has heard of the node for longer than a look takes. Errors of the application, time-outs
 * of statements, conflicts with recovery and waiting for a busy conn are none. Connects that fail
 * while other conns work are none either: a node without room for more conns serves those it has.
 *
 * Only files of router/ include this. One loop, no locks.
 */
#pragma once

#include "base/arena.h"
#include "base/check.h"
#include "base/list.h"
#include "base/loop.h"
#include "pg/call.h"
#include "router/choose.h"
#include "router/health/breaker.h"
#include "router/health/budget.h"

#include <stdbool.h>
#include <stdint.h>

struct router;
struct task;

struct health {
	struct router *router;
	unsigned node;
	struct breaker breaker;
	struct loop_timer pause; /* open: until it half opens; half open: until its probe is late */
	struct call probe;
	struct arena arena;
	bool probing;
	struct budget retries, hedges;
	int64_t trouble_us;     /* when there was some last; see below */
	struct list out;        /* queries on their way there, the oldest first */
	int64_t heard_us;       /* when a call was last answered */
	int64_t asked_us;       /* of the first query that was sent since */
	struct loop_timer tick; /* while one is out: is the node silent? */
};

void health_init(struct router *router, unsigned node);
/* No query may be out there. */
void health_fini(struct router *router, unsigned node);
/* What choose_node is to know of it. */
void health_tell(const struct router *router, unsigned node, struct node_use *use);
/* Until the first breaker of the nodes that may answer lets a request through: of the primary
 * alone, or of it and the replicas in rotation. 0: one of them is closed, or there is no node. */
int64_t health_pause_us(const struct router *router, bool primary_only) must_check;
/* What became of a call there. */
void health_judge(struct router *router, unsigned node, const struct call *call);
/* The monitor sees the node again (slowly), or as another one than before. */
void health_renew(struct router *router, unsigned node, bool slowly);

/* Was a call lost there within the last second, or did it fail so that it is a failure or that
 * another node is asked, as for a conflict with recovery? Then retries are paid evenly. */
bool health_is_in_trouble(const struct health *health, int64_t now_us) must_check;
/* Has nothing been heard of the node since then, by this loop or the monitor? */
bool health_silent_since(const struct router *router, unsigned node, int64_t us) must_check;

/* The task's query has been submitted there, or is there no more (nothing to do where it is not).
 * While it is out and the node is silent, query_leave is asked to place it elsewhere. */
void health_sent(struct router *router, unsigned node, struct task *task);
void health_back(struct task *task);
