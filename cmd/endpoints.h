/* SPDX-License-Identifier: Apache-2.0 */
/* Where serve can be reached: each --listen with its --peer, and --admin-listen. Main thread. */
#pragma once

#include "base/check.h"
#include "base/options.h"
#include "http/auth/peers.h"
#include "http/endpoint.h"

#include <stdbool.h>

struct endpoints {
	struct endpoint api[LISTENS_MAX];
	unsigned api_count;
	struct endpoint admin;
	struct peers peers; /* who may come over the Unix sockets */
};

/* Does one of --listen name an address that others can reach? */
bool endpoints_reach_beyond(const struct options *options) must_check;
/* Can --host and --cors-origin be equal to what a browser sends? False: likewise. */
bool endpoints_check_browsers(const struct options *options) must_check;
/* Can the options be meant? False: stderr says what not. Asks the nodes for API keys where it
 * hangs on them. */
bool endpoints_check(const struct options *options) must_check;
/* Of --peer. False: stderr says what is wrong. */
bool endpoints_read_peers(struct endpoints *endpoints, const struct options *options) must_check;
/* False: stderr says why; endpoints_close all the same. */
bool endpoints_open(struct endpoints *endpoints, const struct options *options) must_check;
/* To the log. */
void endpoints_announce(const struct endpoints *endpoints);
/* Who comes to the API from now on finds the next instance, or none. */
void endpoints_leave_api(struct endpoints *endpoints);
/* Likewise, of all. */
void endpoints_close(struct endpoints *endpoints);
