/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libpq gives results in the order in which entries were sent: for each entry one result (rows of a
 * RUN one by one before it), then NULL; for a Sync only PGRES_PIPELINE_SYNC. After an error the
 * entries up to the Sync come as PGRES_PIPELINE_ABORTED.
 */
#include "pg/wire/answer.h"

#include "pg/types/types.h"
#include "pg/wire/conn.h"
#include "pg/wire/error.h"
#include "pg/wire/group.h"
#include "pg/wire/pooler.h"
#include "pg/wire/stream.h"

#include <assert.h>
#include <endian.h>
#include <stdlib.h>
#include <string.h>

#define ANSWER_OUT_OF_STEP "the server and libpq are out of step"

static void answer_result(struct conn *conn, const PGresult *result);
static void answer_between(struct conn *conn);
static void answer_good(struct conn *conn, const struct entry *entry, const PGresult *result);
static void answer_error(struct conn *conn, const struct entry *entry, const PGresult *result);
static void answer_aborted(struct conn *conn, const struct entry *entry);
static void answer_copy(struct conn *conn, const struct entry *entry, bool in);
static void answer_sync(struct conn *conn, const struct entry *entry);

void answer_take(struct conn *conn)
{
	while (conn->state == CONN_BUSY && conn->flow == FLOW_READS && !PQisBusy(conn->pgconn)) {
		PGresult *result = PQgetResult(conn->pgconn);

		if (result)
			answer_result(conn, result);
		else
			answer_between(conn);
		PQclear(result);
		stream_on_result(conn);
	}
	stream_on_drained(conn);
}

static struct slot *answer_slot(struct conn *conn, const struct entry *entry)
{
	assert(entry->slot < conn->batch.slots_count);
	return &conn->batch.slots[entry->slot];
}

static void answer_result(struct conn *conn, const PGresult *result)
{
	const struct entry *entry = &conn->batch.entries[conn->batch.next];

	assert(conn->batch.next < conn->batch.entries_count);
	conn->batch.between = false;
	switch (PQresultStatus(result)) {
	case PGRES_EMPTY_QUERY:
	case PGRES_COMMAND_OK:
	case PGRES_TUPLES_OK:
	case PGRES_SINGLE_TUPLE:
#ifdef LIBPQ_HAS_CHUNK_MODE
	case PGRES_TUPLES_CHUNK:
#endif
		answer_good(conn, entry, result);
		return;
	case PGRES_FATAL_ERROR:
		answer_error(conn, entry, result);
		return;
	case PGRES_PIPELINE_ABORTED:
		answer_aborted(conn, entry);
		return;
	case PGRES_PIPELINE_SYNC:
		answer_sync(conn, entry);
		return;
	case PGRES_COPY_IN:
		answer_copy(conn, entry, true);
		return;
	case PGRES_COPY_OUT:
	case PGRES_COPY_BOTH:
		answer_copy(conn, entry, false);
		return;
	case PGRES_BAD_RESPONSE:
	case PGRES_NONFATAL_ERROR:
		break;
	}
	conn_close(conn, closing_failed(ANSWER_OUT_OF_STEP));
}

/* NULL: all of this entry is there. A Sync is over only when libpq says so. */
static void answer_between(struct conn *conn)
{
	struct batch *batch = &conn->batch;
	enum entry_kind kind = batch->entries[batch->next].kind;

	if (batch->between) {
		conn_close(conn, closing_failed(PQstatus(conn->pgconn) == CONNECTION_BAD
							? "the connection was lost"
							: ANSWER_OUT_OF_STEP));
		return;
	}
	batch->between = true;
	if (kind == ENTRY_SYNC || kind == ENTRY_SYNC_AFTER)
		return;
	batch->next++;
	batch_expect(conn);
}

/* --- what went well -------------------------------------------------------------------------- */

/* An lsn or microseconds, eight bytes; a timeline, four. */
static uint64_t answer_binary(const PGresult *result, int column, bool *null)
{
	uint64_t bytes;
	uint32_t half;

	*null = PQgetisnull(result, 0, column);
	if (*null)
		return 0;
	switch (PQgetlength(result, 0, column)) {
	case sizeof(bytes):
		memcpy(&bytes, PQgetvalue(result, 0, column), sizeof(bytes));
		return be64toh(bytes);
	case sizeof(half):
		memcpy(&half, PQgetvalue(result, 0, column), sizeof(half));
		return be32toh(half);
	}
	return 0;
}

