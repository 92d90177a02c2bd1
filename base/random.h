/* SPDX-License-Identifier: Apache-2.0 */
/* Pseudo-random numbers for jitter and choice (never for secrets), and true ones for keys. */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct random {
	uint64_t state[4];
};

/* Seeds by splitmix64; the same seed gives the same numbers (xoshiro256**, Blackman and Vigna). */
void random_init(struct random *random, uint64_t seed);
uint64_t random_next(struct random *random);
/* Uniform in [0, below); below must not be 0. */
uint64_t random_below(struct random *random, uint64_t below);
/*
 * A pause before try number n (from 0): doubled each time from base, at most max, jittered: between
 * half of that and all of it.
 */
int64_t random_backoff_us(struct random *random, unsigned n, int64_t base_us, int64_t max_us);
/* Bytes from the kernel, good for keys. */
void random_bytes(void *out, size_t len);
