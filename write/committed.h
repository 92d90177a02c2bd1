/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where a commit is on the primary's timeline of now: another primary may have been promoted while
 * it was on its way.
 */
#pragma once

#include "base/check.h"
#include "base/position.h"
#include "router/router.h"
#include "write/command.h"

#include <stdint.h>

/*
 * position: as it was read behind the commit. judged, life: the era, and the mark of the log's last
 * life, by which its writer was judged last, before it was sent; with later ones its primary's
 * conns are gone. POSITION_NONE: the commit is not there for sure. Refreshes the router.
 */
struct position committed_at(struct router *router, uint32_t judged, uint32_t life,
			     struct position position) must_check;
/* What committed_at has given is acknowledged: it is heard of, and known of the primary's log. */
void committed_acknowledge(struct router *router, struct position position);
/*
 * Its position, which committed_at has given, is a read index for queries that had asked before it
 * was sent to that node (router/read_index.h). May run them.
 */
void committed_carry(struct router *router, unsigned node, const struct command *command);
