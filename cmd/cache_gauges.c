/* SPDX-License-Identifier: Apache-2.0 */
/* Asked for when metrics are read. */
#include "cmd/cache_gauges.h"

const char *const cache_size_names[REUSE_SIZES] = {
	[REUSE_QUARTER] = "0.25", [REUSE_HALF] = "0.5",   [REUSE_SAME] = "1",
	[REUSE_DOUBLE] = "2",     [REUSE_FOURFOLD] = "4",
};

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
	if (!reuse_shares(cache->reuse, REUSE_ALL, shares))
		return;
	for (unsigned i = 0; i < REUSE_SIZES; i++)
		metric_set(metrics, METRIC_cache_hit_share_by_size,
			   METRIC_LABELS(cache_size_names[i]), shares[i]);
}
