/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A node that is up and grants no more connections (SQLSTATE 53300: the limit of a role, of a
 * database, or of the server). A request that needed one has waited for a connection in vain; "no
 * primary" or "no replica" would be the wrong answer. On the loop's thread.
 */
#pragma once

#include "base/check.h"

#include <stdbool.h>

struct router;
struct task;

/* Has this loop no conn to the node because none is granted? */
bool too_many_connections_at(const struct router *router, unsigned node) must_check;
/* At the end of a request. Was it refused for want of a node, and that node grants no connections?
 * Then the outcome becomes OUTCOME_QUEUE_TIMEOUT, with that reason, and Retry-After is no sooner
 * than the next login there. */
void too_many_connections_explain(struct task *task);
