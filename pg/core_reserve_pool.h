/* SPDX-License-Identifier: Apache-2.0 */
/* Long queries as a pool holds them back for the sake of quick ones; by what rule, says
 * core_reserve.h. */
#pragma once

#include "base/check.h"

#include <stdbool.h>
#include <stdint.h>

struct pool;
struct conn;
struct call;

/* Is there no core for the first that waits, so that it has to? Only where one waits. */
bool core_reserve_holds_back(const struct pool *pool) must_check;
/* For the first that waits, which leaves on that conn. False: there is none after all. */
bool core_reserve_takes(struct conn *conn) must_check;
/* Its batch is over, or it is closed: the core that it holds, if any, is free. */
void core_reserve_release(struct conn *conn);
/* Those who could leave but for that are not refused for it. */
void core_reserve_mark(struct pool *pool);
/* How long a call has waited for its turn; that it was held back does not count. */
int64_t core_reserve_waited_us(const struct call *call, int64_t now_us) must_check;
