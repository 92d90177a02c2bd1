/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A table of buckets without chains: the oldest of a bucket makes room. 16 bits of a slot are the
 * fingerprint, 16 the time of its eviction, in units that are short enough for the order and long
 * enough that time does not come round before a bucket was filled many times.
 */
#include "read/cache/ghost.h"

#include <assert.h>

#define GHOST_TIMES 65536
/* Time comes round after so many times the number of slots. */
#define GHOST_ROUNDS 4

static uint32_t ghost_bucket_count(uint32_t count)
{
	return count / GHOST_WAYS + 1;
}

size_t ghost_bytes(uint32_t count)
{
	return (size_t)ghost_bucket_count(count) * GHOST_WAYS * sizeof(uint32_t);
}

void ghost_init(struct ghost *ghost, void *memory, uint32_t count)
{
	assert((uintptr_t)memory % (GHOST_WAYS * sizeof(uint32_t)) == 0);
	*ghost = (struct ghost){
		.slots = memory,
		.buckets = ghost_bucket_count(count),
		.unit = (uint64_t)count * GHOST_ROUNDS / GHOST_TIMES + 1,
	};
}

/* By the lower half of the hash; the fingerprint is of the upper one. */
static uint32_t *ghost_bucket(const struct ghost *ghost, uint64_t hash)
{
	uint64_t bucket = (hash & UINT32_MAX) * ghost->buckets >> 32;

	return ghost->slots + bucket * GHOST_WAYS;
}

static uint32_t ghost_fingerprint(uint64_t hash)
{
	uint32_t fingerprint = (hash >> 32) & 0xffff;

	return fingerprint ? fingerprint : 1;
}

static uint32_t ghost_time(const struct ghost *ghost)
{
	return (ghost->now / ghost->unit) % GHOST_TIMES;
}

/* In units. */
static uint32_t ghost_age(const struct ghost *ghost, uint32_t slot)
{
	return (ghost_time(ghost) - (slot >> 16)) % GHOST_TIMES;
}

void ghost_add(struct ghost *ghost, uint64_t hash)
{
	uint32_t *slots = ghost_bucket(ghost, hash);
	uint32_t fingerprint = ghost_fingerprint(hash);
	unsigned best = 0;

	for (unsigned i = 0; i < GHOST_WAYS; i++) {
		if (!slots[i] || (slots[i] & 0xffff) == fingerprint) {
			best = i;
			break;
		}
		if (ghost_age(ghost, slots[i]) > ghost_age(ghost, slots[best]))
			best = i;
	}
	slots[best] = ghost_time(ghost) << 16 | fingerprint;
	ghost->now++;
}

bool ghost_take(struct ghost *ghost, uint64_t hash, uint64_t last)
{
	uint32_t *slots = ghost_bucket(ghost, hash);
	uint32_t fingerprint = ghost_fingerprint(hash);

	for (unsigned i = 0; i < GHOST_WAYS; i++)
		if ((slots[i] & 0xffff) == fingerprint) {
			bool lately = ghost_age(ghost, slots[i]) * ghost->unit <= last;

			slots[i] = 0;
			return lately;
		}
	return false;
}
