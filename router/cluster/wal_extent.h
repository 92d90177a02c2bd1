/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Nodes with less or more WAL than the primary told: copies restored from an older backup, a
 * primary that lost what was not flushed, standbys that have replayed it.
 */
#pragma once

#include "base/check.h"
#include "router/cluster/cluster.h"

#include <stdbool.h>
#include <stdint.h>

/* After the first status of a life, with its timeline and position. */
void wal_extent_born(struct cluster *cluster, unsigned index);
/* Is it on the timeline of the last primary with less WAL, and not that one itself? */
bool wal_extent_is_behind(const struct cluster *cluster, unsigned index) must_check;
/* Is it the last primary, back with less WAL than it had told? */
bool wal_extent_came_back_short(const struct cluster *cluster, unsigned index) must_check;
/* The lsn up to which the node has kept, at most, the WAL of the timeline it was left on. */
uint64_t wal_extent_cut(const struct cluster *cluster, unsigned index) must_check;
/* Standbys beyond the cut have what the primary has lost. */
void wal_extent_leave_ahead(struct cluster *cluster, uint64_t cut);
/* A standby whose log has the primary's life is ahead of nothing. */
void wal_extent_judge_again(struct cluster *cluster, unsigned index);
/* The primary has answered a status query that was sent then: standbys beyond it leave the
 * rotation. */
void wal_extent_judge_ahead(struct cluster *cluster, int64_t sent_us);
