/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Queries whose rows leave before all of them are there. A stream is alone on a conn of its own
 * lane. When call->out is full the conn is not read until it was taken, so that the socket's own
 * flow control stops the server; libpq holds no more than what one read of the socket brought,
 * and one row.
 *
 *   [probe] Sync  [BEGIN] [bound] [timeouts] [call] [COMMIT] Sync      REPEATABLE READ, READ ONLY
 *
 * Both bounds must be known before the first row is sent, so the bound comes before the call.
 * The transaction's snapshot is taken for its first statement, before that reads anything: what
 * the bound reads is at or after all that the snapshot shows, and the call sees that same
 * snapshot. The probe is of an earlier transaction: a lower bound, as in every batch. It could not
 * be in the transaction, where it would come after the snapshot.
 */
#pragma once

#include "base/check.h"
#include "pg/wire/plan.h"

#include <stdbool.h>

extern const struct plan plan_stream;

/* out is empty again. True: the conn waited for that, and the end of this turn calls
 * plan_stream_go_on. */
bool plan_stream_on_taken(struct conn *conn) must_check;
/* Reads on, where the stream was taken. Calls may end. */
void plan_stream_go_on(struct conn *conn);
/* The rest is not wanted. */
void plan_stream_forget(struct conn *conn);
