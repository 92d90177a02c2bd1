/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HMAC-SHA-256 (RFC 2104), cut to 128 bits (section 5), by OpenSSL, which only base/sign.c knows.
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
/* SHA-256, for checksums of migrations; out is 32 bytes. */
void sha256(const void *ptr, size_t len, uint8_t out[32]);
