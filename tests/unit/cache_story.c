/* SPDX-License-Identifier: Apache-2.0 */
/* Bodies follow from their keys, so that a foreign or a torn one is seen. */
#include "cache_story.h"

#include "base/hash.h"
#include "base/limits.h"
#include "read/cache/store_private.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#define STORY_OPERATIONS 5

struct cache_story cache_story;

void cache_story_begin(size_t bytes)
{
	cache_story.store = cache_store_new(bytes, 0x5eed);
	cache_story.reader = cache_reader_new(cache_story.store);
	buf_init(&cache_story.body);
}

void cache_story_end(void)
{
	story_check();
	buf_fini(&cache_story.body);
	cache_reader_free(cache_story.reader);
	cache_store_free(cache_story.store);
}

int cache_story_setup(void **state)
{
	(void)state;
	cache_story_begin(CACHE_BYTES_MIN);
	return 0;
}

int cache_story_teardown(void **state)
{
	(void)state;
	cache_story_end();
	return 0;
}

static void story_body(const char *key, uint64_t lower, size_t len, struct buf *out)
{
	uint64_t hash = hash_bytes(key, strlen(key), lower);

	buf_clear(out);
	for (size_t at = 0; at < len; at++)
		buf_byte(out, (char)(hash >> 8 * (at % 8)) + (char)(at / 8));
}

static bool story_put_body(const char *key, uint64_t lower, struct text body)
{
	struct cache_facts facts = {
		.lower = lower,
		.upper = lower + 1,
		.timeline = 1,
		.made_us = (int64_t)lower * 3,
		/* Another put of the key may be of another one. */
		.operation = (uint32_t)(lower + body.len) % STORY_OPERATIONS,
	};

	return cache_put(cache_story.reader, text_of(key), &facts, body);
}

bool story_put(const char *key, uint64_t lower, size_t body_len)
{
	struct buf body;
	bool put;

	buf_init(&body);
	story_body(key, lower, body_len, &body);
	put = story_put_body(key, lower, (struct text){ body.ptr, body.len });
	buf_fini(&body);
	return put;
}

bool story_put_text(const char *key, uint64_t lower, const char *body)
{
	return story_put_body(key, lower, text_of(body));
}

/* False: it is not there. */
static bool story_read(const char *key, struct cache_facts *facts)
{
	const struct cache_entry *entry = cache_find(cache_story.reader, text_of(key));

	buf_clear(&cache_story.body);
	if (!entry)
		return false;
	cache_entry_copy(entry, &cache_story.body);
	assert_int_equal(cache_story.body.len, cache_entry_len(entry));
	*facts = *cache_entry_facts(entry);
	cache_leave(cache_story.reader);
	return true;
}

bool story_has(const char *key, uint64_t lower, size_t body_len)
{
	struct cache_facts facts;
	struct buf body;
	bool same;

	if (!story_read(key, &facts) || facts.lower != lower)
		return false;
	buf_init(&body);
	story_body(key, lower, body_len, &body);
	same = text_equal((struct text){ body.ptr, body.len },
			  (struct text){ cache_story.body.ptr, cache_story.body.len });
	buf_fini(&body);
	return same && facts.upper == lower + 1 && facts.made_us == (int64_t)lower * 3;
}

bool story_has_text(const char *key, const char *body)
{
	struct cache_facts facts;

	return story_read(key, &facts) &&
	       text_is((struct text){ cache_story.body.ptr, cache_story.body.len }, body);
}

bool story_use(const char *key, unsigned times)
{
	const struct cache_entry *entry = cache_find(cache_story.reader, text_of(key));

	if (!entry)
		return false;
	while (times--)
		cache_use(entry);
	cache_leave(cache_story.reader);
	return true;
}

/* --- what is true at any time ---------------------------------------------------------------- */

/* Marks the blocks of a chain, none of which may be marked. */
static void check_chain(const struct cache_store *store, char *seen, uint32_t first, uint32_t last,
			uint32_t count)
{
	uint32_t number = first;

	for (uint32_t i = 0; i < count; i++) {
		assert_in_range(number, 1, store->blocks.fresh - 1);
		assert_false(seen[number]);
		seen[number] = 1;
		assert_int_equal(number == last, i + 1 == count);
		number = block_at(store->memory, number)->next;
	}
}

