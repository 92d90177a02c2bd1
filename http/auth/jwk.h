/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JSON Web Keys (RFC 7517, 8037): a key set as text, or a secret, to plain bytes that can be
 * published (base/snapshot.h). Keys that sign nothing we verify are left out, with a reason.
 */
#pragma once

#include "base/buf.h"
#include "base/check.h"
#include "base/limits.h"
#include "base/text.h"
#include "http/auth/jws.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct jwk {
	uint32_t kid_len; /* 0: it has no name */
	char kid[JWK_KID_BYTES_MAX];
	struct jws_material material;
};

/* Every byte beyond what is in use is 0: equal sets are equal bytes. */
struct jwk_set {
	uint32_t count;
	struct jwk keys[JWK_KEYS_MAX];
};

/*
 * Fills set from a JWK Set: public keys of RS256 (2048 bits at least), ES256 (P-256) and EdDSA
 * (Ed25519); `alg`, `use` and `key_ops` are respected. left_out gets a line for each other key.
 * False: no JWK Set, or no key of it is of use; error says so, and set is undefined.
 */
bool jwk_set_read(struct text text, struct jwk_set *set, struct buf *left_out, char *error,
		  size_t error_room) must_check;
/* The set of one HS256 key. False: the secret is too short or too long; error says so. */
bool jwk_set_secret(struct text secret, struct jwk_set *set, char *error,
		    size_t error_room) must_check;
