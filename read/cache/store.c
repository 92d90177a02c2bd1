/* SPDX-License-Identifier: Apache-2.0 */
/* The store as its readers see it; and its life. */
#include "read/cache/store.h"

#include "base/control.h"
#include "base/hash.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/tsan.h"
#include "read/cache/store_private.h"

#include <assert.h>
#include <stdlib.h>
#include <sys/mman.h>

#define ENTRY_SHARE_MAX 16 /* one entry takes at most one of so many parts of the mapping */
/* One of so many parts of the blocks is kept free, for entries that readers have not left yet. */
#define RESERVE_SHARE 64
#define LINE_BYTES 64

static size_t rounded_up(size_t bytes, size_t to)
{
	return (bytes + to - 1) / to * to;
}

/* Where the parts of the mapping begin; buckets come first. */
struct store_layout {
	size_t ghosts, blocks, end;
};

/* As many buckets and fingerprints as blocks: the shortest entry takes one. */
static struct store_layout store_layout(uint32_t count)
{
	struct store_layout layout;

	layout.ghosts = rounded_up((size_t)count * sizeof(uint32_t), LINE_BYTES);
	layout.blocks = rounded_up(layout.ghosts + ghost_bytes(count), BLOCK_BYTES);
	layout.end = layout.blocks + (size_t)count * BLOCK_BYTES;
	return layout;
}

static void store_divide(struct cache_store *store)
{
	uint32_t count = store->mapping_bytes / BLOCK_BYTES;
	char *mapping = store->mapping;
	struct store_layout layout;

	/* Less than a twentieth of the first guess is too much. */
	while ((layout = store_layout(count)).end > store->mapping_bytes)
		count -= (layout.end - store->mapping_bytes + BLOCK_BYTES - 1) / BLOCK_BYTES;
	store->buckets = store->mapping;
	store->bucket_count = count;
	store->memory = mapping + layout.blocks;
	ghost_init(&store->ghost, mapping + layout.ghosts, count);
	blocks_init(&store->blocks, store->memory, count);
	s3_fifo_init(&store->fifo, store->memory + offsetof(struct cache_entry, node), BLOCK_BYTES);
	s3_fifo_set_room(&store->fifo, count);
	store->usable = count - 1 - count / RESERVE_SHARE;
	store->entry_blocks_max = count / ENTRY_SHARE_MAX;
	if (store->entry_blocks_max > CACHE_ENTRY_BYTES_MAX / BLOCK_BYTES)
		store->entry_blocks_max = CACHE_ENTRY_BYTES_MAX / BLOCK_BYTES;
}

struct cache_store *cache_store_new(size_t bytes, uint64_t seed)
{
	struct cache_store *store = aligned_alloc(_Alignof(struct cache_store),
						  rounded_up(sizeof(*store), CK_MD_CACHELINE));

	assert(bytes >= CACHE_BYTES_MIN);
	assert(bytes / BLOCK_BYTES <= UINT32_MAX);
	if (!store)
		log_fatal("cache", "out of memory");
	*store = (struct cache_store){ .mapping_bytes = bytes, .seed = seed };
	store->mapping = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
			      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (store->mapping == MAP_FAILED)
		log_fatal("cache", "no memory for %zu bytes", bytes);
	/* Answers are data of clients, and no help in a core dump. */
	(void)madvise(store->mapping, bytes, MADV_DONTDUMP);
	store_divide(store);
	pthread_mutex_init(&store->lock, NULL);
	ck_epoch_init(&store->epoch);
	ck_epoch_register(&store->epoch, &store->record, NULL);
	ck_stack_init(&store->unseen);
	return store;
}

void cache_store_free(struct cache_store *store)
{
	while (store->readers) {
		struct cache_reader *reader = store->readers;

		assert(!reader->in_use);
		store->readers = reader->next;
		free(reader);
	}
	pthread_mutex_destroy(&store->lock);
	(void)munmap(store->mapping, store->mapping_bytes);
	free(store);
}

