/* SPDX-License-Identifier: Apache-2.0 */
/*
 * When a loop that was started can serve. Before that no connection is accepted: what came would be
 * refused for want of a conn that is being made.
 *
 *   looking ──status known, first conns made──► open
 *      └──3 s──► open, but STARTING is the answer until a node has answered
 *
 * On the loop's thread.
 */
#pragma once

#include "base/loop.h"

#include <stdbool.h>
#include <stdint.h>

struct topology;

/* What is asked of its owner; lent until readiness_end. */
struct readiness_env {
	struct loop *loop;
	const struct topology *topology;          /* the loop's copy */
	void (*refresh)(void *arg);               /* brings that copy up to date */
	bool (*opened)(void *arg, unsigned node); /* are its first conns made? */
	void *arg;
};

struct readiness {
	const struct readiness_env *env;
	struct loop_timer timer;  /* looks again, until the first status is known */
	int64_t until_us;         /* no connection waits longer */
	int64_t serving_since_us; /* the primary and its conns are there; 0: not yet */
	bool closed;              /* on_open was not called yet */
	bool looking;             /* no node has answered, or which is the primary is not known */
	void (*on_open)(void *arg);
	void *arg;
};

void readiness_begin(struct readiness *readiness, const struct readiness_env *env,
		     void (*on_open)(void *arg), void *arg);
/* Nothing to do for one that was not begun. */
void readiness_end(struct readiness *readiness);