/* What both looks of a batch begin with. */
struct seen {
	bool in_recovery;
	uint64_t lsn;
	int64_t clock_us;
};

static bool answer_seen(const PGresult *result, int columns, struct seen *seen)
{
	bool null;

	if (PQntuples(result) != 1 || PQnfields(result) != columns)
		return false;
	seen->in_recovery = *PQgetvalue(result, 0, 0) != 0;
	seen->clock_us = (int64_t)answer_binary(result, 2, &null);
	seen->lsn = answer_binary(result, 1, &null);
	return !null;
}

static void answer_lower(struct conn *conn, const PGresult *result)
{
	struct batch *batch = &conn->batch;
	struct seen seen;

	if (!answer_seen(result, 3, &seen))
		return;
	batch->began_us = seen.clock_us;
	batch->in_recovery = seen.in_recovery;
	batch->lower = seen.lsn;
	batch->lower_known = true;
	for (unsigned i = 0; i < batch->slots_count; i++)
		if (batch->slots[i].call && batch->slots[i].call->kind == CALL_PROBE)
			batch->slots[i].state = SLOT_DONE;
}

/*
 * On a standby the one record after the position may be visible before the position says so, unless
 * nothing more has been received. Where nobody sends it any, the byte behind may never come: it is
 * asked for what proves that it stands (pg/wire/standby_bound.h), once.
 */
static void answer_upper(struct conn *conn, const struct entry *entry, const PGresult *result)
{
	struct batch *batch = &conn->batch;
	struct seen seen;
	uint64_t last;
	bool null, hidden, exact;

	if (!answer_seen(result, 5, &seen))
		return;
	last = answer_binary(result, 3, &null);
	batch->newest = seen.in_recovery ? 0 : last;
	exact = !seen.in_recovery || (!null && last == seen.lsn);
	batch->upper = seen.lsn + !exact;
	batch->timeline = (uint32_t)answer_binary(result, 4, &hidden);
	batch->upper_known =
		exact || hidden || batch->timeline || entry->fixed == FIXED_STANDBY_BOUND;
	if (!batch->ended_us)
		batch->ended_us = seen.clock_us;
}

static size_t answer_row_bytes(const PGresult *result, int row)
{
	size_t bytes = 0;

	for (int i = 0; i < PQnfields(result); i++)
		bytes += (size_t)PQgetlength(result, row, i);
	return bytes;
}

static void answer_row(struct conn *conn, struct slot *slot, const PGresult *result, int row)
{
	struct call *call = slot->call;
	size_t bytes;

	if (!call || slot->state != SLOT_OUT) {
		slot->discarded += answer_row_bytes(result, row);
		return;
	}
	call->rows++;
	if (call->rows_max && call->rows > call->rows_max) {
		slot->state = SLOT_TOO_LARGE;
		return;
	}
	if (!conn->batch.rows_begun)
		encoder_begin(&conn->encoder, result, call->bound);
	conn->batch.rows_begun = true;
	bytes = call->out->len;
	if (call->rows > 1)
		buf_byte(call->out, ',');
	encoder_row(&conn->encoder, result, row, call->out);
	call->bytes += call->out->len - bytes;
	if (call->bytes_max &&
	    (conn->batch.streams ? call->bytes : call->out->len) > call->bytes_max)
		slot->state = SLOT_TOO_LARGE;
}

static int64_t answer_affected(const PGresult *result)
{
	const char *digits = PQcmdTuples((PGresult *)result);

	return *digits ? strtoll(digits, NULL, 10) : -1;
}

