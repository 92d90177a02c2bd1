/* SPDX-License-Identifier: Apache-2.0 */
/* Seeds are secrets: no client can choose keys that meet. */
#include "read/cache/cache.h"

#include "base/random.h"

void cache_init(struct cache *cache, size_t bytes)
{
	struct cache_counts counts;
	uint64_t seeds[2];

	random_bytes(seeds, sizeof(seeds));
	cache->store = cache_store_new(bytes, seeds[0]);
	cache->flights = cache_flights_new(seeds[1]);
	cache_store_counts(cache->store, &counts);
	cache->reuse = reuse_new(counts.bytes_max, CACHE_OPERATIONS_MAX);
	cache_operations_init(&cache->operations);
	cache->misses = (struct cache_misses){ 0 };
}

void cache_fini(struct cache *cache)
{
	reuse_free(cache->reuse);
	cache_store_free(cache->store);
	cache_flights_free(cache->flights);
	cache_operations_fini(&cache->operations);
}
