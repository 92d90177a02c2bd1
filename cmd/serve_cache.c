/* SPDX-License-Identifier: Apache-2.0 */
/* It is there whether or not the catalog of now has a use for it: the next one may have. */
#include "cmd/serve_cache.h"

#include "base/limits.h"
#include "base/log.h"
#include "router/feed_reads.h"
#include "router/requirement.h"

#include <stdio.h>
#include <stdlib.h>

bool serve_cache_check(const struct options *options)
{
	if (!options->cache_bytes || options->cache_bytes >= CACHE_BYTES_MIN)
		return true;
	fprintf(stderr, "cqrsd serve: --cache-bytes: at least %d, or 0: no answers are kept\n",
		CACHE_BYTES_MIN);
	return false;
}

struct cache *serve_cache_start(const struct options *options)
{
	struct cache *cache;

	if (!options->cache_bytes)
		return NULL;
	cache = calloc(1, sizeof(*cache));
	if (!cache)
		log_fatal("cache", "out of memory");
	cache_init(cache, (size_t)options->cache_bytes);
	return cache;
}

static uint32_t serve_cache_number_of(void *arg, const char *name)
{
	return cache_operations_number(arg, name);
}

void serve_cache_number(struct cache *cache, struct catalog *catalog)
{
	if (cache)
		catalog_set_cache_numbers(catalog, serve_cache_number_of, &cache->operations);
}

void serve_cache_stop(struct cache *cache)
{
	if (!cache)
		return;
	cache_fini(cache);
	free(cache);
}

static const char *serve_cache_kept(const struct options *options, unsigned nodes_count)
{
	bool shared = options->sessions == SESSIONS_CLUSTER;

	if (!options->cache_bytes)
		return "no answers are kept (--cache-bytes 0)";
	if (options->feed == FEED_LOGICAL && nodes_count < 2)
		return shared ? "no answers are kept: --feed logical is read on replicas, there is "
				"none (--sessions cluster)"
			      : "answers are kept; only what this instance writes is seen at "
				"once: --feed logical is read on replicas, there is none "
				"(--sessions local)";
	return shared ? "answers are kept of queries whose tables are all watched "
			"(cqrsd watch; --sessions cluster)"
		      : "answers are kept; of tables that are not watched only what this "
			"instance writes is seen at once (--sessions local)";
}

void serve_cache_announce(const struct options *options, const struct catalog *catalog,
			  unsigned nodes_count)
{
	if (catalog_has_cache(catalog))
		log_info("cache", "%s", serve_cache_kept(options, nodes_count));
}
