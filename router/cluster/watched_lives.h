/* SPDX-License-Identifier: Apache-2.0 */
/*
 * When the monitor asks for the lives of a log (router/cluster/lives.h), and has one added. A node
 * that claims to be primary is asked before it is followed; one that would be followed and whose
 * own life is missing has it added, and is asked again. A standby is asked while it should have
 * replayed the beginning of the primary's life and is not known to.
 */
#pragma once

#include "base/check.h"
#include "router/cluster/watched.h"

#include <stdbool.h>
#include <stdint.h>

void watched_lives_init(struct watched *watched);
/* Are they what the node is to be asked for next? */
bool watched_wants_lives(const struct watched *watched, int64_t now_us) must_check;
/* ASK_LIVES ended. */
void watched_on_lives(struct watched *watched, bool answered);
/* ASK_LIVES was given up: the table may be locked. A primary is followed without them. */
void watched_lives_are_late(struct watched *watched);
/* Begins to add the node's life where that is due. */
void watched_begin_life(struct watched *watched, const struct pool_settings *settings);
