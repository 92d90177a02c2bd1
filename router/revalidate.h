/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A statement that worked once and now fails as when the catalogs of the database have changed: the
 * request goes back to be described, bound and placed again, and is answered by what comes of it.
 * The primary describes, where there is one: a replica may have the change still before it, and is
 * passed over. See pg/revalidation.h for how often.
 */
#pragma once

#include "base/check.h"
#include "pg/call.h"

#include <stdbool.h>
#include <stdint.h>

struct task;

/* The call of the task's statement has failed. True: that is forgotten, and the request goes back
 * to describing its statement. */
bool revalidate_try(struct task *task, const struct call *call) must_check;
/* Is the node a standby that may lack what the statement was described by lately? Remembered: no
 * query by that statement is placed there for a moment. */
bool revalidate_is_behind(struct task *task, const struct call *call, unsigned node) must_check;
/* Those nodes, a bit each. */
uint32_t revalidate_lacking(const struct shape *shape, int64_t now_us) must_check;
/* Is it for this request to ask whether the composites of its statement are what they were? It may
 * use the shape that is there whatever comes of that. */
bool revalidate_must_verify(struct task *task) must_check;
/* It has asked, or cannot, and they have not changed as far as is known. */
void revalidate_verified(struct task *task);
/* Has the statement a shape that no node has refused this request? */
bool revalidate_is_described(const struct task *task) must_check;
/* Another loop describes it anew: the request looks again after REVALIDATION_CHECK_US. */
bool revalidate_must_wait(const struct task *task) must_check;
/* It may describe its statement now: always, where that was never done. */
bool revalidate_may_describe(struct task *task) must_check;
/* It describes no more. */
void revalidate_end(struct task *task);
