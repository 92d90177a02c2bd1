/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rate limits: which policies a request is under, and whether each of them lets it through. The
 * buckets are shared by all loops of the process; the policies are options.
 *
 * All policies are looked at before any is charged, so that a request that one of them refuses
 * costs nothing at the others. (Only if another loop takes the last of one in between, what was
 * charged stays charged: then a request may be refused early, none is let through.)
 */
#pragma once

#include "base/buf.h"
#include "base/check.h"
#include "base/rate_policy.h"
#include "base/request.h"
#include "catalog/catalog.h"

#include <stdbool.h>
#include <stddef.h>

struct task;
struct ratelimit;

/* slots: keys with less than a full bucket, about. */
struct ratelimit *ratelimit_new(size_t slots) must_check;
void ratelimit_free(struct ratelimit *ratelimit);

/*
 * The operation was looked for. One that is not there costs 1, and is under the policies that are
 * for no operation. STEP_DONE with an outcome if the request is refused.
 */
enum step ratelimit_admit(struct task *task) must_check;

/*
 * Whether the policies fit the catalog. False: one names an operation that is not there, for each a
 * line "error: …" with the nearest known name. A line "file:line: warning: …" for each operation
 * that can never pass a policy.
 */
bool ratelimit_check(const struct rate_policies *policies, const struct catalog *catalog,
		     struct buf *lines) must_check;
