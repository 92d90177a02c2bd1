/* SPDX-License-Identifier: Apache-2.0 */
/* A seeded 64-bit hash of bytes, for tables and rendezvous; not cryptographic. */
#pragma once

#include <stddef.h>
#include <stdint.h>

/*
 * With a secret seed, a client cannot choose names that meet. With a constant seed it can: only for
 * names that do no harm when they meet.
 */
uint64_t hash_bytes(const void *ptr, size_t len, uint64_t seed);

/* Mixes two hashes into one. */
static inline uint64_t hash_mix(uint64_t a, uint64_t b)
{
	uint64_t x = a ^ (b + UINT64_C(0x9e3779b97f4a7c15) + (a << 6) + (a >> 2));

	x ^= x >> 32;
	x *= UINT64_C(0xd6e8feb86659fd93);
	return x ^ (x >> 32);
}
