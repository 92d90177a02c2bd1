/* SPDX-License-Identifier: Apache-2.0 */
/*
 * When a loop that was started can serve. Before that nobody is let in: what came would be refused
 * for want of a conn that is being made.
 *
 *   looking ──first look over, first conns made──► open
 *      └──3 s──► open, but STARTING is the answer until a node has answered
 *
 * On the loop's thread.
 */
#pragma once

#include "base/loop.h"

#include <stdbool.h>
#include <stdint.h>

struct router;

struct readiness {
	struct loop_timer timer;  /* looks again, until the first look is over */
	int64_t until_us;         /* nobody is kept waiting for longer */
	int64_t serving_since_us; /* the primary and its conns are there; 0: not yet */
	bool closed;              /* on_open was not called yet */
	bool looking;             /* no node has answered, or which is the primary is not known */
	void (*on_open)(void *arg);
	void *arg;
};

void readiness_begin(struct router *router, void (*on_open)(void *arg), void *arg);
void readiness_end(struct router *router);
