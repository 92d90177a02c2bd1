/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A rate limit as an operator writes it:
 *
 *   [operation NAME] [caller] [user] N/s|m|h|d [burst N] [name NAME]
 *
 * "user 100/s burst 200": each user, 100 a second, 200 at once. "operation place_order user 5/s":
 * each user of that operation. Without caller and user all requests share one bucket, which wants
 * an operation. burst: N of the rate when it is not given. name: the words before the rate joined
 * by "/" (of operation NAME only the NAME), for metrics and headers.
 */
#pragma once

#include "base/arena.h"
#include "base/check.h"
#include "base/gcra.h"
#include "base/limits.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct rate_policy {
	const char *name;
	const char *text;      /* as it was written */
	const char *operation; /* NULL: each of them */
	bool per_caller, per_user;
	/* A unit is rounded up to a whole nanosecond: never more than what was written. */
	struct gcra_rate rate;
	int64_t burst;      /* in units */
	const char *header; /* its item of RateLimit-Policy */
	uint64_t hash;      /* of name and numbers: a policy that is changed begins anew */
};

/* "20/m", with a whole burst of it. False: it is none. */
bool rate_parse(const char *text, struct gcra_rate *rate) must_check;

struct rate_policies {
	struct rate_policy items[RATE_POLICIES_MAX];
	size_t count;
};

/*
 * Adds one; texts are copied to the arena. False: error says what is wrong with it, be it that the
 * name is taken.
 */
bool rate_policies_add(struct rate_policies *policies, const char *text, struct arena *arena,
		       char *error, size_t error_room) must_check;
