/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Queries whose rows leave before all of them are there. A stream is alone on a conn of its own
 * lane. When call->out is full the conn is not read until it was taken, so that the socket's own
 * flow control stops the server; libpq holds no more than what one read of the socket brought,
 * and one row.
 *
 *   [probe] Sync  [BEGIN] [bound] [timeouts] [call] [COMMIT] Sync      REPEATABLE READ, READ ONLY
 *
 * Both bounds must be known before the first row is told, so the bound comes before the call.
 * The transaction's snapshot is taken for its first statement, before that reads anything: what
 * the bound reads is at or after all that the snapshot shows, and the call sees that same
 * snapshot. The probe is of an earlier transaction: a lower bound, as in every batch. It could not
 * be in the transaction, where it would come after the snapshot.
 */
#pragma once

#include "base/check.h"
#include "pg/wire/conn.h"

#include <stdbool.h>

/* Tells the maker of the stream on this conn what came, where it is enough; may close the conn. */
void stream_on_result(struct conn *conn);
/* There is nothing more to read now: what has come is told, once a stream has begun. */
void stream_on_drained(struct conn *conn);
/* out is empty again. True: the conn waited for that, and the end of this turn calls
 * stream_go_on. */
bool stream_on_taken(struct conn *conn) must_check;
/* Reads on, where the stream was taken. Calls may end. */
void stream_go_on(struct conn *conn);
/* Nobody wants the rest. */
void stream_forget(struct conn *conn);
