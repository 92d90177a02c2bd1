/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One command, a transaction of its own. Its position is read behind the commit, so that it is at
 * or after the commit record; only with it has the command succeeded.
 *
 *   command    [call] [feed]? [xid] Sync  [position] Sync
 *   isolated   [BEGIN] [call] [feed]? [xid] [COMMIT] Sync  [position] Sync
 *                at its isolation level, or where it may not commit by itself
 *   framed     [BEGIN] [before] [call] Sync         what was sent cannot commit yet
 *                │ the call has run and its maker goes on (call_frame.on_ran)
 *                └──► [feed]? [behind] [xid] [COMMIT] Sync  [position] Sync
 *
 * [feed] is of pg/wire/feed_row.h. A call whose conn is lost behind a commit that was sent is
 * CALL_LOST, and never placed again.
 */
#pragma once

#include "pg/call.h"
#include "pg/wire/plan.h"
#include "pg/wire/settle.h"

extern const struct plan plan_command, plan_isolated, plan_framed;

/* For groups: what the commands took is learnt, then they end. */
void plan_command_over(struct conn *conn, settle_slot *end);
/* The command ends by what the batch knows of its commit. */
void plan_command_end(struct conn *conn, struct slot *slot);
/* It was lost with the conn. */
void plan_command_lose(struct conn *conn, struct slot *slot, const struct closing *closing);
