/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes into a chain of blocks, and out of it. */
#include "read/cache/entry.h"

#include <assert.h>
#include <string.h>

#define FIRST_BYTES (BLOCK_BYTES - sizeof(struct cache_entry))
#define OTHER_BYTES (BLOCK_BYTES - sizeof(struct block_link))

static_assert(sizeof(struct cache_entry) <= BLOCK_BYTES - 64, "room for a short key, too");

/* A place in a chain: what remains of its block. */
struct chain_place {
	const char *memory;
	const struct block_link *block;
	char *at;
	size_t room;
};

uint32_t entry_blocks(size_t key_len, size_t body_len)
{
	uint64_t bytes = (uint64_t)key_len + body_len;

	if (key_len > UINT32_MAX || body_len > UINT32_MAX)
		return UINT32_MAX;
	return bytes <= FIRST_BYTES ? 1 : 1 + (bytes - FIRST_BYTES + OTHER_BYTES - 1) / OTHER_BYTES;
}

static inline struct chain_place place_first(const struct cache_entry *entry)
{
	return (struct chain_place){
		.memory = (const char *)entry - (uint64_t)entry->number * BLOCK_BYTES,
		.block = &entry->link,
		.at = (char *)entry + sizeof(*entry),
		.room = FIRST_BYTES,
	};
}

static inline void place_next(struct chain_place *place)
{
	place->block = block_at(place->memory, place->block->next);
	place->at = (char *)place->block + sizeof(struct block_link);
	place->room = OTHER_BYTES;
}

static void place_write(struct chain_place *place, struct text text)
{
	while (text.len) {
		size_t len = text.len < place->room ? text.len : place->room;

		if (!len) {
			place_next(place);
			continue;
		}
		memcpy(place->at, text.ptr, len);
		place->at += len;
		place->room -= len;
		text.ptr += len;
		text.len -= len;
	}
}

struct cache_entry *entry_write(const char *memory, const struct chain *chain, struct text key,
				struct text body)
{
	struct cache_entry *entry = entry_at(memory, chain->first);
	struct chain_place place;

	assert(chain->count == entry_blocks(key.len, body.len));
	entry->number = chain->first;
	entry->last = chain->last;
	entry->node.blocks = chain->count;
	entry->key_len = key.len;
	entry->body_len = body.len;
	place = place_first(entry);
	place_write(&place, key);
	place_write(&place, body);
	return entry;
}

void entry_read(const struct cache_entry *entry, size_t from, size_t len, char *out)
{
	struct chain_place place = place_first(entry);

	assert(from + len <= (size_t)entry->key_len + entry->body_len);
	if (!len)
		return;
	for (; from > place.room; place_next(&place))
		from -= place.room;
	place.at += from;
	place.room -= from;
	for (; len > place.room; place_next(&place)) {
		memcpy(out, place.at, place.room);
		out += place.room;
		len -= place.room;
	}
	memcpy(out, place.at, len);
}

bool entry_has_key(const struct cache_entry *entry, struct text key)
{
	struct chain_place place = place_first(entry);

	if (entry->key_len != key.len)
		return false;
	for (; key.len > place.room; place_next(&place)) {
		if (memcmp(place.at, key.ptr, place.room) != 0)
			return false;
		key.ptr += place.room;
		key.len -= place.room;
	}
	return key.len == 0 || memcmp(place.at, key.ptr, key.len) == 0;
}
