/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How many failed credentials an address may send (--auth-failures): asked before a signature is
 * verified, so that a flood of forged tokens costs little. Shared by all loops. Any thread; nothing
 * is locked.
 */
#pragma once

#include "base/check.h"
#include "base/gcra.h"
#include "base/text.h"

#include <stdint.h>

struct auth_failures;

/* rate: of one address. */
struct auth_failures *auth_failures_new(struct gcra_rate rate) must_check;
void auth_failures_free(struct auth_failures *failures);

/*
 * How long an address has to wait until one more failure of it is answered by 401; 0: it need not.
 * An address that is not known (ptr NULL or empty) is not limited: it would be everybody's.
 */
int64_t auth_failures_wait_us(const struct auth_failures *failures, struct text address,
			      int64_t now_us) must_check;
/* The address has failed; the same, for this failure. */
int64_t auth_failures_count(struct auth_failures *failures, struct text address,
			    int64_t now_us) must_check;
