/* SPDX-License-Identifier: Apache-2.0 */
/* One ROLLBACK or COMMIT, one DISCARD at most; where the first does not help, the conn closes. */
#include "pg/wire/settle.h"

#include "pg/wire/conn.h"
#include "pg/wire/pipeline.h"

#include <assert.h>

#define SETTLE_BLIND "what its command left in its session is not known"

static void settle_transaction(struct conn *conn, enum batch_state state, const char *how)
{
	batch_move(&conn->batch, state);
	batch_begin_trip(&conn->batch);
	pipeline_sent(conn, pipeline_text(conn, ENTRY_ROLLBACK, how) &&
				    pipeline_text(conn, ENTRY_ROLLBACK,
						  "SELECT pg_advisory_unlock_all()") &&
				    pipeline_sync(conn, ENTRY_SIDE_SYNC));
}

bool settle_rolls_back(struct conn *conn)
{
	if (PQtransactionStatus(conn->pgconn) == PQTRANS_IDLE)
		return false;
	if (conn->batch.state == BATCH_OUT)
		settle_transaction(conn, BATCH_ROLLING_BACK, "ROLLBACK");
	else if (conn->batch.state == BATCH_COMMITTING)
		settle_transaction(conn, BATCH_ROLLING_BACK_LATE, "ROLLBACK");
	else
		conn_close(conn, closing_failed("a transaction could not be ended"));
	return true;
}

void settle_ends_empty(struct conn *conn)
{
	assert(PQtransactionStatus(conn->pgconn) == PQTRANS_INTRANS);
	settle_transaction(conn, BATCH_ROLLING_BACK, "COMMIT");
}

static void settle_clean(struct conn *conn)
{
	batch_move(&conn->batch, BATCH_CLEANING);
	batch_begin_trip(&conn->batch);
	conn->batch.temporary = false;
	conn->temporary = CONN_TEMPORARY_MADE;
	pipeline_sent(conn, pipeline_text(conn, ENTRY_ROLLBACK, "DISCARD TEMP") &&
				    pipeline_sync(conn, ENTRY_SIDE_SYNC));
}

/* It has committed, and the statement that tells of locks and temporary tables has failed. */
static bool settle_is_blind(const struct batch *batch)
{
	return batch_commits(batch) && !position_known(batch->position) &&
	       (batch->state == BATCH_COMMITTING || batch->state == BATCH_COMMITTED);
}

static void settle_all(struct conn *conn, const struct closing *closing, settle_slot *settle)
{
	struct batch *batch = &conn->batch;

	for (unsigned i = batch->slots_count; i-- > 0;)
		if (batch->slots[i].call)
			settle(conn, &batch->slots[i], closing);
	batch_move(batch, BATCH_NONE);
}

void settle_over(struct conn *conn, settle_slot *end)
{
	assert(conn->state == CONN_BUSY);
	if (conn->batch.temporary) {
		settle_clean(conn);
		return;
	}
	if (settle_is_blind(&conn->batch))
		conn->session_state = SETTLE_BLIND;
	conn->home->owner->on_answered(conn);
	settle_all(conn, NULL, end);
	conn_rest(conn);
}

void settle_lost(struct conn *conn, const struct closing *closing, settle_slot *lose)
{
	settle_all(conn, closing, lose);
}

static struct call *settle_release(struct conn *conn, struct slot *slot)
{
	struct call *call = slot->call;

	assert(call->conn == conn);
	slot->call = NULL;
	call->conn = NULL;
	return call;
}

void settle_end(struct conn *conn, struct slot *slot, enum call_end end, const char *lost_reason)
{
	conn->home->owner->on_result_end(conn, settle_release(conn, slot), end, lost_reason);
}

void settle_again(struct conn *conn, struct slot *slot)
{
	conn->home->owner->on_again(conn, settle_release(conn, slot));
}
