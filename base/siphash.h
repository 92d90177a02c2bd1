/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SipHash-2-4 with 128 bits (Aumasson and Bernstein), by OpenSSL: a keyed hash whose results may be
 * shown. Who does not have the key can neither tell the hash of a text nor find two texts of one
 * hash in fewer than some 2^64 tries. For short texts much cheaper than an HMAC.
 */
#pragma once

#include "base/check.h"

#include <stddef.h>
#include <stdint.h>

#define SIPHASH_KEY_BYTES 16
#define SIPHASH_BYTES 16

struct siphash; /* one thread at a time */

struct siphash *siphash_new(void) must_check;
void siphash_free(struct siphash *siphash);
/* Nothing is looked up or allocated. */
void siphash_hash(struct siphash *siphash, const uint8_t key[SIPHASH_KEY_BYTES], const void *ptr,
		  size_t len, uint8_t out[SIPHASH_BYTES]);
