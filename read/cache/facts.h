/* SPDX-License-Identifier: Apache-2.0 */
/* What a reader of the cache judges an answer by. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define CACHE_DIGEST_BYTES 16

/* Plain data, which does not change as long as the answer is there. */
struct cache_facts {
	uint64_t lower, upper; /* positions of WAL: what it shows at least, and at most */
	uint64_t seen;         /* what had touched its tags there, or before, it shows; or lower */
	uint32_t timeline;     /* of all of them */
	uint32_t life;         /* the mark of the last life of their log; 0: none is known */
	uint32_t version;      /* whatever else must be equal; opaque here */
	int64_t made_us;       /* when the answer was made, of our monotonic clock */
	int64_t true_us;       /* the moment as of which it was true */
	int64_t took_us;       /* what it cost to make it */
	uint8_t digest[CACHE_DIGEST_BYTES]; /* a keyed hash of the body */
	bool has_digest;
	uint32_t operation; /* for counts per operation: read/cache/operations.h */
};
