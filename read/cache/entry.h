/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One answer in the cache: a head in its first block, then the bytes of its key, then those of its
 * body, through a chain of blocks. All but the next of its bucket and the node of its queue is
 * written before a reader can see it, and stays as it is until none can.
 */
#pragma once

#include "base/check.h"
#include "base/text.h"
#include "read/cache/blocks.h"
#include "read/cache/facts.h"
#include "read/cache/s3_fifo.h"

#include <ck_epoch.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct cache_entry {
	struct block_link link;
	uint32_t number; /* of its first block: how the others are found from here */
	uint64_t hash;   /* of the key */
	_Atomic uint32_t next_in_bucket;
	uint32_t key_len, body_len;
	uint32_t last;       /* of its blocks */
	struct s3_node node; /* with the store's lock; its generation is the store's when it came */
	struct cache_facts facts;
	ck_epoch_entry_t grave;
	char bytes[]; /* to the end of the first block */
};

static inline struct cache_entry *entry_at(const char *memory, uint32_t number)
{
	return (struct cache_entry *)block_at(memory, number);
}

/* How many blocks an entry takes. UINT32_MAX: more than there can be. */
uint32_t entry_blocks(size_t key_len, size_t body_len) must_check;
/* Fills a chain of that many blocks, which no reader can see yet. */
struct cache_entry *entry_write(const char *memory, const struct chain *chain, struct text key,
				struct text body) must_check;
/* The bytes of key and body are one text: so many from there on. */
void entry_read(const struct cache_entry *entry, size_t from, size_t len, char *out);
bool entry_has_key(const struct cache_entry *entry, struct text key) must_check;
