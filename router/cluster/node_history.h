/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The timeline that a node is on, and the history of it: told by a walsender, guessed from its
 * status where that is refused, or not known.
 */
#pragma once

#include "base/check.h"
#include "router/cluster/cluster.h"

#include <stdbool.h>
#include <stdint.h>

#define NODE_HISTORY_WANTS_NOTHING 0
#define NODE_HISTORY_WANTS_TIMELINE UINT32_MAX
/*
 * What a walsender of this node is to be asked now: the history of that timeline,
 * NODE_HISTORY_WANTS_TIMELINE where only that tells which one the node is on, or
 * NODE_HISTORY_WANTS_NOTHING.
 */
uint32_t node_history_wanted(const struct cluster *cluster, unsigned index) must_check;
/* Its status has told its timeline. */
void node_history_take_timeline(struct cluster *cluster, unsigned index,
				const struct node_status *status);
/* A node out of recovery refused its history: what its status tells takes its place. */
void node_history_guess(struct cluster *cluster, unsigned index);
/* Is its history known, or known not to be had? */
bool node_history_is_settled(const struct cluster *cluster, unsigned index) must_check;
/* Was it promoted to the same number as the primary, but from another place? */
bool node_history_is_other(const struct cluster *cluster, unsigned index) must_check;
/* Was its timeline given up? Then it comes back only as one that was left. */
bool node_history_is_given_up(const struct cluster *cluster, unsigned index) must_check;
