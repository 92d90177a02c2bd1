/* SPDX-License-Identifier: Apache-2.0 */
/* Folded 64 x 64 multiplications, 16 bytes a round, in the manner of wyhash (Wang Yi). */
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

static inline uint64_t hash_load(const unsigned char *ptr, size_t len)
{
	uint64_t word = 0;

	memcpy(&word, ptr, len);
	return word;
}

uint64_t hash_bytes(const void *ptr, size_t len, uint64_t seed)
{
	const unsigned char *at = ptr;
	uint64_t hash = hash_fold(seed ^ SECRET_A, len ^ SECRET_B);
	uint64_t a = 0, b = 0;

	for (; len > 16; at += 16, len -= 16)
		hash = hash_fold(hash_load(at, 8) ^ SECRET_B, hash_load(at + 8, 8) ^ hash);
	if (len > 8) {
		a = hash_load(at, 8);
		b = hash_load(at + 8, len - 8);
	} else if (len) {
		a = hash_load(at, len);
	}
	return hash_fold(SECRET_C ^ hash, hash_fold(a ^ SECRET_B, b ^ hash));
}
