/* SPDX-License-Identifier: Apache-2.0 */
/* Shares are of requests for answers that could come from the cache, if none had become too old. */
#include "cmd/cache_page.h"

#include "cmd/admin.h"
#include "cmd/cache_gauges.h"
#include "read/cache/cache.h"

#include <string.h>

static void cache_page_shares(struct buf *body, struct reuse *reuse, uint32_t operation)
{
	double shares[REUSE_SIZES];

	buf_literal(body, ",\"hit_share_by_size\":");
	if (!reuse_shares(reuse, operation, shares)) {
		buf_literal(body, "null");
		return;
	}
	for (unsigned i = 0; i < REUSE_SIZES; i++)
		buf_printf(body, "%s\"%s\":%.4f", i ? "," : "{", cache_size_names[i], shares[i]);
	buf_byte(body, '}');
}

static void cache_page_requests(struct buf *body, const char *name)
{
	static const char *const results[] = { "hit",     "stale",   "miss",     "revalidated",
					       "expired", "touched", "in-doubt", "behind",
					       "lags",    "asked",   "bypassed", "followed" };

	buf_literal(body, ",\"requests\":{");
	for (size_t i = 0; i < sizeof(results) / sizeof(results[0]); i++)
		buf_printf(body, "%s\"%s\":%llu", i ? "," : "", results[i],
			   (unsigned long long)metrics_sum_of(METRIC_cache_requests_total,
							      METRIC_LABELS(name, results[i])));
	buf_byte(body, '}');
}

static void cache_page_operation(struct buf *body, const struct cache *cache, uint32_t number)
{
	const char *name = cache->operations.names[number];
	struct cache_operation_counts counts;

	cache_store_operation(cache->store, number, &counts);
	buf_json_string(body, name, strlen(name));
	buf_printf(body, ":{\"bytes\":%llu,\"entries\":%llu,\"evicted\":%llu",
		   (unsigned long long)counts.bytes, (unsigned long long)counts.entries,
		   (unsigned long long)counts.evicted);
	cache_page_requests(body, name);
	cache_page_shares(body, cache->reuse, number);
	buf_byte(body, '}');
}

/* "other", of those beyond CACHE_OPERATIONS_MAX, only where there may be such. */
static void cache_page_operations(struct buf *body, const struct cache *cache)
{
	uint32_t count = cache->operations.count, first = count < CACHE_OPERATIONS_MAX ? 1 : 0;

	buf_literal(body, ",\"operations\":{");
	for (uint32_t i = first; i < count; i++) {
		if (i > first)
			buf_byte(body, ',');
		cache_page_operation(body, cache, i);
	}
	buf_byte(body, '}');
}

void cache_page(struct admin_reply *reply, void *arg)
{
	const struct admin *admin = arg;
	struct cache_counts counts;

	reply->status = 200;
	reply->content_type = "application/json";
	if (!admin->cache) {
		buf_literal(&reply->body, "{\"bytes_max\":0}\n");
		return;
	}
	cache_store_counts(admin->cache->store, &counts);
	buf_printf(&reply->body,
		   "{\"bytes_max\":%llu,\"bytes\":%llu,\"entries\":%llu,\"inserted\":%llu"
		   ",\"replaced\":%llu,\"evicted_unused\":%llu,\"evicted_used\":%llu"
		   ",\"evicted_too_early\":%llu,\"without_room\":%llu",
		   (unsigned long long)counts.bytes_max, (unsigned long long)counts.bytes_used,
		   (unsigned long long)counts.entries, (unsigned long long)counts.inserted,
		   (unsigned long long)counts.replaced, (unsigned long long)counts.evicted_small,
		   (unsigned long long)counts.evicted_main, (unsigned long long)counts.ghosts_hit,
		   (unsigned long long)counts.no_room);
	cache_page_shares(&reply->body, admin->cache->reuse, REUSE_ALL);
	cache_page_operations(&reply->body, admin->cache);
	buf_literal(&reply->body, "}\n");
}
