/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JWTs of one loop: the keys that are published, made ready to verify when they change, and the
 * tokens that they verified before. One thread; no lock.
 */
#pragma once

#include "base/arena.h"
#include "base/check.h"
#include "base/principal.h"
#include "base/snapshot.h"
#include "base/text.h"
#include "http/auth/jwt.h"

#include <stdint.h>

struct jwt_verifier;

/* All of it is borrowed. */
struct jwt_verifier_settings {
	struct jwt_policy policy;
	struct snapshot *keys; /* of struct jwk_set */
	/* A token came that a key which is not published may have signed. Any number of times. */
	void (*on_unknown_key)(void *arg);
	void *arg;
};

struct jwt_verifier *jwt_verifier_new(const struct jwt_verifier_settings *settings) must_check;
void jwt_verifier_free(struct jwt_verifier *verifier);

/*
 * A token that was verified before, and still counts: who it is, in the arena. NULL: ask
 * jwt_verifier_check. No signature is verified here.
 */
const struct principal *jwt_verifier_find(struct jwt_verifier *verifier, struct text token,
					  int64_t now_s, struct arena *arena) must_check;
/*
 * Verifies it (22 to 115 us), and remembers it where it is good. JWT_OK: principal is in the arena.
 * JWT_KEYS_UNKNOWN: nothing was published yet.
 */
enum jwt_verdict jwt_verifier_check(struct jwt_verifier *verifier, struct text token, int64_t now_s,
				    struct arena *arena,
				    const struct principal **principal) must_check;
