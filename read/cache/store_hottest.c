/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which keys are used most: the buckets are walked as a reader walks them, once to count, then for
 * each class that is wanted. Of a bucket all that belongs to the class is copied out before it is
 * shown, so that a section is short whatever the caller does.
 */
#include "base/buf.h"
#include "read/cache/store.h"
#include "read/cache/store_private.h"

#include <string.h>

#define CLASSES (S3_QUEUES * (S3_USES_MAX + 1))
#define BUCKETS_OF_SECTION 64 /* walked in one */

struct walk {
	struct cache_reader *reader;
	void (*each)(void *arg, struct text key, const struct cache_facts *facts);
	void *arg;
	size_t max;             /* that may still be shown */
	size_t counts[CLASSES]; /* the best one first */
	struct buf found;       /* facts and length of the key, then the key; of each */
};

/* 0: of the main queue, with most uses. */
static unsigned walk_class(const struct cache_entry *entry)
{
	bool small = s3_queue_of(&entry->node) == S3_SMALL;
	unsigned uses = s3_uses(&entry->node);

	return (small ? S3_USES_MAX + 1 : 0) + S3_USES_MAX - uses;
}

struct walk_head {
	struct cache_facts facts;
	size_t key_len;
};

static void walk_copy(struct walk *walk, const struct cache_entry *entry)
{
	struct walk_head head = { .facts = entry->facts, .key_len = entry->key_len };

	buf_add(&walk->found, &head, sizeof(head));
	entry_read(entry, 0, head.key_len, buf_reserve(&walk->found, head.key_len));
	walk->found.len += head.key_len;
}

/* Counts them, or copies those of one class. */
static void walk_bucket(struct walk *walk, uint32_t bucket, bool counting, unsigned class)
{
	const struct cache_store *store = walk->reader->store;
	uint32_t generation = atomic_load_explicit(&store->generation, memory_order_acquire);
	const struct cache_entry *entry = store_entry(store, &store->buckets[bucket]);

	for (; entry; entry = store_entry(store, &entry->next_in_bucket)) {
		if (entry->node.generation != generation)
			continue;
		if (counting)
			walk->counts[walk_class(entry)]++;
		else if (walk_class(entry) == class)
			walk_copy(walk, entry);
	}
}

static void walk_show(struct walk *walk)
{
	struct walk_head head;

	for (size_t at = 0; at < walk->found.len && walk->max; walk->max--) {
		memcpy(&head, walk->found.ptr + at, sizeof(head));
		at += sizeof(head);
		walk->each(walk->arg, (struct text){ walk->found.ptr + at, head.key_len },
			   &head.facts);
		at += head.key_len;
	}
	buf_clear(&walk->found);
}

static void walk_all(struct walk *walk, bool counting, unsigned class)
{
	uint32_t count = walk->reader->store->bucket_count;

	for (uint32_t bucket = 0; bucket < count && walk->max;) {
		store_enter(walk->reader);
		for (unsigned i = 0; i < BUCKETS_OF_SECTION && bucket < count; i++)
			walk_bucket(walk, bucket++, counting, class);
		store_exit(walk->reader);
		walk_show(walk);
	}
}

void cache_store_hottest(struct cache_store *store, size_t max,
			 void (*each)(void *arg, struct text key, const struct cache_facts *facts),
			 void *arg)
{
	struct walk walk = {
		.reader = cache_reader_new(store),
		.each = each,
		.arg = arg,
		.max = max,
	};

	buf_init(&walk.found);
	walk_all(&walk, true, 0);
	for (unsigned class = 0; class < CLASSES && walk.max; class ++)
		if (walk.counts[class])
			walk_all(&walk, false, class);
	buf_fini(&walk.found);
	cache_reader_free(walk.reader);
}
