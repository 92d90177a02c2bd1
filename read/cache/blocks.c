/* SPDX-License-Identifier: Apache-2.0 */
/* A list of free blocks, and a mark behind which all are free that were never taken. */
#include "read/cache/blocks.h"

#include <assert.h>

void blocks_init(struct blocks *blocks, void *memory, uint32_t count)
{
	assert((uintptr_t)memory % BLOCK_BYTES == 0);
	assert(count > 1);
	*blocks = (struct blocks){
		.memory = memory,
		.count = count,
		.fresh = 1,
		.free = count - 1,
	};
}

static void chain_append(const struct blocks *blocks, struct chain *chain, uint32_t number)
{
	if (chain->count)
		block_at(blocks->memory, chain->last)->next = number;
	else
		chain->first = number;
	chain->last = number;
	chain->count++;
}

void blocks_take(struct blocks *blocks, struct chain *chain, uint32_t most)
{
	for (; most && blocks->free; most--, blocks->free--) {
		uint32_t number = blocks->free_first;

		if (number != BLOCK_NONE)
			blocks->free_first = block_at(blocks->memory, number)->next;
		else
			number = blocks->fresh++;
		chain_append(blocks, chain, number);
	}
	if (chain->count)
		block_at(blocks->memory, chain->last)->next = BLOCK_NONE;
}

void blocks_give_back(struct blocks *blocks, const struct chain *chain)
{
	if (!chain->count)
		return;
	block_at(blocks->memory, chain->last)->next = blocks->free_first;
	blocks->free_first = chain->first;
	blocks->free += chain->count;
	assert(blocks->free < blocks->count);
}
