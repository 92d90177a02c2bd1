/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which replicas get queries. One is good when it answers, is of our cluster, on the primary's
 * timeline and within the lag limits. A standby that never told its timeline is believed to follow
 * the primary only where no promotion can have left it behind.
 *
 * Lag is judged against the primary's last status, not against now: while the primary is gone
 * replicas stay as good as they were, since nothing newer is to be had.
 */
#pragma once

#include "base/check.h"
#include "router/cluster/cluster.h"

#include <stdint.h>

/* The replica has answered, or something was learned of its timeline. Nothing happens before
 * rotation_decide. */
void rotation_judge(struct cluster *cluster, unsigned index);
/* After each status: once every node was asked or a primary was seen, judges all replicas. */
void rotation_decide(struct cluster *cluster);
/* A new primary: a replica of another timeline leaves at once, what it replays may be lost. */
void rotation_leave_behind(struct cluster *cluster, unsigned index);
/* The lives of its log were told: the same, where it is of another one. */
void rotation_leave_log(struct cluster *cluster, unsigned index);
/*
 * The replica has restarted: a copy of an older primary may have taken its place, on the same
 * timeline, and have come further than what is known. It leaves at once, and comes back when the
 * primary that is followed was asked since; or, as there may be none for long, after 10 s in which
 * it has streamed from none.
 */
void rotation_restarted(struct cluster *cluster, unsigned index);
/* WAL between the primary's newest position and the node's; 0: none. */
uint64_t rotation_bytes_to_go(const struct cluster *cluster, unsigned index) must_check;
