/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Connections that the library neither reads on nor ends. An end is seen, not trusted: who was shut
 * down and outlasts the library's next run is given a time-out of the library's, the shortest it
 * has (1 s), which ends a connection in any state. And a library that asks to be called at once,
 * again and again, though nothing comes of it, is called less often, while we look whose bytes it
 * leaves unread: such a request can never arrive.
 *
 * Before 1.0 the library waits for ever where the line of a chunk does not fit its buffer, and does
 * not notice the end of a connection that was resumed while more bytes were there than it could
 * take. 1.0 forgets such a connection, and ends it without a word about its request.
 */
#pragma once

#include "base/check.h"
#include "base/loop.h"

#include <stdbool.h>
#include <stdint.h>

struct connections;
struct MHD_Daemon;

struct watchdog {
	struct connections *connections;
	struct MHD_Daemon *daemon;
	struct loop_timer timer; /* the library's next run, where it need not be at once */
	unsigned calls_seen;     /* connections->calls, after the last run */
	unsigned silent_runs;    /* in a row, after which it asked for another one at once */
	bool restless;           /* it asked for another one after the last run */
	bool check_due;          /* after the next run */
	int64_t checked_us;      /* or when it became restless */
	unsigned check;          /* the number of the last check */
};

/* Lent: both. */
void watchdog_init(struct watchdog *watchdog, struct connections *connections,
		   struct MHD_Daemon *daemon);
void watchdog_fini(struct watchdog *watchdog);

/* Who made no progress between two checks is refused. After the next run, in this turn. */
void watchdog_check_soon(struct watchdog *watchdog);
/* After each run of the library: true: it is to run in the next turn, too. */
bool watchdog_after_run(struct watchdog *watchdog) must_check;
/* Once per turn, when there are connections that were shut down. */
void watchdog_force_out(struct watchdog *watchdog);
