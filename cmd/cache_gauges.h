/* SPDX-License-Identifier: Apache-2.0 */
/* What is kept, as metrics. Main thread. */
#pragma once

#include "base/metrics.h"
#include "read/cache/cache.h"

/* Of enum reuse_size: times --cache-bytes. */
extern const char *const cache_size_names[REUSE_SIZES];

/* cache NULL: no answers are kept. */
void cache_gauges(const struct cache *cache, struct metrics *metrics);
