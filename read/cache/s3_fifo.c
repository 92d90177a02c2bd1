/* SPDX-License-Identifier: Apache-2.0 */
/* Two lists of nodes, doubly linked by their numbers. */
#include "read/cache/s3_fifo.h"

#include <assert.h>
#include <stdbool.h>

#define SMALL_SHARE 10 /* the small queue is one of so many parts */

void s3_fifo_init(struct s3_fifo *fifo, void *nodes, size_t stride)
{
	*fifo = (struct s3_fifo){ .nodes = nodes, .stride = stride };
}

void s3_fifo_set_room(struct s3_fifo *fifo, uint32_t blocks)
{
	fifo->small_max = blocks / SMALL_SHARE;
}

/* Where the number of a node stands as that of its newer neighbour's older one, and so on. */
static uint32_t *s3_older_of(struct s3_fifo *fifo, struct s3_queue *queue, uint32_t newer)
{
	return newer == S3_NONE ? &queue->head : &s3_node(fifo, newer)->older;
}

static uint32_t *s3_newer_of(struct s3_fifo *fifo, struct s3_queue *queue, uint32_t older)
{
	return older == S3_NONE ? &queue->tail : &s3_node(fifo, older)->newer;
}

static void s3_fifo_put(struct s3_fifo *fifo, uint32_t number, enum s3_queue_id id, unsigned uses)
{
	struct s3_queue *queue = &fifo->queues[id];
	struct s3_node *node = s3_node(fifo, number);

	assert(number != S3_NONE);
	node->newer = S3_NONE;
	node->older = queue->head;
	*s3_newer_of(fifo, queue, queue->head) = number;
	queue->head = number;
	queue->entries++;
	queue->blocks += node->blocks;
	atomic_store_explicit(&node->uses, uses, memory_order_relaxed);
	atomic_store_explicit(&node->queue, id, memory_order_relaxed);
}

void s3_fifo_add(struct s3_fifo *fifo, uint32_t number, enum s3_queue_id id)
{
	s3_fifo_put(fifo, number, id, 0);
}

void s3_fifo_remove(struct s3_fifo *fifo, uint32_t number)
{
	const struct s3_node *node = s3_node(fifo, number);
	struct s3_queue *queue = &fifo->queues[s3_queue_of(node)];

	assert(queue->entries);
	*s3_older_of(fifo, queue, node->newer) = node->older;
	*s3_newer_of(fifo, queue, node->older) = node->newer;
	queue->entries--;
	queue->blocks -= node->blocks;
}

void s3_fifo_replace(struct s3_fifo *fifo, uint32_t number, uint32_t by)
{
	const struct s3_node *node = s3_node(fifo, number);
	struct s3_node *newcomer = s3_node(fifo, by);
	struct s3_queue *queue = &fifo->queues[s3_queue_of(node)];

	newcomer->newer = node->newer;
	newcomer->older = node->older;
	*s3_older_of(fifo, queue, node->newer) = by;
	*s3_newer_of(fifo, queue, node->older) = by;
	queue->blocks += newcomer->blocks - node->blocks;
	atomic_store_explicit(&newcomer->queue, s3_queue_of(node), memory_order_relaxed);
	atomic_store_explicit(&newcomer->uses, s3_uses(node), memory_order_relaxed);
}

void s3_fifo_resize(struct s3_fifo *fifo, uint32_t number, uint32_t blocks)
{
	struct s3_node *node = s3_node(fifo, number);

	fifo->queues[s3_queue_of(node)].blocks += blocks - node->blocks;
	node->blocks = blocks;
}

static void s3_fifo_move(struct s3_fifo *fifo, uint32_t number, enum s3_queue_id to, unsigned uses)
{
	s3_fifo_remove(fifo, number);
	s3_fifo_put(fifo, number, to, uses);
}

void s3_fifo_rotate(struct s3_fifo *fifo, enum s3_queue_id id)
{
	uint32_t number = fifo->queues[id].tail;

	s3_fifo_move(fifo, number, id, s3_uses(s3_node(fifo, number)));
}

uint32_t s3_fifo_victim(struct s3_fifo *fifo, uint32_t generation, unsigned *moves)
{
	const struct s3_queue *small = &fifo->queues[S3_SMALL];
	const struct s3_queue *large = &fifo->queues[S3_MAIN];

	for (;;) {
		bool from_small =
			small->entries && (small->blocks > fifo->small_max || !large->entries);
		uint32_t last = (from_small ? small : large)->tail;
		unsigned uses;

		if (last == S3_NONE)
			return S3_NONE;
		uses = s3_uses(s3_node(fifo, last));
		/* Used more than once stays in the small queue, used at all in the main one. */
		if (!*moves || s3_node(fifo, last)->generation != generation ||
		    uses <= (from_small ? 1 : 0))
			return last;
		--*moves;
		s3_fifo_move(fifo, last, S3_MAIN, from_small ? 0 : uses - 1);
	}
}

uint64_t s3_fifo_ghosts(const struct s3_fifo *fifo)
{
	uint64_t room = s3_fifo_entries(fifo) * (SMALL_SHARE - 1) / SMALL_SHARE;
	uint32_t entries = fifo->queues[S3_MAIN].entries;

	return entries > room ? entries : room;
}
