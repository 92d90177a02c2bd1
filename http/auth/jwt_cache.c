/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Chains by a hash with a secret seed; a list by last use. The hash finds candidates, equality is
 * decided by all bytes, without a branch on where they differ.
 */
#include "http/auth/jwt_cache.h"

#include "base/bytes16.h"
#include "base/hash.h"
#include "base/list.h"
#include "base/log.h"
#include "base/random.h"
#include "http/auth/principal_copy.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

struct jwt_entry {
	struct list_link use;   /* of all entries, the one used last in front */
	struct jwt_entry *next; /* of its chain */
	uint64_t hash;
	const char *token; /* behind the principal */
	size_t token_len, principal_bytes;
	_Alignas(max_align_t) char principal[];
};

struct jwt_cache {
	uint64_t seed;
	size_t entries_max, bytes_max, bytes, slots; /* slots: a power of two */
	struct list uses;
	struct jwt_entry *chains[];
};

struct jwt_cache *jwt_cache_new(size_t entries_max, size_t bytes_max)
{
	struct jwt_cache *cache;
	size_t slots = 1;

	while (slots < entries_max)
		slots *= 2;
	cache = calloc(1, sizeof(*cache) + slots * sizeof(cache->chains[0]));
	if (!cache)
		log_fatal("auth", "out of memory");
	cache->entries_max = entries_max;
	cache->bytes_max = bytes_max;
	cache->slots = slots;
	list_init(&cache->uses);
	random_bytes(&cache->seed, sizeof(cache->seed));
	return cache;
}

static size_t jwt_entry_bytes(const struct jwt_entry *entry)
{
	return sizeof(*entry) + entry->principal_bytes + entry->token_len;
}

static struct jwt_entry **jwt_cache_chain(struct jwt_cache *cache, uint64_t hash)
{
	return &cache->chains[hash & (cache->slots - 1)];
}

static void jwt_cache_remove(struct jwt_cache *cache, struct jwt_entry *entry)
{
	struct jwt_entry **at = jwt_cache_chain(cache, entry->hash);

	while (*at != entry)
		at = &(*at)->next;
	*at = entry->next;
	list_remove(&cache->uses, &entry->use);
	cache->bytes -= jwt_entry_bytes(entry);
	free(entry);
}

static void jwt_cache_remove_last(struct jwt_cache *cache)
{
	struct list_link *last = list_last(&cache->uses);

	assert(last);
	jwt_cache_remove(cache, container_of(last, struct jwt_entry, use));
}

void jwt_cache_clear(struct jwt_cache *cache)
{
	while (!list_empty(&cache->uses))
		jwt_cache_remove_last(cache);
	assert(cache->bytes == 0);
}

void jwt_cache_free(struct jwt_cache *cache)
{
	jwt_cache_clear(cache);
	free(cache);
}

/* Of the same length. Reads all of both, whatever they are. */
static bool jwt_cache_same(const char *a, const char *b, size_t len)
{
	bytes16 differ = { 0 };
	unsigned rest = 0;
	size_t at = 0;

	for (; len - at >= sizeof(differ); at += sizeof(differ))
		differ |= bytes16_load(a + at) ^ bytes16_load(b + at);
	for (; at < len; at++)
		rest |= (unsigned char)(a[at] ^ b[at]);
	return !bytes16_any(differ) && rest == 0;
}

static struct jwt_entry *jwt_cache_entry(struct jwt_cache *cache, struct text token)
{
	uint64_t hash = hash_bytes(token.ptr, token.len, cache->seed);
	struct jwt_entry *entry = *jwt_cache_chain(cache, hash);

	while (entry && (entry->hash != hash || entry->token_len != token.len ||
			 !jwt_cache_same(entry->token, token.ptr, token.len)))
		entry = entry->next;
	return entry;
}

const struct principal *jwt_cache_find(struct jwt_cache *cache, struct text token, int64_t now_s,
				       struct arena *arena)
{
	struct jwt_entry *entry = jwt_cache_entry(cache, token);
	const struct principal *principal;

	if (!entry)
		return NULL;
	principal = (const struct principal *)entry->principal;
	if (now_s >= principal->expires_s) {
		jwt_cache_remove(cache, entry);
		return NULL;
	}
	if (list_first(&cache->uses) != &entry->use) {
		list_remove(&cache->uses, &entry->use);
		list_prepend(&cache->uses, &entry->use);
	}
	return principal_unpack(principal, entry->principal_bytes, arena);
}

void jwt_cache_add(struct jwt_cache *cache, struct text token, const struct principal *principal)
{
	size_t bytes = principal_bytes(principal);
	struct jwt_entry *entry = malloc(sizeof(*entry) + bytes + token.len), **chain;

	if (!entry)
		log_fatal("auth", "out of memory");
	assert(!jwt_cache_entry(cache, token));
	*entry = (struct jwt_entry){ .hash = hash_bytes(token.ptr, token.len, cache->seed),
				     .token = entry->principal + bytes,
				     .token_len = token.len,
				     .principal_bytes = bytes };
	principal_pack(entry->principal, principal);
	memcpy(entry->principal + bytes, token.ptr, token.len);
	cache->bytes += jwt_entry_bytes(entry);
	while (!list_empty(&cache->uses) &&
	       (cache->uses.count >= cache->entries_max || cache->bytes > cache->bytes_max))
		jwt_cache_remove_last(cache);
	chain = jwt_cache_chain(cache, entry->hash);
	entry->next = *chain;
	*chain = entry;
	list_prepend(&cache->uses, &entry->use);
}

size_t jwt_cache_count(const struct jwt_cache *cache)
{
	return cache->uses.count;
}

size_t jwt_cache_bytes(const struct jwt_cache *cache)
{
	return cache->bytes;
}
