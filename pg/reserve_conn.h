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

/* Is each conn for quick calls out, and for longer than a quick batch takes? */
bool reserve_conn_is_due(const struct pool *pool) must_check;
/* Do quick calls wait, so that it may be due after another ESTIMATE_SLOW_US? */
bool reserve_conn_is_near(const struct pool *pool) must_check;
