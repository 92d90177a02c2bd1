/* SPDX-License-Identifier: Apache-2.0 */
/* What the --jwt-… options say, as the loops need it, and where the keys come from. Main thread. */
#pragma once

#include "base/check.h"
#include "base/options.h"
#include "http/auth/jwks.h"
#include "http/auth/jwt_verifier.h"

#include <stdbool.h>
#include <stddef.h>

struct serve_jwt {
	struct jwt_verifier_settings settings; /* for every loop */
	struct jwks *jwks;                     /* NULL: no JWT is taken */
};

/* Is there an option about JWTs that says where their keys are? */
bool serve_jwt_is_on(const struct options *options) must_check;
/* Can the options be meant? False: stderr says what not. */
bool serve_jwt_check(const struct options *options) must_check;
/* Reads the file, or begins to ask the URL. False: stderr says why. Borrows the options. */
bool serve_jwt_start(struct serve_jwt *jwt, const struct options *options) must_check;
/* At a reload: reads a file again, to be taken by serve_jwt_take. False: error says why. */
bool serve_jwt_prepare(struct serve_jwt *jwt, char *error, size_t error_room) must_check;
void serve_jwt_take(struct serve_jwt *jwt);
/* No loop has it any more. */
void serve_jwt_stop(struct serve_jwt *jwt);
