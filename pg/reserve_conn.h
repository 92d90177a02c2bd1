/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Quick calls whose conns are all late. A statement of which nothing is known travels with quick
 * ones, and where it turns out slow it holds their conn for as long as it runs; in a pool of few
 * conns that may be the only one. Then quick calls, the breaker's probe among them, take an idle
 * conn for slow calls; a pool without such a conn opens one more, and closes it after
 * CONN_IDLE_US_MAX without work.
 */
#pragma once

#include "base/check.h"

#include <stdbool.h>

struct pool;

/* Is each conn for quick calls out for longer than a quick batch takes, or not made? */
bool reserve_conn_is_due(const struct pool *pool) must_check;
/* At the end of a turn: looks again in time, while quick calls wait. */
void reserve_conn_watch(struct pool *pool);
