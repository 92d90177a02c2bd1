/* SPDX-License-Identifier: Apache-2.0 */
/*
 * @refreshes of a command: behind its commit the queries that it names are asked at or after its
 * position, so that the cache has their answers (read/cached.h) before a client asks.
 *
 *   command ── done ─┬──────────────────────────────────► reply
 *                    └─► queries ─┬─ those with wait ────► reply, REFRESHES_WAIT_US later at most
 *                                 └─ the others
 *
 * They are requests of their own, of the least urgency, and beside replicas none goes to the
 * primary; REFRESHES_MAX of a loop are out at once. Whatever becomes of them, the command is done.
 * On the loop's thread.
 */
#pragma once

#include "base/list.h"
#include "base/loop.h"
#include "base/request.h"

#include <stdbool.h>

struct reads;
struct router;

struct refreshes {
	struct router *router;
	struct reads *reads;
	struct list out;   /* struct refill */
	struct list ended; /* struct request */
	unsigned count;    /* of out */
	bool draining;
	struct loop_timer burial; /* of those that have ended */
};

void refreshes_init(struct refreshes *refreshes, struct router *router, struct reads *reads);
/* The loop has ended. */
void refreshes_fini(struct refreshes *refreshes);
/* Before a command goes its way: what it refreshes will follow. */
void refreshes_expect(struct refreshes *refreshes, struct request *request);
/* Those that are out are given up, and there are no more. */
void refreshes_drain(struct refreshes *refreshes);
