/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libpq gives results in the order in which entries were sent: for each entry one result (rows of a
 * CALL one by one before it), then NULL; for a Sync only PGRES_PIPELINE_SYNC. After an error the
 * entries up to the Sync come as PGRES_PIPELINE_ABORTED.
 */
#include "pg/wire/answer.h"

#include "pg/types/types.h"
#include "pg/wire/bounds.h"
#include "pg/wire/conn.h"
#include "pg/wire/error.h"
#include "pg/wire/lookup.h"
#include "pg/wire/pipeline.h"
#include "pg/wire/plan.h"
#include "pg/wire/pooler.h"
#include "pg/wire/repeated_column.h"
#include "pg/wire/rows.h"
#include "pg/wire/session_state.h"
#include "pg/wire/together.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define ANSWER_OUT_OF_STEP "the server and libpq are out of step"

/* A row of pg/wire/entries.def, as functions of this file. */
typedef void answer_entry(struct conn *conn, const struct entry *entry, const PGresult *result);

struct answer_row {
	answer_entry *on_good, *on_error, *on_aborted;
};

static const struct answer_row answer_entries[ENTRIES];

static void answer_result(struct conn *conn, const PGresult *result);
static void answer_between(struct conn *conn);
static void answer_refused(struct conn *conn, const struct entry *entry, const PGresult *result);
static void answer_copy(struct conn *conn, const struct entry *entry, bool in);
static void answer_sync(struct conn *conn, const struct entry *entry);

