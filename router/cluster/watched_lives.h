/* SPDX-License-Identifier: Apache-2.0 */
/*
 * When the monitor asks for the lives of a log (router/cluster/lives.h), and has one added. A node
 * that claims to be primary is asked before it is followed; one that would be followed and whose
 * own life is missing has it added, and is asked again. Where no answer comes, of a table that is
 * locked or over a network that loses packets, it is asked on for WATCHED_LIVES_TURNS times
 * --lag-poll-ms, WATCHED_LIVES_US_MAX at most, and not followed so long: what was lost could not be
 * told. A standby is asked while it should have replayed the beginning of the primary's life and is
 * not known to.
 */
#pragma once

#include "base/check.h"
#include "router/cluster/watched.h"

#include <stdbool.h>
#include <stdint.h>

#define WATCHED_LIVES_TURNS 100
#define WATCHED_LIVES_US_MAX (10 * US_PER_S)

void watched_lives_init(struct watched *watched);
/* Are they what the node is to be asked for next? */
bool watched_wants_lives(const struct watched *watched, int64_t now_us) must_check;
/* ASK_LIVES ended. */
void watched_on_lives(struct watched *watched, bool answered);
/* ASK_LIVES was given up. A primary that has not told them for too long is followed without. */
void watched_lives_are_late(struct watched *watched);
/* Begins to add the node's life where that is due. */
void watched_begin_life(struct watched *watched, const struct pool_settings *settings);
