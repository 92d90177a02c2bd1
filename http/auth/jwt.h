/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A JSON Web Token (RFC 7519) to a principal. What it claims is judged first: that costs a fraction
 * of a signature, and a token that has expired needs none to be refused. Nothing of it counts until
 * its signature was verified. Pure, but for the keys' own scratch memory. A token chooses neither
 * key nor algorithm: its `kid` narrows the keys, its `alg` must be that of the key; `jku`, `jwk`,
 * `x5u` and `x5c` are not read.
 */
#pragma once

#include "base/arena.h"
#include "base/check.h"
#include "base/principal.h"
#include "base/text.h"
#include "http/auth/jwk.h"

#include <stdbool.h>
#include <stdint.h>

enum jwt_verdict {
#define JWT(name, reason, text) JWT_##name,
#include "http/auth/jwt_verdict.def"
#undef JWT
	JWT_VERDICTS
};

/* Keys of one thread, ready to verify. */
struct jwt_keys;

struct jwt_keys *jwt_keys_new(const struct jwk_set *set) must_check;
void jwt_keys_free(struct jwt_keys *keys);

/* What a token must claim, and how a principal is made of it. Texts are borrowed. */
struct jwt_policy {
	struct text issuer;      /* `iss` is exactly that */
	struct text audience;    /* `aud` is that, or an array of strings with it */
	struct text roles_claim; /* an array of strings, or a string with blanks between */
	struct text user_claim;  /* a string */
	int64_t leeway_us;       /* how far the issuer's clock may differ from ours */
	enum acts_for acts_for;
};

/*
 * now_s: Unix time. JWT_OK: principal is filled, its texts live in the arena. `iss`, `aud`, `exp`
 * and `sub` are required; a token may be valid for JWT_LIFETIME_US_MAX (exp - iat; without iat: exp
 * - now). With ACTS_FOR_SELF the user's claim is required as well. Roles that no `@roles` can name
 * are left out. principal->expires_s is the first second in which it is over, leeway included.
 */
enum jwt_verdict jwt_verify(struct jwt_keys *keys, struct text token, int64_t now_s,
			    const struct jwt_policy *policy, struct arena *arena,
			    struct principal *principal) must_check;

/* May a signature have been verified to find this out? */
bool jwt_was_verified(enum jwt_verdict verdict) must_check;
/* "audience": a label. */
const char *jwt_reason(enum jwt_verdict verdict);
/* "it is not for --jwt-audience": for the log. */
const char *jwt_verdict_text(enum jwt_verdict verdict);
