/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who makes room: S3-FIFO (Yang, Zhang, Qiu, Yue, Vigfusson: FIFO queues are all you need for cache
 * eviction, SOSP 2023). Newcomers go to a small queue, of a tenth of the memory, from which those
 * that are used more than once move to the main one; most are asked for once and leave early. In
 * the main queue what was used since comes round once more. Sizes are blocks.
 *
 * It knows nodes, which lie in an array at a stride, each in something of its owner's; node 0 is
 * not used. One thread at a time; but any may read uses and queue of a node, and raise its uses.
 */
#pragma once

#include "base/check.h"

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#define S3_USES_MAX 3 /* it counts no further */
#define S3_NONE 0     /* the number of no node */

enum s3_queue_id { S3_SMALL, S3_MAIN, S3_QUEUES };

struct s3_node {
	uint32_t newer, older; /* its neighbours in the queue */
	uint32_t blocks;       /* given by the owner, as the generation */
	uint32_t generation;
	_Atomic uint8_t uses;
	_Atomic uint8_t queue; /* enum s3_queue_id */
};

/* In the order of arrival. */
struct s3_queue {
	uint32_t head, tail; /* the newest entry, the oldest; S3_NONE: it is empty */
	uint32_t entries, blocks;
};

struct s3_fifo {
	char *nodes; /* where node 0 would be */
	size_t stride;
	uint32_t small_max; /* blocks of the small queue, when room is needed */
	struct s3_queue queues[S3_QUEUES];
};

/* Borrows the array. */
void s3_fifo_init(struct s3_fifo *fifo, void *nodes, size_t stride);
/* How many blocks there are for all of them. */
void s3_fifo_set_room(struct s3_fifo *fifo, uint32_t blocks);
/* At the head, without uses. */
void s3_fifo_add(struct s3_fifo *fifo, uint32_t number, enum s3_queue_id queue);
void s3_fifo_remove(struct s3_fifo *fifo, uint32_t number);
/* The other one takes its place, its queue and its uses. */
void s3_fifo_replace(struct s3_fifo *fifo, uint32_t number, uint32_t by);
/* It has that many blocks from now on. */
void s3_fifo_resize(struct s3_fifo *fifo, uint32_t number, uint32_t blocks);
/* From the tail to the head. */
void s3_fifo_rotate(struct s3_fifo *fifo, enum s3_queue_id queue);
/*
 * The node that is to go, which is still in its queue; S3_NONE: there is none. Nodes on its way are
 * moved, at most *moves of them; beyond that the one at the tail goes, used or not. Who is of a
 * generation that is over goes as soon as it is met.
 */
uint32_t s3_fifo_victim(struct s3_fifo *fifo, uint32_t generation, unsigned *moves) must_check;
/* How many of those that left the small queue are to be remembered: as many as the main one has, or
 * has room for while it is not full yet. */
uint64_t s3_fifo_ghosts(const struct s3_fifo *fifo) must_check;

static inline struct s3_node *s3_node(const struct s3_fifo *fifo, uint32_t number)
{
	return (struct s3_node *)(fifo->nodes + (uint64_t)number * fifo->stride);
}

static inline unsigned s3_uses(const struct s3_node *node)
{
	return atomic_load_explicit(&node->uses, memory_order_relaxed);
}

static inline enum s3_queue_id s3_queue_of(const struct s3_node *node)
{
	return atomic_load_explicit(&node->queue, memory_order_relaxed);
}

/* Of uses at the same moment some may not be counted: that is cheap, and does no harm. */
static inline void s3_use(struct s3_node *node)
{
	unsigned uses = s3_uses(node);

	if (uses < S3_USES_MAX)
		atomic_store_explicit(&node->uses, uses + 1, memory_order_relaxed);
}

static inline uint64_t s3_fifo_blocks(const struct s3_fifo *fifo)
{
	return (uint64_t)fifo->queues[S3_SMALL].blocks + fifo->queues[S3_MAIN].blocks;
}

static inline uint64_t s3_fifo_entries(const struct s3_fifo *fifo)
{
	return (uint64_t)fifo->queues[S3_SMALL].entries + fifo->queues[S3_MAIN].entries;
}
