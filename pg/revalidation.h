/* SPDX-License-Identifier: Apache-2.0 */
/*
 * When a statement that worked once is described anew, because the database it was described by
 * has changed (pg_error.of_catalog): at most REVALIDATION_BURST times at once and then once in
 * REVALIDATION_EVERY_US, over all loops, so that what stays broken costs little more than its
 * errors. One loop describes; the others look again until it is done. Any thread.
 */
#pragma once

#include "base/check.h"
#include "base/statement.h"

#include <stdbool.h>
#include <stdint.h>

/*
 * Has the time come to ask whether the types that its composites are made of have changed? True:
 * the caller does so now, and says revalidation_end; the others go on by the shape that is there.
 * That costs none of the renewals above: it comes once in FORMS_EVERY_US.
 */
bool revalidation_begin_verifying(struct statement *statement, int64_t now_us) must_check;
/* True: the caller describes it now, and says revalidation_end whatever comes of it. */
bool revalidation_begin(struct statement *statement, int64_t now_us) must_check;
void revalidation_end(struct statement *statement);
/* Is one under way? */
bool revalidation_is_on(const struct statement *statement) must_check;
/* Pays for one without beginning it: for one more node that is asked. */
bool revalidation_pay(struct statement *statement, int64_t now_us) must_check;
