/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which keys were evicted lately without being used: fingerprints in the order of eviction, as
 * S3-FIFO wants them. Two keys may share a fingerprint (some 1 of 4,000); a wrong guess puts a
 * newcomer into the main queue, no more. With the store's lock.
 */
#pragma once

#include "base/check.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GHOST_WAYS 16 /* fingerprints of one bucket: a cache line */

struct ghost {
	uint32_t *slots;  /* of GHOST_WAYS each; 0: free, else fingerprint and time */
	uint32_t buckets; /* with them */
	uint64_t unit;    /* evictions that are one unit of time */
	uint64_t now;     /* evictions, ever */
};

/* What room for so many fingerprints takes: at least that many, in whole buckets. */
size_t ghost_bytes(uint32_t count) must_check;
/* Borrows memory of that size, all zeroes, which is not touched before it is needed. */
void ghost_init(struct ghost *ghost, void *memory, uint32_t count);
void ghost_add(struct ghost *ghost, uint64_t hash);
/* Is it among the last so many that were added? It is taken out then. */
bool ghost_take(struct ghost *ghost, uint64_t hash, uint64_t last) must_check;
