/* SPDX-License-Identifier: Apache-2.0 */
/* The cache of a service, from its options. On the main thread. */
#pragma once

#include "base/check.h"
#include "base/options.h"
#include "catalog/catalog.h"
#include "read/cache/cache.h"

#include <stdbool.h>

/* False: it was said on stderr. */
bool serve_cache_check(const struct options *options) must_check;
/* NULL: no answers are to be kept. */
struct cache *serve_cache_start(const struct options *options);
/* The catalog's queries with @cache get their numbers, before it is used. Nothing for NULL. */
void serve_cache_number(struct cache *cache, struct catalog *catalog);
/* No loop may use it any more. Nothing to do for NULL. */
void serve_cache_stop(struct cache *cache);
/* Logs whose writes are seen by what is kept. nodes_count: the primary's, too. */
void serve_cache_announce(const struct options *options, const struct catalog *catalog,
			  unsigned nodes_count);
