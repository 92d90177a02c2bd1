/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of the store share. The mapping holds buckets, fingerprints of the ghost, blocks.
 *
 * A bucket is a list of entries by the numbers of their first blocks, each stored with release and
 * loaded with acquire, so that who meets an entry sees all of it. A writer takes an entry out of
 * its bucket, then defers it by the epoch; its blocks are free when all readers have left that
 * could have met it.
 */
#pragma once

#include "base/text.h"
#include "read/cache/blocks.h"
#include "read/cache/entry.h"
#include "read/cache/ghost.h"
#include "read/cache/operations.h"
#include "read/cache/s3_fifo.h"

#include <ck_epoch.h>
#include <ck_stack.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The epoch remembers every record, so readers are used again and die with the store. */
struct cache_reader {
	ck_epoch_record_t record;
	struct cache_store *store;
	const struct cache_entry *entered; /* NULL: none */
	uint64_t hash;                     /* of the last key */
	struct cache_reader *next;
	bool in_use;
};

struct cache_store {
	/* Read by all; these change seldom. */
	char *memory; /* of the blocks */
	_Atomic uint32_t *buckets;
	uint32_t bucket_count;
	_Atomic uint32_t generation; /* raised when the store is emptied; others are not found */
	uint64_t seed;
	void *mapping;
	size_t mapping_bytes;
	uint32_t entry_blocks_max;

	/* With the lock. */
	_Alignas(CK_MD_CACHELINE) pthread_mutex_t lock;
	struct blocks blocks;
	struct s3_fifo fifo;
	struct ghost ghost;
	uint32_t usable;           /* blocks for entries, and for those that are on their way */
	uint32_t reserved;         /* blocks of puts under way, taken or not yet */
	uint32_t waiting;          /* blocks of entries that readers may still see */
	uint32_t stale[S3_QUEUES]; /* entries of generations that are over */
	uint64_t inserted, replaced, evicted[S3_QUEUES], ghosts_hit, no_room;
	struct cache_operation_counts operations[CACHE_OPERATIONS_MAX]; /* bytes: blocks */
	ck_epoch_t epoch;
	ck_epoch_record_t record; /* of the writers: what is deferred */
	ck_stack_t unseen;        /* of that, what no reader can see any more */
	struct cache_reader *readers;
};

static inline _Atomic uint32_t *store_bucket(const struct cache_store *store, uint64_t hash)
{
	return &store->buckets[(hash >> 32) * store->bucket_count >> 32];
}

/* Readers load it with acquire; who has the lock need not. NULL: the end of the list. */
static inline struct cache_entry *store_entry(const struct cache_store *store,
					      const _Atomic uint32_t *link)
{
	uint32_t number = atomic_load_explicit(link, memory_order_acquire);

	return number == BLOCK_NONE ? NULL : entry_at(store->memory, number);
}

static inline bool store_entry_is(const struct cache_store *store, const struct cache_entry *entry,
				  uint64_t hash, struct text key)
{
	return entry->hash == hash &&
	       entry->node.generation ==
		       atomic_load_explicit(&store->generation, memory_order_acquire) &&
	       entry_has_key(entry, key);
}

/* In a section, or with the lock. NULL: there is none. */
static inline struct cache_entry *store_search(const struct cache_store *store, uint64_t hash,
					       struct text key)
{
	struct cache_entry *entry = store_entry(store, store_bucket(store, hash));

	while (entry && !store_entry_is(store, entry, hash, key))
		entry = store_entry(store, &entry->next_in_bucket);
	return entry;
}

/* A section of its reader, in which what is met stays. */
void store_enter(struct cache_reader *reader);
void store_exit(struct cache_reader *reader);
