/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Signatures of JWTs (RFC 7515, 7518, 8037) by OpenSSL's EVP, which besides base/sign.c only
 * http/auth/jws.c knows. A key is of one algorithm, which it is made with: no token chooses it.
 */
#pragma once

#include "base/check.h"
#include "base/limits.h"
#include "base/text.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum jws_algorithm { JWS_RS256, JWS_ES256, JWS_EDDSA, JWS_HS256 };

#define JWS_EXPONENT_BYTES_MAX 8
#define JWS_EC_BYTES 32      /* a coordinate of P-256; r or s of a signature */
#define JWS_ED25519_BYTES 32 /* a public key */

/* Of what a key is made: plain bytes, which can be published (base/snapshot.h). */
struct jws_material {
	enum jws_algorithm algorithm;
	uint32_t len, exponent_len;
	/* RS256: the modulus; ES256: x, then y; EdDSA: x; HS256: the secret. */
	uint8_t bytes[JWS_KEY_BYTES_MAX];
	uint8_t exponent[JWS_EXPONENT_BYTES_MAX]; /* RS256 only */
};

struct jws_key; /* one thread at a time */

/* By its name in a token or in a JWK, as case has it; false: none of the four. */
bool jws_algorithm_parse(struct text name, enum jws_algorithm *algorithm) must_check;

/* NULL: no key of its algorithm, or a weak one; why says it in a few words. */
struct jws_key *jws_key_new(const struct jws_material *material, const char **why) must_check;
void jws_key_free(struct jws_key *key);
enum jws_algorithm jws_key_algorithm(const struct jws_key *key);
/* Is that the signature of signed_text by this key? */
bool jws_verify(struct jws_key *key, struct text signed_text, const uint8_t *signature,
		size_t len) must_check;
