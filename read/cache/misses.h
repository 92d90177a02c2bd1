/* SPDX-License-Identifier: Apache-2.0 */
/* Queries of clients with @cache that went to a node, over all loops. Sums, read by any thread. */
#pragma once

#include <stdatomic.h>
#include <stdint.h>

struct misses_sum {
	uint64_t queries, us; /* us: what they are expected to take in the server */
};

struct cache_misses {
	_Atomic uint64_t queries, us;
};

static inline void cache_misses_add(struct cache_misses *misses, uint64_t us)
{
	atomic_fetch_add_explicit(&misses->queries, 1, memory_order_relaxed);
	atomic_fetch_add_explicit(&misses->us, us, memory_order_relaxed);
}

static inline struct misses_sum cache_misses_sum(const struct cache_misses *misses)
{
	return (struct misses_sum){
		.queries = atomic_load_explicit(&misses->queries, memory_order_relaxed),
		.us = atomic_load_explicit(&misses->us, memory_order_relaxed),
	};
}
