/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How the calls of a batch leave it, whatever its plan: the trips behind an answered batch, which
 * put the session in order, and then call after call, last to first, so that those placed again
 * keep their order at the head of their queue.
 */
#pragma once

#include "base/check.h"
#include "pg/call.h"

#include <stdbool.h>

struct closing;
struct conn;
struct slot;

/* Ends the call of that slot or places it again, by what the plan knows. closing: the conn is lost,
 * and why; NULL: all that was sent has been answered. */
typedef void settle_slot(struct conn *conn, struct slot *slot, const struct closing *closing);

/* True: a transaction was left open, so its ROLLBACK is on its way, or the conn is closed. */
bool settle_rolls_back(struct conn *conn) must_check;
/* The same of a transaction that is open, has changed nothing and may be seen to have committed. */
void settle_ends_empty(struct conn *conn);
/* Everything has been answered: what is left of temporary tables goes, then the calls end and the
 * conn rests. */
void settle_over(struct conn *conn, settle_slot *end);
/* The conn is CLOSED while its batch was out: the calls end. */
void settle_lost(struct conn *conn, const struct closing *closing, settle_slot *lose);

/* The slot is empty afterwards, the call off the conn; its owner hears which of the two. */
void settle_end(struct conn *conn, struct slot *slot, enum call_end end, const char *lost_reason);
void settle_again(struct conn *conn, struct slot *slot);
