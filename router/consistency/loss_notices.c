/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lines of a few words each, as wide as a cache line. A word is 48 bits of the user's hash above 16
 * that tell timelines apart: those of a timeline that is past count as free.
 */
#include "router/consistency/loss_notices.h"

#include "base/hash.h"
#include "base/log.h"

#include <stdatomic.h>
#include <stdlib.h>

enum { LINE_WORDS = 8 };

struct loss_notices {
	size_t mask; /* lines - 1 */
	_Atomic uint64_t words[];
};

struct loss_notices *loss_notices_new(size_t users)
{
	struct loss_notices *notices;
	size_t lines = 1;

	while (lines * LINE_WORDS < users)
		lines *= 2;
	notices = calloc(1, sizeof(*notices) + lines * LINE_WORDS * sizeof(notices->words[0]));
	if (!notices)
		log_fatal("sessions", "no memory for %zu users", users);
	notices->mask = lines - 1;
	return notices;
}

void loss_notices_free(struct loss_notices *notices)
{
	free(notices);
}

/* Of its number and, above that, of its era (router/cluster/branches.h). */
static uint64_t loss_notices_word(uint64_t hash, uint32_t timeline)
{
	return hash_mix(hash, timeline) << 16 | ((timeline ^ timeline >> 8) & UINT16_MAX);
}

static size_t loss_notices_line(const struct loss_notices *notices, uint64_t hash)
{
	return (hash & notices->mask) * LINE_WORDS;
}

bool loss_notices_put(struct loss_notices *notices, uint64_t hash, uint32_t timeline)
{
	_Atomic uint64_t *line = &notices->words[loss_notices_line(notices, hash)];
	uint64_t word = loss_notices_word(hash, timeline);

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

bool loss_notices_has(const struct loss_notices *notices, uint64_t hash, uint32_t timeline)
{
	const _Atomic uint64_t *line = &notices->words[loss_notices_line(notices, hash)];
	uint64_t word = loss_notices_word(hash, timeline);

	for (unsigned i = 0; i < LINE_WORDS; i++)
		if (atomic_load_explicit(&line[i], memory_order_acquire) == word)
			return true;
	return false;
}