static void check_buckets(const struct cache_store *store, char *seen, uint64_t *entries)
{
	for (uint32_t bucket = 0; bucket < store->bucket_count; bucket++) {
		const struct cache_entry *entry = store_entry(store, &store->buckets[bucket]);

		for (; entry; entry = store_entry(store, &entry->next_in_bucket)) {
			assert_ptr_equal(store_bucket(store, entry->hash), &store->buckets[bucket]);
			assert_int_equal(entry->node.blocks,
					 entry_blocks(entry->key_len, entry->body_len));
			check_chain(store, seen, entry->number, entry->last, entry->node.blocks);
			++*entries;
		}
	}
}

static void check_queue(const struct cache_store *store, const char *seen, unsigned id)
{
	const struct s3_queue *queue = &store->fifo.queues[id];
	uint32_t entries = 0, blocks = 0, stale = 0, newer = BLOCK_NONE;

	for (uint32_t number = queue->head; number != BLOCK_NONE;) {
		const struct cache_entry *entry = entry_at(store->memory, number);

		assert_true(seen[number]);
		assert_int_equal(entry->node.queue, id);
		assert_int_equal(entry->node.newer, newer);
		assert_true(entry->node.uses <= S3_USES_MAX);
		stale += entry->node.generation != store->generation;
		blocks += entry->node.blocks;
		entries++;
		newer = number;
		number = entry->node.older;
	}
	assert_int_equal(newer, queue->tail);
	assert_int_equal(entries, queue->entries);
	assert_int_equal(blocks, queue->blocks);
	assert_int_equal(stale, store->stale[id]);
}

static void check_free(const struct cache_store *store, char *seen)
{
	uint32_t number = store->blocks.free_first, given_back;

	given_back = store->blocks.free - (store->blocks.count - store->blocks.fresh);
	for (uint32_t i = 0; i < given_back; i++) {
		assert_in_range(number, 1, store->blocks.fresh - 1);
		assert_false(seen[number]);
		seen[number] = 1;
		number = block_at(store->memory, number)->next;
	}
	assert_int_equal(number, BLOCK_NONE);
}

/* What operations have is all there is, and what was evicted is of one of them. */
static void check_operations(struct cache_store *store)
{
	struct cache_operation_counts all = { 0 }, one;

	for (uint32_t i = 0; i < CACHE_OPERATIONS_MAX; i++) {
		cache_store_operation(store, i, &one);
		all.entries += one.entries;
		all.bytes += one.bytes;
		all.evicted += one.evicted;
	}
	assert_int_equal(all.entries, s3_fifo_entries(&store->fifo));
	assert_int_equal(all.bytes, s3_fifo_blocks(&store->fifo) * BLOCK_BYTES);
	assert_int_equal(all.evicted, store->evicted[S3_SMALL] + store->evicted[S3_MAIN]);
}

void story_check(void)
{
	const struct cache_store *store = cache_story.store;
	const struct s3_queue *queues = store->fifo.queues;
	char *seen = calloc(store->blocks.count, 1);
	uint64_t entries = 0;
	uint32_t marked = 0;

	assert_non_null(seen);
	check_buckets(store, seen, &entries);
	assert_int_equal(entries, queues[S3_SMALL].entries + queues[S3_MAIN].entries);
	for (unsigned id = 0; id < S3_QUEUES; id++)
		check_queue(store, seen, id);
	check_free(store, seen);
	for (uint32_t number = 1; number < store->blocks.fresh; number++)
		marked += seen[number];
	assert_int_equal(marked + store->waiting, store->blocks.fresh - 1);
	assert_int_equal(store->reserved, 0);
	assert_int_equal(queues[S3_SMALL].blocks + queues[S3_MAIN].blocks + store->blocks.free +
				 store->waiting,
			 store->blocks.count - 1);
	assert_true(queues[S3_SMALL].blocks + queues[S3_MAIN].blocks <= store->usable);
	free(seen);
	check_operations(cache_story.store);
}