static void answer_run(struct conn *conn, const struct entry *entry, const PGresult *result)
{
	struct slot *slot = answer_slot(conn, entry);

	for (int row = 0; row < PQntuples(result); row++)
		answer_row(conn, slot, result, row);
	if (slot->discarded > BATCH_DISCARD_BYTES_MAX && conn->batch.kind == CALL_QUERY) {
		conn_close(conn, closing_again(closing_unused("a result was too large")));
		return;
	}
	if (PQresultStatus(result) == PGRES_SINGLE_TUPLE)
		return;
	if (slot->call)
		slot->call->affected = answer_affected(result);
	if (slot->state == SLOT_OUT)
		slot->state = SLOT_DONE;
}

static struct pg_type answer_type(Oid oid)
{
	struct pg_type type = type_by_oid(oid);

	type.oid = oid;
	return type;
}

static void answer_describe(struct conn *conn, const struct entry *entry, const PGresult *result)
{
	struct slot *slot = answer_slot(conn, entry);
	int params = PQnparams(result), columns = PQnfields(result);

	slot->state = SLOT_DONE;
	if (!slot->call)
		return;
	slot->call->shape = shape_new((unsigned)params, (unsigned)columns);
	for (int i = 0; i < params; i++)
		slot->call->shape->param_types[i] = answer_type(PQparamtype(result, i));
	for (int i = 0; i < columns; i++)
		slot->call->shape->column_types[i] = answer_type(PQftype(result, i));
}

static void answer_session_state(const struct batch *batch, const PGresult *result)
{
	struct call *call = batch->slots[0].call;

	if (call && call->shape && PQntuples(result) == 1 && PQnfields(result) == 2)
		call->shape->session_state = (uint8_t)*PQgetvalue(result, 0, 1) - '0';
}

static uint64_t answer_number(const PGresult *result, int column)
{
	return strtoull(PQgetvalue(result, 0, column), NULL, 10);
}

static void answer_xid(struct batch *batch, const PGresult *result)
{
	if (PQntuples(result) != 1 || PQnfields(result) < 4)
		return;
	batch->wrote = *PQgetvalue(result, 0, 0) == 't';
	batch->insert_counts = !PQgetisnull(result, 0, 1);
	batch->segment_bytes = answer_number(result, 1);
	batch->block_bytes = answer_number(result, 2);
	batch->ran_us = (int64_t)answer_number(result, 3);
}

/*
 * Without synchronous commit only the insert position is at or after the commit record. It may
 * stand behind a page header that no standby reaches before the next record: taken back.
 */
static uint64_t answer_insert_position(const struct batch *batch, uint64_t lsn)
{
	const unsigned segment_header = 40, block_header = 24;

	if (batch->segment_bytes && lsn % batch->segment_bytes == segment_header)
		return lsn - segment_header;
	if (batch->block_bytes && lsn % batch->block_bytes == block_header)
		return lsn - block_header;
	return lsn;
}

static void answer_position(struct batch *batch, const PGresult *result)
{
	uint64_t flush, insert;

	if (PQntuples(result) != 1 || PQnfields(result) != 4)
		return;
	batch->temporary = *PQgetvalue(result, 0, 3) != '0';
	if (!lsn_parse(text_of(PQgetvalue(result, 0, 0)), &flush) ||
	    !lsn_parse(text_of(PQgetvalue(result, 0, 1)), &insert))
		return;
	batch->position.timeline = (uint32_t)strtoul(PQgetvalue(result, 0, 2), NULL, 16);
	batch->position.lsn = batch->insert_counts ? answer_insert_position(batch, insert) : flush;
	batch->position_known = true;
}

/* On a backend where nothing is as it was made, rows may be spelt in another way. */
static void answer_backend(struct conn *conn, const PGresult *result)
{
	if (PQntuples(result) != 1 ||
	    strtol(PQgetvalue(result, 0, 0), NULL, 10) == conn->backend_pid)
		return;
	pooler_caught(conn->home->node->pooler, loop_now(conn->home->loop));
	conn->session_state = POOLER_SHARED;
	if (conn->batch.kind == CALL_QUERY)
		conn_close(conn, closing_again(closing_failed(POOLER_SHARED)));
}

