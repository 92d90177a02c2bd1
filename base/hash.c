/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Folded 64 x 64 multiplications, 16 bytes a round, in the manner of wyhash (Wang Yi). A product is
 * 0 where a factor is, so each factor holds something of the seed: with a constant in one of them,
 * a text that holds this constant makes all products 0, and names meet whatever the seed is.
 */
#include "base/hash.h"

#include <string.h>

#define SECRET_A UINT64_C(0xa0761d6478bd642f)
#define SECRET_B UINT64_C(0xe7037ed1a0b428db)
#define SECRET_C UINT64_C(0x8ebc6af09c88c6e3)

static inline uint64_t hash_fold(uint64_t a, uint64_t b)
{
	unsigned __int128 product = (unsigned __int128)a * b;

	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static inline uint64_t hash_load(const unsigned char *ptr)
{
	uint64_t word;

	memcpy(&word, ptr, sizeof(word));
	return word;
}

/* 1 to 8 bytes, the others 0. From pieces that overlap: a copy of so many would be a call. */
static inline uint64_t hash_load_last(const unsigned char *ptr, size_t len)
{
	uint32_t low, high;

	if (len < 4)
		return ptr[0] | (uint64_t)ptr[len / 2] << 8 * (len / 2) |
		       (uint64_t)ptr[len - 1] << 8 * (len - 1);
	memcpy(&low, ptr, sizeof(low));
	memcpy(&high, ptr + len - 4, sizeof(high));
	return low | (uint64_t)high << 8 * (len - 4);
}

uint64_t hash_bytes(const void *ptr, size_t len, uint64_t seed)
{
	const unsigned char *at = ptr;
	uint64_t hash = hash_fold(seed ^ SECRET_A, len ^ SECRET_B);
	uint64_t key = hash_fold(seed ^ SECRET_B, SECRET_C) ^ SECRET_A;
	uint64_t a = 0, b = 0;

	for (; len > 16; at += 16, len -= 16)
		hash = hash_fold(hash_load(at) ^ key, hash_load(at + 8) ^ hash);
	if (len > 8) {
		a = hash_load(at);
		b = hash_load_last(at + 8, len - 8);
	} else if (len) {
		a = hash_load_last(at, len);
	}
	return hash_fold(SECRET_C ^ hash, hash_fold(a ^ key, b ^ hash));
}
