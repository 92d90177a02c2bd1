/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How many hits a smaller or a larger cache would have. A sample of the keys, chosen by their
 * hashes (SHARDS: Waldspurger, Park, Garthwaite, Ahmad: Efficient MRC construction with SHARDS,
 * FAST 2015, of a fixed size), is asked of miniatures of the cache (miniature.h), one of each size.
 * Distances of reuse alone would tell what LRU does, which has several points fewer hits.
 *
 * Loops note what they ask for; each does the work for its own notes, where no other is at it.
 * What is known fades, so that it follows what is asked for now.
 */
#pragma once

#include "base/check.h"

#include <stdbool.h>
#include <stdint.h>

struct reuse;       /* of one store */
struct reuse_notes; /* of one loop */

enum reuse_size {
	REUSE_QUARTER,
	REUSE_HALF,
	REUSE_SAME,
	REUSE_DOUBLE,
	REUSE_FOURFOLD,
	REUSE_SIZES,
};

#define REUSE_ALL UINT32_MAX /* operations together */

/* bytes: what the store has for entries (bytes_max of its counts). Operations are below that. */
struct reuse *reuse_new(uint64_t bytes, uint32_t operations) must_check;
/* With the notes of all loops. */
void reuse_free(struct reuse *reuse);

/* One per loop; it dies with the whole. */
struct reuse_notes *reuse_notes_new(struct reuse *reuse) must_check;
/*
 * An answer was asked for that could come from the cache: the hash of its key (cache_key_hash), the
 * bytes of key and body, its operation. Once per request, whether it was found or had to be made.
 * Its loop's thread; no wait, no allocation.
 */
void reuse_note(struct reuse_notes *notes, uint64_t key_hash, uint32_t bytes, uint32_t operation);

/*
 * Of what was noted lately: the share that a cache of each size would have had, 0 to 1, if nothing
 * in it had become too old. False: too little is known. Any thread; may wait for a moment.
 */
bool reuse_shares(struct reuse *reuse, uint32_t operation, double shares[REUSE_SIZES]) must_check;