static void answer_good(struct conn *conn, const struct entry *entry, const PGresult *result)
{
	switch ((enum entry_kind)entry->kind) {
	case ENTRY_PREPARE_FIXED:
		conn->fixed[entry->fixed] = MARK_PREPARED;
		return;
	case ENTRY_PREPARE:
		conn_set_mark(conn, entry->statement_id, entry->generation, MARK_PREPARED);
		return;
	case ENTRY_DISCARD:
		conn_set_mark(conn, entry->statement_id, 0, MARK_NONE);
		return;
	case ENTRY_PROBE_LOWER:
		answer_lower(conn, result);
		return;
	case ENTRY_PROBE_UPPER:
		answer_upper(conn, entry, result);
		return;
	case ENTRY_RUN:
		answer_run(conn, entry, result);
		return;
	case ENTRY_DESCRIBE:
		answer_describe(conn, entry, result);
		return;
	case ENTRY_SESSION_STATE:
		answer_session_state(&conn->batch, result);
		return;
	case ENTRY_XID:
		answer_xid(&conn->batch, result);
		return;
	case ENTRY_POSITION:
		answer_position(&conn->batch, result);
		return;
	case ENTRY_BACKEND:
		answer_backend(conn, result);
		return;
	case ENTRY_COMMIT:
		if (conn->batch.grouped)
			group_on_commit(conn, result);
		return;
	case ENTRY_TIMEOUT:
	case ENTRY_BEGIN:
	case ENTRY_BEFORE:
	case ENTRY_BEHIND:
	case ENTRY_ROLLBACK:
	case ENTRY_LIMITS:
	case ENTRY_SAVEPOINT:
	case ENTRY_LOOK:
	case ENTRY_RESET:
	case ENTRY_BACK:
		return;
	case ENTRY_SYNC:
	case ENTRY_SYNC_AFTER:
		break;
	}
	conn_close(conn, closing_failed(ANSWER_OUT_OF_STEP));
}

/* --- what went wrong ------------------------------------------------------------------------- */

static void answer_fail(struct slot *slot, const PGresult *result)
{
	struct call *call = slot->call;

	slot->state = SLOT_FAILED;
	if (call)
		error_fill(&call->error, result, call->statement->params, call->arena);
}

/* Whose statement was it that raised, the call's or its frame's? */
static void answer_blame(struct slot *slot, const struct entry *entry)
{
	if (slot->call)
		slot->call->frame_failed = entry->statement_id != slot->call->statement->id;
}

/*
 * Preparing again helps, once; what was wrong is forgotten either way. But what another plan would
 * return is for the maker to describe, who knows what its values were made for.
 */
static void answer_run_error(struct conn *conn, const struct entry *entry, const PGresult *result)
{
	struct slot *slot = answer_slot(conn, entry);
	bool revalidates = slot->call && slot->call->revalidates && entry->kind == ENTRY_RUN;
	bool stale = error_is_stale_plan(result) && !revalidates;

	answer_blame(slot, entry);
	if (stale || error_is_unprepared(result)) {
		conn_set_mark(conn, entry->statement_id, 0, stale ? MARK_STALE : MARK_NONE);
		if (slot->call && !slot->call->prepared_again) {
			slot->call->prepared_again = true;
			slot->state = SLOT_AGAIN;
			return;
		}
	}
	/* A query that already had too many rows stays so; a command has not taken effect now. */
	if (slot->state != SLOT_TOO_LARGE || conn->batch.kind == CALL_COMMAND)
		answer_fail(slot, result);
}

/* It is there although we took it for lost: a statement can raise what looks as if it were not. */
static void answer_prepare_error(struct conn *conn, const struct entry *entry,
				 const PGresult *result)
{
	bool there = error_is_prepared(result);

	answer_blame(answer_slot(conn, entry), entry);
	conn_set_mark(conn, entry->statement_id, 0, there ? MARK_STALE : MARK_NONE);
	if (there)
		answer_slot(conn, entry)->state = SLOT_AGAIN;
	else
		answer_fail(answer_slot(conn, entry), result);
}

/* Of one of our own statements. Where it is only not prepared any more, nobody is to blame. */
static bool answer_fixed_error(struct conn *conn, const struct entry *entry, const PGresult *result)
{
	if (!error_is_unprepared(result) && entry->kind != ENTRY_PREPARE_FIXED)
		return false;
	conn->fixed[entry->fixed] = MARK_NONE;
	return true;
}

