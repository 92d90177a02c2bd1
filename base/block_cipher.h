/* SPDX-License-Identifier: Apache-2.0 */
/*
 * AES-128 of one block, by OpenSSL: a permutation of 16 bytes that who lacks the key cannot tell
 * from a random one. It hides a number; it does not prove where a text comes from.
 */
#pragma once

#include "base/check.h"

#include <stdint.h>

#define BLOCK_CIPHER_KEY_BYTES 16
#define BLOCK_CIPHER_BYTES 16

struct block_cipher; /* one thread at a time */

struct block_cipher *block_cipher_new(const uint8_t key[BLOCK_CIPHER_KEY_BYTES]) must_check;
void block_cipher_free(struct block_cipher *cipher);
void block_cipher_encrypt(struct block_cipher *cipher, const uint8_t in[BLOCK_CIPHER_BYTES],
			  uint8_t out[BLOCK_CIPHER_BYTES]);
void block_cipher_decrypt(struct block_cipher *cipher, const uint8_t in[BLOCK_CIPHER_BYTES],
			  uint8_t out[BLOCK_CIPHER_BYTES]);
