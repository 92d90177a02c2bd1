/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who makes room, where a listener has too little for all. From the caller who holds the most it is
 * taken first, and of theirs the slowest goes:
 *
 *   bodies on their way in   beyond the budget, of the caller with the most bytes the body that
 *                            comes with the least bytes per second; among equals the oldest
 *   places (connections)     when all are taken and one more comes, in this order:
 *
 *     "rest"   who is parting: its time of rest is over already
 *     "share"  of the caller with the most places, if these are at least two more than the
 *              newcomer's caller has: who waits to be let in (accept_queue.h) and has said nothing;
 *              else the connection that has rested longest; else the request that arrives slowest
 *              (a head counts as no bytes); else the reply that its client has not taken for
 *              longest, HTTP_YIELD_REST_US at least; else who waits to be let in
 *     "rest"   whose ever it is, the connection that has rested longest, HTTP_YIELD_REST_US at
 *              least; on an admin listener at once, and last, of the newcomer's caller, who waits
 *              to be let in and has said nothing
 *     "slow"   of a caller who holds no fewer places than the newcomer's: the slowest request that
 *              has been arriving for HTTP_YIELD_ARRIVING_US at least; on an admin listener at once
 *
 * A request that is being worked on never goes. A caller who is alone, or a proxy in front of all,
 * may hold all places: there only "rest" and "slow" are left. The words are the `reason` in
 * cqrsd_http_yielded_total. Of a caller with many connections HTTP_SHARE_SCAN_MAX are looked at
 * for a newcomer, and the next ones for the next.
 */
#pragma once

#include "base/check.h"

#include <stdbool.h>

struct caller;
struct connection;
struct connections;

/* All places are taken; asking: the caller of the newcomer. False: no place becomes free. */
bool share_yield_place(struct connections *connections, struct caller *asking) must_check;
/* The connection whose body is to go; there is one. By connection_yield, reason "body". */
struct connection *share_slowest_body(struct connections *connections) must_check;