/* Of a command, at or after its own end: what was written is rolled back. */
static void answer_commit_error(struct conn *conn, const PGresult *result)
{
	if (conn->batch.kind != CALL_COMMAND)
		return;
	if (error_is_fatal(result))
		conn_close(conn, closing_failed("the server ended the connection during a commit"));
	else
		answer_fail(&conn->batch.slots[0], result);
}

/* Our own names are free on a backend of our own; and what was prepared there stays. */
static void answer_blame_pooler(struct conn *conn, const struct entry *entry,
				const PGresult *result)
{
	if (error_is_prepared(result) && entry->kind == ENTRY_PREPARE_FIXED) {
		pooler_caught(conn->home->node->pooler, loop_now(conn->home->loop));
		conn->session_state = POOLER_SHARED;
	} else if (error_is_unprepared(result)) {
		conn->session_state = "behind the pooler, what was prepared is gone";
	}
}

static void answer_error(struct conn *conn, const struct entry *entry, const PGresult *result)
{
	if (!error_sqlstate(result)) {
		conn_close(conn, closing_failed("the connection was lost"));
		return;
	}
	if (conn->pooled)
		answer_blame_pooler(conn, entry, result);
	if (conn->batch.grouped) {
		group_on_error(conn, entry, result);
		return;
	}
	switch ((enum entry_kind)entry->kind) {
	case ENTRY_PREPARE_FIXED:
	case ENTRY_TIMEOUT:
	case ENTRY_XID:
		if (answer_fixed_error(conn, entry, result) && entry->slot != SLOT_NONE)
			answer_slot(conn, entry)->state = SLOT_AGAIN;
		else if (entry->slot != SLOT_NONE)
			answer_fail(answer_slot(conn, entry), result);
		return;
	case ENTRY_PROBE_LOWER:
	case ENTRY_PROBE_UPPER:
	case ENTRY_BACKEND:
	case ENTRY_SESSION_STATE:
		(void)answer_fixed_error(conn, entry, result);
		return;
	case ENTRY_POSITION:
		(void)answer_fixed_error(conn, entry, result);
		if (!conn->batch.wrote && conn->batch.slots[0].state == SLOT_DONE)
			answer_fail(&conn->batch.slots[0], result);
		return;
	case ENTRY_DISCARD:
		conn_set_mark(conn, entry->statement_id, 0,
			      error_is_unprepared(result) ? MARK_NONE : MARK_STALE);
		answer_slot(conn, entry)->state = SLOT_AGAIN;
		return;
	case ENTRY_PREPARE:
		answer_prepare_error(conn, entry, result);
		return;
	case ENTRY_BEFORE:
	case ENTRY_BEHIND:
	case ENTRY_RUN:
		answer_run_error(conn, entry, result);
		return;
	case ENTRY_DESCRIBE:
	case ENTRY_BEGIN:
		answer_fail(answer_slot(conn, entry), result);
		return;
	case ENTRY_COMMIT:
	case ENTRY_SYNC:
		answer_commit_error(conn, result);
		return;
	case ENTRY_SYNC_AFTER:
	case ENTRY_ROLLBACK:
		return;
	case ENTRY_LIMITS:
	case ENTRY_SAVEPOINT:
	case ENTRY_LOOK:
	case ENTRY_RESET:
	case ENTRY_BACK:
		break;
	}
	assert(!"an entry");
}

