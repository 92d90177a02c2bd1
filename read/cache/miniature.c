/* SPDX-License-Identifier: Apache-2.0 */
/* A table of entries in buckets, and their queues. */
#include "read/cache/miniature.h"

#include "base/log.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define MOVES_MAX 256 /* as in the store */

struct miniature_entry {
	uint64_t hash;
	uint32_t next; /* in its bucket, or of the free ones */
	struct s3_node node;
};

void miniature_init(struct miniature *miniature, uint32_t count)
{
	void *ghosts = aligned_alloc(GHOST_WAYS * sizeof(uint32_t), ghost_bytes(count));

	*miniature = (struct miniature){
		.entries = calloc((size_t)count + 1, sizeof(*miniature->entries)),
		.buckets = calloc(count, sizeof(*miniature->buckets)),
		.count = count,
		.fresh = 1,
	};
	if (!ghosts || !miniature->entries || !miniature->buckets)
		log_fatal("cache", "out of memory");
	memset(ghosts, 0, ghost_bytes(count));
	ghost_init(&miniature->ghost, ghosts, count);
	s3_fifo_init(&miniature->fifo,
		     (char *)miniature->entries + offsetof(struct miniature_entry, node),
		     sizeof(*miniature->entries));
}

void miniature_fini(struct miniature *miniature)
{
	free(miniature->ghost.slots);
	free(miniature->entries);
	free(miniature->buckets);
}

static uint32_t *miniature_bucket(const struct miniature *miniature, uint64_t hash)
{
	return &miniature->buckets[(hash >> 32) * miniature->count >> 32];
}

static void miniature_remove(struct miniature *miniature, uint32_t number)
{
	struct miniature_entry *entry = &miniature->entries[number];
	uint32_t *link = miniature_bucket(miniature, entry->hash);

	while (*link != number)
		link = &miniature->entries[*link].next;
	*link = entry->next;
	s3_fifo_remove(&miniature->fifo, number);
	entry->next = miniature->free;
	miniature->free = number;
}

/* False: there is nothing to evict. */
static bool miniature_evict(struct miniature *miniature, unsigned *moves)
{
	uint32_t number = s3_fifo_victim(&miniature->fifo, 0, moves);

	if (number == S3_NONE)
		return false;
	if (s3_queue_of(s3_node(&miniature->fifo, number)) == S3_SMALL)
		ghost_add(&miniature->ghost, miniature->entries[number].hash);
	miniature_remove(miniature, number);
	return true;
}

static void miniature_make_room(struct miniature *miniature, uint32_t blocks)
{
	unsigned moves = MOVES_MAX;

	while (s3_fifo_blocks(&miniature->fifo) + blocks > miniature->room &&
	       miniature_evict(miniature, &moves))
		;
}

void miniature_set_room(struct miniature *miniature, double blocks)
{
	miniature->room = blocks;
	s3_fifo_set_room(&miniature->fifo, (uint32_t)blocks);
	miniature_make_room(miniature, 0);
}

bool miniature_is_full(const struct miniature *miniature)
{
	return miniature->free == S3_NONE && miniature->fresh > miniature->count;
}

static void miniature_insert(struct miniature *miniature, uint64_t hash, uint32_t blocks)
{
	bool ghost = ghost_take(&miniature->ghost, hash, s3_fifo_ghosts(&miniature->fifo));
	uint32_t *bucket = miniature_bucket(miniature, hash), number = miniature->free;
	struct miniature_entry *entry;

	if (number == S3_NONE)
		number = miniature->fresh++;
	else
		miniature->free = miniature->entries[number].next;
	entry = &miniature->entries[number];
	entry->hash = hash;
	entry->node.blocks = blocks;
	entry->next = *bucket;
	*bucket = number;
	s3_fifo_add(&miniature->fifo, number, ghost ? S3_MAIN : S3_SMALL);
}

bool miniature_ask(struct miniature *miniature, uint64_t hash, uint32_t blocks)
{
	uint32_t number = *miniature_bucket(miniature, hash);

	while (number != S3_NONE && miniature->entries[number].hash != hash)
		number = miniature->entries[number].next;
	if (number != S3_NONE) {
		s3_use(s3_node(&miniature->fifo, number));
		s3_fifo_resize(&miniature->fifo, number, blocks);
		return true;
	}
	miniature_make_room(miniature, blocks);
	if (blocks <= miniature->room && !miniature_is_full(miniature))
		miniature_insert(miniature, hash, blocks);
	return false;
}

void miniature_thin(struct miniature *miniature, bool (*keep)(void *arg, uint64_t hash), void *arg)
{
	for (uint32_t bucket = 0; bucket < miniature->count; bucket++)
		for (uint32_t number = miniature->buckets[bucket]; number != S3_NONE;) {
			const struct miniature_entry *entry = &miniature->entries[number];
			uint32_t next = entry->next;

			if (!keep(arg, entry->hash))
				miniature_remove(miniature, number);
			number = next;
		}
}