void answer_take(struct conn *conn)
{
	const struct plan *plan = conn->batch.plan;

	while (conn->state == CONN_BUSY && conn->flow == FLOW_READS && !PQisBusy(conn->pgconn)) {
		PGresult *result = PQgetResult(conn->pgconn);

		if (result)
			answer_result(conn, result);
		else
			answer_between(conn);
		PQclear(result);
		if (plan->on_result)
			plan->on_result(conn);
	}
	if (plan->on_drained)
		plan->on_drained(conn);
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
	if (conn->batch.reading == READING_ENDED)
		conn->batch.reading = READING_FIRST;
	switch (PQresultStatus(result)) {
	case PGRES_EMPTY_QUERY:
	case PGRES_COMMAND_OK:
	case PGRES_TUPLES_OK:
	case PGRES_SINGLE_TUPLE:
#ifdef LIBPQ_HAS_CHUNK_MODE
	case PGRES_TUPLES_CHUNK:
#endif
		answer_entries[entry->kind].on_good(conn, entry, result);
		return;
	case PGRES_FATAL_ERROR:
		answer_refused(conn, entry, result);
		return;
	case PGRES_PIPELINE_ABORTED:
		answer_entries[entry->kind].on_aborted(conn, entry, result);
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

	if (batch->reading == READING_ENDED) {
		conn_close(conn, closing_failed(PQstatus(conn->pgconn) == CONNECTION_BAD
							? "the connection was lost"
							: ANSWER_OUT_OF_STEP));
		return;
	}
	batch->reading = READING_ENDED;
	if (kind == ENTRY_SYNC || kind == ENTRY_SIDE_SYNC)
		return;
	batch->next++;
	pipeline_expect(conn);
}

static void answer_sync(struct conn *conn, const struct entry *entry)
{
	struct batch *batch = &conn->batch;
	bool counted = entry->kind == ENTRY_SYNC;

	if (!counted && entry->kind != ENTRY_SIDE_SYNC) {
		conn_close(conn, closing_failed(ANSWER_OUT_OF_STEP));
		return;
	}
	if (++batch->next < batch->entries_count)
		pipeline_expect(conn);
	else
		batch->plan->on_sync(conn, counted);
}

/* --- what went well -------------------------------------------------------------------------- */

static void answer_nothing(struct conn *conn, const struct entry *entry, const PGresult *result)
{
	(void)conn, (void)entry, (void)result;
}

static void answer_out_of_step(struct conn *conn, const struct entry *entry, const PGresult *result)
{
	(void)entry, (void)result;
	conn_close(conn, closing_failed(ANSWER_OUT_OF_STEP));
}

static void answer_fixed_prepared(struct conn *conn, const struct entry *entry,
				  const PGresult *result)
{
	(void)result;
	conn->fixed[entry->fixed] = MARK_PREPARED;
}

static void answer_prepared(struct conn *conn, const struct entry *entry, const PGresult *result)
{
	(void)result;
	conn_set_mark(conn, entry->statement_id, entry->generation, MARK_PREPARED);
}

static void answer_deallocated(struct conn *conn, const struct entry *entry, const PGresult *result)
{
	(void)result;
	conn_set_mark(conn, entry->statement_id, 0, MARK_NONE);
}

static void answer_lower(struct conn *conn, const struct entry *entry, const PGresult *result)
{
	(void)entry;
	bounds_take_lower(&conn->batch, result);
}

static void answer_upper(struct conn *conn, const struct entry *entry, const PGresult *result)
{
	bounds_take_upper(&conn->batch, entry, result);
}

static int64_t answer_affected(const PGresult *result)
{
	const char *digits = PQcmdTuples((PGresult *)result);

	return *digits ? strtoll(digits, NULL, 10) : -1;
}

static void answer_rows(struct conn *conn, const struct entry *entry, const PGresult *result)
{
	struct slot *slot = answer_slot(conn, entry);

	if (slot->together) {
		together_take(conn, slot, result);
		return;
	}
	if (slot->keys_count)
		lookup_take(conn, slot, result);
	else
		rows_take(conn, slot, result);
	if (slot->discarded > BATCH_DISCARD_BYTES_MAX && conn->batch.kind == CALL_QUERY) {
		conn_close(conn, closing_again(closing_unused("a result was too large")));
		return;
	}
	if (PQresultStatus(result) == PGRES_SINGLE_TUPLE)
		return;
	if (slot->call)
		slot->call->affected = answer_affected(result);
	if (slot->state == SLOT_AWAITED)
		slot->state = SLOT_DONE;
}

static struct pg_type answer_type(Oid oid)
{
	struct pg_type type = type_by_oid(oid);

	type.oid = oid;
	return type;
}

static void answer_shape(struct conn *conn, const struct entry *entry, const PGresult *result)
{
	struct slot *slot = answer_slot(conn, entry);
	int params = PQnparams(result), columns = PQnfields(result);
	const char *repeated = NULL;

	slot->state = SLOT_DONE;
	if (!slot->call)
		return;
	if (!slot->call->statement->drops_rows)
		repeated = repeated_column(result);
	if (repeated) {
		slot->state = SLOT_FAILED;
		slot->call->error = repeated_column_error(repeated, slot->call->arena);
		atomic_store(&slot->call->statement->repeats_column, true);
		return;
	}
	encoder_begin(&conn->encoder, result, NULL);
	slot->call->shape = shape_new((unsigned)params, (unsigned)columns);
	slot->call->shape->names_bytes = (uint32_t)conn->encoder.keys.len;
	/* As long as nothing else is known: the answer comes next, or an error. */
	slot->call->shape->session_state = SESSION_STATE_VOLATILE | SESSION_STATE_COLLATIONS;
	for (int i = 0; i < params; i++)
		slot->call->shape->param_types[i] = answer_type(PQparamtype(result, i));
	for (int i = 0; i < columns; i++)
		slot->call->shape->column_types[i] = answer_type(PQftype(result, i));
	slot->call->shape->key_column = lookup_column(slot->call->statement, result);
}

static void answer_session_state(struct conn *conn, const struct entry *entry,
				 const PGresult *result)
{
	struct call *call = conn->batch.slots[0].call;

	(void)entry;
	if (call && call->shape && PQntuples(result) == 1 && PQnfields(result) == 2)
		call->shape->session_state = (uint8_t)strtoul(PQgetvalue(result, 0, 1), NULL, 10);
}

static void answer_xid(struct conn *conn, const struct entry *entry, const PGresult *result)
{
	(void)entry;
	bounds_take_xid(&conn->batch, result);
}

static void answer_clock(struct conn *conn, const struct entry *entry, const PGresult *result)
{
	(void)entry;
	bounds_take_clock(&conn->batch, result);
}

static void answer_position(struct conn *conn, const struct entry *entry, const PGresult *result)
{
	(void)entry;
	bounds_take_position(&conn->batch, result);
}

static void answer_commit(struct conn *conn, const struct entry *entry, const PGresult *result)
{
	struct batch *batch = &conn->batch;

	(void)entry;
	/* COMMIT of what is aborted says ROLLBACK, and is no error. */
	if (batch->state == BATCH_COMMITTING &&
	    strcmp(PQcmdStatus((PGresult *)result), "COMMIT") == 0)
		batch_move(batch, BATCH_COMMITTED);
}

/* On a backend where nothing is as it was made, rows may be spelt in another way. */
static void answer_backend(struct conn *conn, const struct entry *entry, const PGresult *result)
{
	(void)entry;
	if (PQntuples(result) != 1 ||
	    strtol(PQgetvalue(result, 0, 0), NULL, 10) == conn->backend_pid)
		return;
	pooler_caught(conn->home->node->pooler, loop_now(conn->home->loop));
	conn->session_state = POOLER_SHARED;
	if (conn->batch.kind == CALL_QUERY)
		conn_close(conn, closing_again(closing_failed(POOLER_SHARED)));
}

/* --- what went wrong ------------------------------------------------------------------------- */

/* Of several keys one may be to blame: each is asked alone. What ends the conn is for them all. */
static void answer_fail(struct conn *conn, struct slot *slot, const PGresult *result)
{
	struct call *call = slot->call;

	if (slot->keys_count && !error_is_fatal(result)) {
		lookup_break(conn, slot, "error");
		return;
	}
	slot->state = SLOT_FAILED;
	if (call)
		error_fill(&call->error, result, call->statement->params, call->arena);
}

/* Whose statement was it that raised, the call's or its frame's? */
static void answer_blame(struct slot *slot, const struct entry *entry)
{
	if (slot->call)
		slot->call->frame_end = entry->statement_id != slot->call->statement->id
						? FRAME_RAISED
						: FRAME_NONE;
}

/*
 * Preparing again helps, once; what was wrong is forgotten either way. But what another plan would
 * return is for the maker to describe, who knows what its values were made for.
 */
static void answer_call_error(struct conn *conn, const struct entry *entry, const PGresult *result)
{
	struct slot *slot = answer_slot(conn, entry);
	bool revalidates = slot->call && slot->call->revalidates && entry->kind == ENTRY_CALL;
	bool stale = error_is_stale_plan(result) && !revalidates;

	answer_blame(slot, entry);
	if (stale || error_is_unprepared(result)) {
		conn_set_mark(conn, entry->statement_id, 0, stale ? MARK_STALE : MARK_NONE);
		if (slot->call && !slot->call->preparations) {
			slot->call->preparations++;
			slot->state = SLOT_RETURNED;
			return;
		}
	}
	/* A query that already had too many rows stays so; a command has not taken effect now. */
	if (slot->state != SLOT_TOO_LARGE || batch_commits(&conn->batch))
		answer_fail(conn, slot, result);
}

/* It is there although we took it for lost: a statement can raise what looks as if it were not. */
static void answer_prepare_error(struct conn *conn, const struct entry *entry,
				 const PGresult *result)
{
	bool there = error_is_prepared(result);

	answer_blame(answer_slot(conn, entry), entry);
	conn_set_mark(conn, entry->statement_id, 0, there ? MARK_STALE : MARK_NONE);
	if (there)
		answer_slot(conn, entry)->state = SLOT_RETURNED;
	else
		answer_fail(conn, answer_slot(conn, entry), result);
}

static void answer_slot_error(struct conn *conn, const struct entry *entry, const PGresult *result)
{
	answer_fail(conn, answer_slot(conn, entry), result);
}

static void answer_deallocate_error(struct conn *conn, const struct entry *entry,
				    const PGresult *result)
{
	conn_set_mark(conn, entry->statement_id, 0,
		      error_is_unprepared(result) ? MARK_NONE : MARK_STALE);
	answer_slot(conn, entry)->state = SLOT_RETURNED;
}

/* Was one of our own statements not prepared any more, so that its call is not to blame? */
static bool answer_forget_fixed(struct conn *conn, const struct entry *entry,
				const PGresult *result)
{
	if (!error_is_unprepared(result) && entry->kind != ENTRY_PREPARE_FIXED)
		return false;
	conn->fixed[entry->fixed] = MARK_NONE;
	return true;
}

static void answer_own_error(struct conn *conn, const struct entry *entry, const PGresult *result)
{
	(void)answer_forget_fixed(conn, entry, result);
}

/* The one that names a table, which may not be there: it would not be in a next try. */
static bool answer_is_of_feed(const struct entry *entry, const PGresult *result)
{
	return entry->kind == ENTRY_PREPARE_FIXED && entry->fixed == FIXED_FEED &&
	       !error_is_prepared(result);
}

/* Of one without which its call cannot be. */
static void answer_fixed_error(struct conn *conn, const struct entry *entry, const PGresult *result)
{
	bool forgotten = answer_forget_fixed(conn, entry, result);

	if (entry->slot == SLOT_NONE)
		return;
	if (forgotten && !answer_is_of_feed(entry, result))
		answer_slot(conn, entry)->state = SLOT_RETURNED;
	else
		answer_fail(conn, answer_slot(conn, entry), result);
}

/* The client knows nothing of their parameters. */
static void answer_claims_error(struct conn *conn, const struct entry *entry,
				const PGresult *result)
{
	struct call *call = answer_slot(conn, entry)->call;

	answer_fixed_error(conn, entry, result);
	if (call)
		call->error.param = 0;
}

static void answer_position_error(struct conn *conn, const struct entry *entry,
				  const PGresult *result)
{
	struct slot *slot = &conn->batch.slots[0];

	answer_own_error(conn, entry, result);
	if (!conn->batch.wrote && slot->state == SLOT_DONE)
		answer_fail(conn, slot, result);
}

/* Of a command, at or after its own end: what was written is rolled back. */
static void answer_commit_error(struct conn *conn, const struct entry *entry,
				const PGresult *result)
{
	(void)entry;
	if (!batch_commits(&conn->batch))
		return;
	if (error_is_fatal(result))
		conn_close(conn, closing_failed("the server ended the connection during a commit"));
	else
		answer_fail(conn, &conn->batch.slots[0], result);
}

/* Only members have it, and their errors are handled elsewhere. */
static void answer_impossible(struct conn *conn, const struct entry *entry, const PGresult *result)
{
	(void)conn, (void)entry, (void)result;
	assert(!"an entry of a member");
}

void answer_error(struct conn *conn, const struct entry *entry, const PGresult *result)
{
	answer_entries[entry->kind].on_error(conn, entry, result);
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

static void answer_refused(struct conn *conn, const struct entry *entry, const PGresult *result)
{
	if (!error_sqlstate(result)) {
		conn_close(conn, closing_failed("the connection was lost"));
		return;
	}
	if (conn->pooled)
		answer_blame_pooler(conn, entry, result);
	if (conn->batch.state == BATCH_CLEANING)
		conn->session_state = "what is left of temporary tables does not go";
	conn->batch.plan->on_error(conn, entry, result);
}

/*
 * libpq never leaves a COPY within a pipeline. The server waits for data of COPY … FROM and takes
 * it back when the conn goes; COPY … TO runs to its end, and a command with it.
 */
static void answer_copy(struct conn *conn, const struct entry *entry, bool in)
{
	struct slot *slot;

	if (entry->kind != ENTRY_CALL) {
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

/* --- what an error before it has aborted ----------------------------------------------------- */

static void answer_fixed_aborted(struct conn *conn, const struct entry *entry,
				 const PGresult *result)
{
	(void)result;
	conn->fixed[entry->fixed] = MARK_NONE;
}

static void answer_prepare_aborted(struct conn *conn, const struct entry *entry,
				   const PGresult *result)
{
	enum mark mark = entry->kind == ENTRY_DEALLOCATE ? MARK_STALE : MARK_NONE;

	(void)result;
	if (conn_is_pending(conn, entry->statement_id))
		conn_set_mark(conn, entry->statement_id, 0, mark);
}

static void answer_call_aborted(struct conn *conn, const struct entry *entry,
				const PGresult *result)
{
	struct slot *slot = answer_slot(conn, entry);

	(void)result;
	if (slot->state == SLOT_AWAITED)
		slot->state = SLOT_RETURNED;
}

static const struct answer_row answer_entries[ENTRIES] = {
#define ENTRY(name, on_good, on_error, on_aborted)                                                 \
	[ENTRY_##name] = { answer_##on_good, answer_##on_error, answer_##on_aborted },
#include "pg/wire/entries.def"
#undef ENTRY
};
