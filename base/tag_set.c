/* SPDX-License-Identifier: Apache-2.0 */
/* The version is taken away before the tags change, and set behind them. */
#include "base/tag_set.h"

#include <assert.h>

void tag_set_write(struct tag_set *set, uint32_t version, const uint64_t *tags, size_t count)
{
	assert(count <= FEED_RELATIONS_OF_QUERY_MAX);
	atomic_store_explicit(&set->version, 0, memory_order_relaxed);
	/* Each of these is seen only by one that sees the zero, or what comes behind it. */
	for (size_t i = 0; i < count; i++)
		atomic_store_explicit(&set->tags[i], tags[i], memory_order_release);
	atomic_store_explicit(&set->count, (uint32_t)count, memory_order_release);
	atomic_store_explicit(&set->version, version, memory_order_release);
}

uint32_t tag_set_read(const struct tag_set *set, uint64_t tags[FEED_RELATIONS_OF_QUERY_MAX],
		      size_t *count)
{
	uint32_t version = atomic_load_explicit(&set->version, memory_order_acquire);

	if (!version)
		return 0;
	*count = atomic_load_explicit(&set->count, memory_order_acquire);
	for (size_t i = 0; i < *count; i++)
		tags[i] = atomic_load_explicit(&set->tags[i], memory_order_acquire);
	return atomic_load_explicit(&set->version, memory_order_relaxed) == version ? version : 0;
}
