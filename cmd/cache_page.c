/* SPDX-License-Identifier: Apache-2.0 */
/* Shares are of requests for answers that could come from the cache, if none had become too old. */
#include "cmd/cache_page.h"

#include "cmd/admin.h"
#include "cmd/cache_gauges.h"
#include "read/cache/cache.h"

static void cache_page_shares(struct buf *body, struct reuse *reuse)
{
	double shares[REUSE_SIZES];

	buf_literal(body, ",\"hit_share_by_size\":");
	if (!reuse_shares(reuse, REUSE_ALL, shares)) {
		buf_literal(body, "null");
		return;
	}
	for (unsigned i = 0; i < REUSE_SIZES; i++)
		buf_printf(body, "%s\"%s\":%.4f", i ? "," : "{", cache_size_names[i], shares[i]);
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
	cache_page_shares(&reply->body, admin->cache->reuse);
	buf_literal(&reply->body, "}\n");
}
