/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory of the cache: blocks of one size, linked into chains by their numbers. What is kept takes
 * whole blocks, wherever they lie, so that there is no fragmentation; what was never needed was
 * never touched. No lock of its own: who changes something has the store's.
 */
#pragma once

#include <stdint.h>

#define BLOCK_BYTES 256
#define BLOCK_NONE 0 /* the number of the first block, which is not used */

/* At the beginning of each block, whatever follows. Written while no reader can see the block. */
struct block_link {
	uint32_t next; /* of its chain, or of the free ones; BLOCK_NONE: the last */
};

struct blocks {
	char *memory;
	uint32_t count;      /* the first one included */
	uint32_t fresh;      /* this one and all behind it were never taken */
	uint32_t free_first; /* of those that were given back */
	uint32_t free;       /* fresh ones included */
};

/* Blocks that belong together, in their order. Zeroes: none. */
struct chain {
	uint32_t first, last, count;
};

/* Borrows the memory, of count blocks, which is not touched. */
void blocks_init(struct blocks *blocks, void *memory, uint32_t count);
/* Puts at most so many blocks at the end of the chain: as many as are free. */
void blocks_take(struct blocks *blocks, struct chain *chain, uint32_t most);
/* In one step, however long the chain is. */
void blocks_give_back(struct blocks *blocks, const struct chain *chain);

/* Of the block with that number, in the memory that the blocks lie in. */
static inline struct block_link *block_at(const char *memory, uint32_t number)
{
	return (struct block_link *)(memory + (uint64_t)number * BLOCK_BYTES);
}
