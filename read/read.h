/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The path of a query: to a node that shows what it must see, and back with the rows. The states
 * are drawn in read/state.h. One reads per loop, on the loop's thread.
 */
#pragma once

#include "base/check.h"
#include "base/request.h"
#include "read/state.h"

struct cache;

/* Borrows the router and the cache until reads_fini. cache NULL: no answers are kept. */
void reads_init(struct reads *reads, struct router *router, struct cache *cache);
/* No query may be on its way. */
void reads_fini(struct reads *reads);
/* Takes the request, which is a query, until its on_done. */
void read_take(struct reads *reads, struct request *request);
/*
 * Takes it as one of our own that fills the cache: with these values, which stay until it ends, of
 * no user, behind all others, at a replica, or the only node. No right is asked, and nothing is
 * counted as a client's.
 */
void read_take_again(struct reads *reads, struct request *request, const char *const *values);
/* The node that a query waits for, or whose answer is on its way; NULL: none. */
const struct node *read_node(struct request *request) must_check;
/* Names and order of enum read_state. */
extern const struct request_path read_path;
