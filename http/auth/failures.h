/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How many failed credentials an address may send (--auth-failures), and how many signatures are
 * verified in vain for all addresses together: asked before a signature is verified, so that a
 * flood of forged tokens costs little, from however many addresses it comes. Shared by all loops.
 * Any thread; nothing is locked.
 */
#pragma once

#include "base/check.h"
#include "base/gcra.h"
#include "base/text.h"

#include <stdbool.h>
#include <stdint.h>

struct auth_failures;

/* rate: of one address. */
struct auth_failures *auth_failures_new(struct gcra_rate rate) must_check;
void auth_failures_free(struct auth_failures *failures);

/*
 * How long an address has to wait until a signature is verified for it; 0: it need not. An address
 * that is not known (ptr NULL or empty) has no limit of its own: it would be everybody's. Addresses
 * of which a token was good within AUTH_KNOWN_US do not wait for what the others do.
 */
int64_t auth_failures_wait_us(const struct auth_failures *failures, struct text address,
			      int64_t now_us) must_check;
/* The address has failed: how long until one more failure is answered by 401, were it this one. */
int64_t auth_failures_count(struct auth_failures *failures, struct text address,
			    int64_t now_us) must_check;
/* A signature was verified for the address: the token was good, or was not. */
void auth_failures_verified(struct auth_failures *failures, struct text address, bool good,
			    int64_t now_us);
