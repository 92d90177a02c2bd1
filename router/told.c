/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lines of a few words each, as wide as a cache line. A word is 48 bits of the user's hash above 16
 * that tell timelines apart: those of a timeline that is past count as free.
 */
#include "router/told.h"

#include "base/hash.h"
#include "base/log.h"

#include <stdatomic.h>
#include <stdlib.h>

enum { LINE_WORDS = 8 };

struct told {
	size_t mask; /* lines - 1 */
	_Atomic uint64_t words[];
};

struct told *told_new(size_t users)
{
	struct told *told;
	size_t lines = 1;

	while (lines * LINE_WORDS < users)
		lines *= 2;
	told = calloc(1, sizeof(*told) + lines * LINE_WORDS * sizeof(told->words[0]));
	if (!told)
		log_fatal("sessions", "no memory for %zu users", users);
	told->mask = lines - 1;
	return told;
}

void told_free(struct told *told)
{
	free(told);
}

/* Of its number and, above that, of its era (router/branches.h). */
static uint64_t told_word(uint64_t hash, uint32_t timeline)
{
	return hash_mix(hash, timeline) << 16 | ((timeline ^ timeline >> 8) & UINT16_MAX);
}

static size_t told_line(const struct told *told, uint64_t hash)
{
	return (hash & told->mask) * LINE_WORDS;
}

bool told_put(struct told *told, uint64_t hash, uint32_t timeline)
{
	_Atomic uint64_t *line = &told->words[told_line(told, hash)];
	uint64_t word = told_word(hash, timeline);

	for (unsigned i = 0; i < LINE_WORDS;) {
		uint64_t there = atomic_load_explicit(&line[i], memory_order_acquire);

		if (there == word)
			return true;
		if (there && (there & UINT16_MAX) == (word & UINT16_MAX))
			i++;
		else if (atomic_compare_exchange_strong(&line[i], &there, word))
			return true;
	}
	return false;
}

bool told_has(const struct told *told, uint64_t hash, uint32_t timeline)
{
	const _Atomic uint64_t *line = &told->words[told_line(told, hash)];
	uint64_t word = told_word(hash, timeline);

	for (unsigned i = 0; i < LINE_WORDS; i++)
		if (atomic_load_explicit(&line[i], memory_order_acquire) == word)
			return true;
	return false;
}
