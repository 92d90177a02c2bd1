/* SPDX-License-Identifier: Apache-2.0 */
/* Two lists of entries, doubly linked by the numbers of their first blocks. */
#include "read/cache/s3_fifo.h"

#include <assert.h>

#define SMALL_SHARE 10 /* the small queue is one of so many parts */

void s3_fifo_init(struct s3_fifo *fifo, const char *memory, uint32_t blocks)
{
	*fifo = (struct s3_fifo){ .memory = memory, .small_max = blocks / SMALL_SHARE };
}

static enum s3_queue_id s3_queue_of(const struct cache_entry *entry)
{
	return atomic_load_explicit(&entry->queue, memory_order_relaxed);
}

/* Where the number of this entry stands as that of its newer neighbour's older one, and so on. */
static uint32_t *s3_older_of(struct s3_fifo *fifo, struct s3_queue *queue, uint32_t newer)
{
	return newer == BLOCK_NONE ? &queue->head : &entry_at(fifo->memory, newer)->older;
}

static uint32_t *s3_newer_of(struct s3_fifo *fifo, struct s3_queue *queue, uint32_t older)
{
	return older == BLOCK_NONE ? &queue->tail : &entry_at(fifo->memory, older)->newer;
}

void s3_fifo_add(struct s3_fifo *fifo, struct cache_entry *entry, enum s3_queue_id id)
{
	struct s3_queue *queue = &fifo->queues[id];

	entry->newer = BLOCK_NONE;
	entry->older = queue->head;
	*s3_newer_of(fifo, queue, queue->head) = entry->number;
	queue->head = entry->number;
	queue->entries++;
	queue->blocks += entry->blocks;
	atomic_store_explicit(&entry->queue, id, memory_order_relaxed);
}

void s3_fifo_remove(struct s3_fifo *fifo, struct cache_entry *entry)
{
	struct s3_queue *queue = &fifo->queues[s3_queue_of(entry)];

	assert(queue->entries);
	*s3_older_of(fifo, queue, entry->newer) = entry->older;
	*s3_newer_of(fifo, queue, entry->older) = entry->newer;
	queue->entries--;
	queue->blocks -= entry->blocks;
}

void s3_fifo_replace(struct s3_fifo *fifo, struct cache_entry *entry, struct cache_entry *by)
{
	struct s3_queue *queue = &fifo->queues[s3_queue_of(entry)];

	by->newer = entry->newer;
	by->older = entry->older;
	*s3_older_of(fifo, queue, entry->newer) = by->number;
	*s3_newer_of(fifo, queue, entry->older) = by->number;
	queue->blocks += by->blocks - entry->blocks;
	atomic_store_explicit(&by->queue, s3_queue_of(entry), memory_order_relaxed);
	atomic_store_explicit(&by->uses, atomic_load_explicit(&entry->uses, memory_order_relaxed),
			      memory_order_relaxed);
}

static void s3_fifo_move(struct s3_fifo *fifo, struct cache_entry *entry, unsigned uses)
{
	s3_fifo_remove(fifo, entry);
	atomic_store_explicit(&entry->uses, uses, memory_order_relaxed);
	s3_fifo_add(fifo, entry, S3_MAIN);
}

struct cache_entry *s3_fifo_victim(struct s3_fifo *fifo, uint32_t generation, unsigned *moves)
{
	const struct s3_queue *small = &fifo->queues[S3_SMALL];
	const struct s3_queue *large = &fifo->queues[S3_MAIN];

	for (;;) {
		bool from_small =
			small->entries && (small->blocks > fifo->small_max || !large->entries);
		struct cache_entry *last;
		unsigned uses;

		if (!from_small && !large->entries)
			return NULL;
		last = entry_at(fifo->memory, (from_small ? small : large)->tail);
		uses = atomic_load_explicit(&last->uses, memory_order_relaxed);
		/* Used more than once stays in the small queue, used at all in the main one. */
		if (!*moves || last->generation != generation || uses <= (from_small ? 1 : 0))
			return last;
		--*moves;
		s3_fifo_move(fifo, last, from_small ? 0 : uses - 1);
	}
}
