/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HMAC-SHA-256 (RFC 2104), cut to 128 bits (section 5), and SHA-256, by OpenSSL.
 */
#pragma once

#include "base/check.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SIGN_KEY_BYTES 32
#define SIGN_MAC_BYTES 16

struct signer; /* one thread at a time */

struct signer *signer_new(const uint8_t key[SIGN_KEY_BYTES]) must_check;
void signer_free(struct signer *signer);
void signer_sign(struct signer *signer, const void *ptr, size_t len, uint8_t mac[SIGN_MAC_BYTES]);
/* In constant time. */
bool signer_verify(struct signer *signer, const void *ptr, size_t len,
		   const uint8_t mac[SIGN_MAC_BYTES]) must_check;

#define SHA256_BYTES 32

/* For what is hashed now and then: it looks the algorithm up each time. */
void sha256(const void *ptr, size_t len, uint8_t out[SHA256_BYTES]);

/* For what is hashed per request: nothing is looked up or allocated. One thread at a time. */
struct hasher;

struct hasher *hasher_new(void) must_check;
void hasher_free(struct hasher *hasher);
void hasher_sha256(struct hasher *hasher, const void *ptr, size_t len, uint8_t out[SHA256_BYTES]);
/* Are they equal? The time does not depend on where they differ. */
bool digests_equal(const uint8_t a[SHA256_BYTES], const uint8_t b[SHA256_BYTES]) must_check;