struct cache_reader *cache_reader_new(struct cache_store *store)
{
	struct cache_reader *reader;

	pthread_mutex_lock(&store->lock);
	for (reader = store->readers; reader && reader->in_use;)
		reader = reader->next;
	if (!reader) {
		reader = aligned_alloc(_Alignof(struct cache_reader), sizeof(*reader));
		if (!reader)
			log_fatal("cache", "out of memory");
		ck_epoch_register(&store->epoch, &reader->record, NULL);
		reader->store = store;
		reader->entered = NULL;
		reader->next = store->readers;
		store->readers = reader;
	}
	reader->in_use = true;
	pthread_mutex_unlock(&store->lock);
	return reader;
}

void cache_reader_free(struct cache_reader *reader)
{
	struct cache_store *store = reader->store;

	pthread_mutex_lock(&store->lock);
	assert(reader->in_use);
	assert(!reader->entered);
	reader->in_use = false;
	pthread_mutex_unlock(&store->lock);
}

void store_enter(struct cache_reader *reader)
{
	assert(reader->in_use);
	assert(!reader->entered);
	if (CONTROL_CACHE_SECTION)
		ck_epoch_begin(&reader->record, NULL);
}

void store_exit(struct cache_reader *reader)
{
	__tsan_release(&reader->store->epoch);
	if (CONTROL_CACHE_SECTION)
		(void)ck_epoch_end(&reader->record, NULL);
}

const struct cache_entry *cache_find(struct cache_reader *reader, struct text key)
{
	const struct cache_store *store = reader->store;
	const struct cache_entry *entry;
	uint64_t hash = hash_bytes(key.ptr, key.len, store->seed);

	reader->hash = hash;
	store_enter(reader);
	entry = store_search(store, hash, key);
	reader->entered = entry;
	if (!entry)
		store_exit(reader);
	return entry;
}

void cache_leave(struct cache_reader *reader)
{
	assert(reader->entered);
	reader->entered = NULL;
	store_exit(reader);
}

const struct cache_facts *cache_entry_facts(const struct cache_entry *entry)
{
	return &entry->facts;
}

size_t cache_entry_len(const struct cache_entry *entry)
{
	return entry->body_len;
}

void cache_entry_copy(const struct cache_entry *entry, struct buf *out)
{
	entry_read(entry, entry->key_len, entry->body_len, buf_reserve(out, entry->body_len));
	out->len += entry->body_len;
}

unsigned cache_entry_uses(const struct cache_entry *entry)
{
	return s3_uses(&entry->node);
}

void cache_use(const struct cache_entry *entry)
{
	s3_use(&((struct cache_entry *)entry)->node);
}

uint64_t cache_key_hash(const struct cache_reader *reader)
{
	return reader->hash;
}

void cache_store_counts(struct cache_store *store, struct cache_counts *counts)
{
	pthread_mutex_lock(&store->lock);
	*counts = (struct cache_counts){
		.entries = s3_fifo_entries(&store->fifo) - store->stale[S3_SMALL] -
			   store->stale[S3_MAIN],
		.bytes_used = s3_fifo_blocks(&store->fifo) * BLOCK_BYTES,
		.bytes_waiting = (uint64_t)store->waiting * BLOCK_BYTES,
		.bytes_max = (uint64_t)store->usable * BLOCK_BYTES,
		.inserted = store->inserted,
		.replaced = store->replaced,
		.evicted_small = store->evicted[S3_SMALL],
		.evicted_main = store->evicted[S3_MAIN],
		.ghosts_hit = store->ghosts_hit,
		.no_room = store->no_room,
	};
	pthread_mutex_unlock(&store->lock);
}

void cache_store_operation(struct cache_store *store, uint32_t operation,
			   struct cache_operation_counts *counts)
{
	assert(operation < CACHE_OPERATIONS_MAX);
	pthread_mutex_lock(&store->lock);
	*counts = store->operations[operation];
	pthread_mutex_unlock(&store->lock);
	counts->bytes *= BLOCK_BYTES;
}