static void answer_aborted(struct conn *conn, const struct entry *entry)
{
	enum mark mark;

	switch ((enum entry_kind)entry->kind) {
	case ENTRY_PREPARE_FIXED:
		conn->fixed[entry->fixed] = MARK_NONE;
		return;
	case ENTRY_DISCARD:
	case ENTRY_PREPARE:
		mark = entry->kind == ENTRY_DISCARD ? MARK_STALE : MARK_NONE;
		if (conn_is_pending(conn, entry->statement_id))
			conn_set_mark(conn, entry->statement_id, 0, mark);
		return;
	case ENTRY_BEFORE:
	case ENTRY_BEHIND:
	case ENTRY_RUN:
	case ENTRY_DESCRIBE:
		if (answer_slot(conn, entry)->state == SLOT_OUT)
			answer_slot(conn, entry)->state = SLOT_AGAIN;
		return;
	case ENTRY_PROBE_LOWER:
	case ENTRY_PROBE_UPPER:
	case ENTRY_TIMEOUT:
	case ENTRY_BEGIN:
	case ENTRY_XID:
	case ENTRY_BACKEND:
	case ENTRY_SESSION_STATE:
	case ENTRY_COMMIT:
	case ENTRY_POSITION:
	case ENTRY_ROLLBACK:
	case ENTRY_SYNC:
	case ENTRY_SYNC_AFTER:
	case ENTRY_LIMITS:
	case ENTRY_SAVEPOINT:
	case ENTRY_LOOK:
	case ENTRY_RESET:
	case ENTRY_BACK:
		return;
	}
	assert(!"an entry");
}

/*
 * libpq never leaves a COPY within a pipeline. The server waits for data of COPY … FROM and takes
 * it back when the conn goes; COPY … TO runs to its end, and a command with it.
 */
static void answer_copy(struct conn *conn, const struct entry *entry, bool in)
{
	struct slot *slot;

	if (entry->kind != ENTRY_RUN) {
		conn_close(conn, closing_failed(ANSWER_OUT_OF_STEP));
		return;
	}
	slot = answer_slot(conn, entry);
	if (slot->call && (in || conn->batch.kind != CALL_COMMAND)) {
		slot->state = SLOT_FAILED;
		slot->call->error = (struct pg_error){
			.sqlstate = "0A000",
			.message = "COPY cannot be an operation",
		};
	}
	conn_close(conn, closing_again(closing_failed("a statement began a COPY")));
}

/* --- the ends -------------------------------------------------------------------------------- */

static void answer_timed(struct conn *conn)
{
	struct batch *batch = &conn->batch;

	/* How long a stream takes is its reader's doing. */
	if (batch->kind != CALL_QUERY || batch->streams)
		return;
	if (batch->ended_us)
		batch_learn(conn, batch->ended_us - batch->began_us);
	else
		batch_learn_late(conn);
}

static bool answer_lacks_upper(const struct batch *batch)
{
	for (unsigned i = 0; i < batch->slots_count; i++)
		if (batch->slots[i].call && batch->slots[i].state == SLOT_DONE)
			return batch->kind == CALL_QUERY && !batch->upper_known;
	return false;
}

/* The framed command has run, and whoever sent it still wants it: its maker decides. */
static bool answer_goes_on(struct conn *conn)
{
	struct slot *slot = &conn->batch.slots[0];
	struct call *call = slot->call;

	if (!conn->batch.framed || !call ||
	    (slot->state != SLOT_DONE && slot->state != SLOT_TOO_LARGE) ||
	    PQtransactionStatus(conn->pgconn) != PQTRANS_INTRANS)
		return false;
	if (slot->state == SLOT_DONE && call->frame->on_ran(call))
		return true;
	call->rolled_back = true;
	return false;
}

static void answer_clean(struct conn *conn)
{
	if (conn->batch.temporary)
		batch_send_clean(conn);
	else
		answer_over(conn);
}

static void answer_sync(struct conn *conn, const struct entry *entry)
{
	struct batch *batch = &conn->batch;
	bool first = entry->kind == ENTRY_SYNC;

	if (!first && entry->kind != ENTRY_SYNC_AFTER) {
		conn_close(conn, closing_failed(ANSWER_OUT_OF_STEP));
		return;
	}
	if (first)
		answer_timed(conn);
	if (++batch->next < batch->entries_count) {
		batch_expect(conn);
		return;
	}
	if (batch->grouped) {
		if (group_is_over(conn))
			answer_clean(conn);
	} else if (answer_goes_on(conn)) {
		batch_send_behind(conn);
	} else if (PQtransactionStatus(conn->pgconn) != PQTRANS_IDLE) {
		if (batch->rolled_back)
			conn_close(conn, closing_failed("a transaction could not be ended"));
		else
			batch_send_rollback(conn);
	} else if (first && answer_lacks_upper(batch)) {
		batch_send_probe(conn);
	} else {
		answer_clean(conn);
	}
}
