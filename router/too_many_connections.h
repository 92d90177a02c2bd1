/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A node that is up and grants no more connections (SQLSTATE 53300: the limit of a role, of a
 * database, or of the server). A request that needed one has waited for a connection in vain; that
 * there is no primary, or no node, would be the wrong word for it. On the loop's thread.
 */
#pragma once

#include "base/check.h"

#include <stdbool.h>

struct router;
struct task;

/* Has this loop no conn to the node because none is granted? */
bool too_many_connections_at(const struct router *router, unsigned node) must_check;
/* The request is about to be told how it ended: was it refused for want of a node that is full, it
 * is told so, and to come back no sooner than the node is asked again. */
void too_many_connections_explain(struct task *task);
