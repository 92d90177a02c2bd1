/* SPDX-License-Identifier: Apache-2.0 */
/* Asked for when metrics are read. */
#include "cmd/cache_gauges.h"

const char *const cache_size_names[REUSE_SIZES] = {
	[REUSE_QUARTER] = "0.25", [REUSE_HALF] = "0.5",   [REUSE_SAME] = "1",
	[REUSE_DOUBLE] = "2",     [REUSE_FOURFOLD] = "4",
};

static void cache_gauges_of(const struct cache *cache, uint32_t number, struct metrics *metrics)
{
	const char *name = cache->operations.names[number];
	struct cache_operation_counts counts;
	double shares[REUSE_SIZES];

	cache_store_operation(cache->store, number, &counts);
	metric_set(metrics, METRIC_cache_operation_bytes, METRIC_LABELS(name),
		   (double)counts.bytes);
	metric_set(metrics, METRIC_cache_operation_entries, METRIC_LABELS(name),
		   (double)counts.entries);
	metric_set(metrics, METRIC_cache_operation_evicted, METRIC_LABELS(name),
		   (double)counts.evicted);
	if (!reuse_shares(cache->reuse, number, shares))
		return;
	for (unsigned i = 0; i < REUSE_SIZES; i++)
		metric_set(metrics, METRIC_cache_operation_hit_share_by_size,
			   METRIC_LABELS(name, cache_size_names[i]), shares[i]);
}

/* "other" only where there is one. */
static void cache_gauges_by_operation(const struct cache *cache, struct metrics *metrics)
{
	uint32_t count = cache->operations.count;

	for (uint32_t i = count < CACHE_OPERATIONS_MAX ? 1 : 0; i < count; i++)
		cache_gauges_of(cache, i, metrics);
}

void cache_gauges(const struct cache *cache, struct metrics *metrics)
{
	double shares[REUSE_SIZES];
	struct cache_counts counts;

	if (!cache)
		return;
	cache_store_counts(cache->store, &counts);
	metric_set(metrics, METRIC_cache_bytes, NULL, (double)counts.bytes_used);
	metric_set(metrics, METRIC_cache_entries, NULL, (double)counts.entries);
	metric_set(metrics, METRIC_cache_evicted, NULL,
		   (double)(counts.evicted_small + counts.evicted_main));
	cache_gauges_by_operation(cache, metrics);
	if (!reuse_shares(cache->reuse, REUSE_ALL, shares))
		return;
	for (unsigned i = 0; i < REUSE_SIZES; i++)
		metric_set(metrics, METRIC_cache_hit_share_by_size,
			   METRIC_LABELS(cache_size_names[i]), shares[i]);
}
