/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Answers that are kept, for all loops of a process: the store, and who is on the way to a node for
 * one that it does not hold. Made before the loops, freed behind them.
 */
#pragma once

#include "base/check.h"
#include "read/cache/flights.h"
#include "read/cache/misses.h"
#include "read/cache/operations.h"
#include "read/cache/reuse.h"
#include "read/cache/store.h"

#include <stddef.h>

struct cache {
	struct cache_store *store;
	struct cache_flights *flights;
	struct reuse *reuse; /* what another size would bring */
	struct cache_operations operations;
	struct cache_misses misses;
};

/* bytes: of all that is kept, with what keeps it. */
void cache_init(struct cache *cache, size_t bytes);
void cache_fini(struct cache *cache);
