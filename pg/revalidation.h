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

/* True: the caller describes it now, and says revalidation_end whatever comes of it. */
bool revalidation_begin(struct statement *statement, int64_t now_us) must_check;
void revalidation_end(struct statement *statement);
/* Is one under way? */
bool revalidation_is_on(const struct statement *statement) must_check;
/* Pays for one without beginning it: for one more node that is asked. */
bool revalidation_pay(struct statement *statement, int64_t now_us) must_check;
