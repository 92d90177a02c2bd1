/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who is the primary: out of recovery, of our cluster, never of a timeline lower than one seen
 * before; of several the highest timeline, then the one that is it already. Two that were promoted
 * to the same number apart from each other differ in their history. One of a new timeline is the
 * primary only once its history is settled (told, or not to be had), so that the two are published
 * together. Every other node out of recovery is fenced.
 *
 * The primary itself, back with less WAL than it had, is followed at once: no other node can have
 * what it lost.
 */
#pragma once

#include "base/check.h"
#include "router/cluster/cluster.h"

#include <stdbool.h>

/* After anything was learned of a node. Calls events.on_promoted for a new primary. */
void election_hold(struct cluster *cluster);
/* The branch that was followed is given up for the one that this node is on, as the primary.
 * False: there were too many (router/cluster/branches.h), nothing was changed. */
bool election_give_up(struct cluster *cluster, unsigned index) must_check;
