/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sixteen bytes at once, as gcc and clang have them for any processor: for what is asked of each
 * byte of each request. A comparison makes 0xff of each byte for which it holds, 0 of the others.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

typedef unsigned char bytes16 __attribute__((vector_size(16)));

static inline bytes16 bytes16_load(const void *ptr)
{
	bytes16 bytes;

	memcpy(&bytes, ptr, sizeof(bytes));
	return bytes;
}

/* Is there one that is not 0? */
static inline bool bytes16_any(bytes16 bytes)
{
	uint64_t halves[2];

	memcpy(halves, &bytes, sizeof(halves));
	return halves[0] | halves[1];
}
