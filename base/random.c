/* SPDX-License-Identifier: Apache-2.0 */
/* xoshiro256** 1.0 (Blackman and Vigna), seeded by splitmix64; getrandom(2) for keys. */
#include "base/random.h"

#include "base/log.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <sys/random.h>

static inline uint64_t random_rotate(uint64_t x, int bits)
{
	return x << bits | x >> (64 - bits);
}

void random_init(struct random *random, uint64_t seed)
{
	for (int i = 0; i < 4; i++) {
		uint64_t z = seed += UINT64_C(0x9e3779b97f4a7c15);

		z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
		z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
		random->state[i] = z ^ (z >> 31);
	}
}

uint64_t random_next(struct random *random)
{
	uint64_t *s = random->state;
	uint64_t next = random_rotate(s[1] * 5, 7) * 9;
	uint64_t shifted = s[1] << 17;

	s[2] ^= s[0];
	s[3] ^= s[1];
	s[1] ^= s[2];
	s[0] ^= s[3];
	s[2] ^= shifted;
	s[3] = random_rotate(s[3], 45);
	return next;
}

uint64_t random_below(struct random *random, uint64_t below)
{
	uint64_t least, number;

	assert(below != 0);
	/* The first 2^64 % below numbers would favour the small ones. */
	least = -below % below;
	do
		number = random_next(random);
	while (number < least);
	return number % below;
}

int64_t random_backoff_us(struct random *random, unsigned n, int64_t base_us, int64_t max_us)
{
	int64_t pause_us = base_us;

	assert(base_us > 0);
	assert(max_us >= base_us);
	while (n-- > 0 && pause_us < max_us)
		pause_us = pause_us > max_us / 2 ? max_us : pause_us * 2;
	return pause_us - (int64_t)random_below(random, (uint64_t)pause_us / 2 + 1);
}

void random_bytes(void *out, size_t len)
{
	char *to = out;

	while (len) {
		ssize_t got = getrandom(to, len, 0);

		if (got < 0 && errno != EINTR)
			log_fatal("random", "getrandom: %s", strerror(errno));
		if (got > 0) {
			to += got;
			len -= (size_t)got;
		}
	}
}
