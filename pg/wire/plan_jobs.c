/* SPDX-License-Identifier: Apache-2.0 */
/* Slot 0 is the claim, which the pool knows; its jobs stand behind it, known to nothing but us. */
#include "pg/wire/plan_jobs.h"

#include "base/clock.h"
#include "base/control.h"
#include "pg/admission/estimate.h"
#include "pg/admission/raises.h"
#include "pg/jobs.h"
#include "pg/wire/answer.h"
#include "pg/wire/conn.h"
#include "pg/wire/error.h"
#include "pg/wire/feed_row.h"
#include "pg/wire/member.h"
#include "pg/wire/pipeline.h"
#include "pg/wire/plan_command.h"
#include "pg/wire/settle.h"

#include <assert.h>
#include <string.h>

#define JOBS_CLAIM 0 /* slots */
#define JOBS_FIRST 1
#define JOBS_STATEMENT_US (JOBS_STATEMENT_MS * US_PER_MS)

/* --- the first trip: what is there to do ----------------------------------------------------- */

/* Our own limits are in force. */
static bool plan_jobs_limits(struct conn *conn, enum entry_kind kind)
{
	conn->batch.timeout_us = JOBS_STATEMENT_US;
	return pipeline_fixed(conn, kind, FIXED_JOBS, JOBS_CLAIM, NULL);
}

static bool plan_jobs_send(struct conn *conn)
{
	struct batch *batch = &conn->batch;
	struct call *claim = batch->slots[JOBS_CLAIM].call;

	assert(batch->slots_count == 1);
	claim->jobs->count = 0;
	claim->jobs->blamed = JOBS_NONE;
	return pipeline_begin(conn, claim->isolation) && plan_jobs_limits(conn, ENTRY_TIMEOUT) &&
	       pipeline_make_ready(conn, JOBS_CLAIM, JOBS_STATEMENT_US) &&
	       pipeline_run(conn, JOBS_CLAIM) && pipeline_sync(conn, ENTRY_SYNC);
}

/* --- the second trip: they run --------------------------------------------------------------- */

/* How our own statements are planned is no matter of theirs. */
static bool plan_jobs_begin(struct conn *conn)
{
	return plan_jobs_limits(conn, ENTRY_CLOCK) &&
	       pipeline_fixed(conn, ENTRY_LIMITS, FIXED_JOBS_SEQSCAN, JOBS_CLAIM, NULL) &&
	       pipeline_fixed(conn, ENTRY_LIMITS, FIXED_JOBS_BITMAPSCAN, JOBS_CLAIM, NULL) &&
	       pipeline_fixed(conn, ENTRY_LIMITS, FIXED_JOBS_SORT, JOBS_CLAIM, NULL) &&
	       pipeline_fixed(conn, ENTRY_LIMITS, FIXED_JOBS_JIT, JOBS_CLAIM, NULL) &&
	       pipeline_fixed(conn, ENTRY_SAVEPOINT, FIXED_OUTER, JOBS_CLAIM, NULL);
}

static size_t plan_jobs_bytes(const struct call *call)
{
	size_t bytes = 0;

	for (unsigned i = 0; i < call->statement->params; i++)
		if (call->values[i])
			bytes += strlen(call->values[i]);
	return bytes;
}

static bool plan_jobs_shares(const struct call *call)
{
	return member_shares(call->statement, call->claims != NULL);
}

/* How many of those that were claimed travel together: the first ones, up to one that does not fit.
 * RESET ALL would lose what a pooler had SET. */
static unsigned plan_jobs_together(const struct conn *conn, const struct call_jobs *jobs,
				   unsigned claimed)
{
	size_t bytes;
	unsigned count = 1;

	if (claimed <= 1 || conn->settings == SETTINGS_BY_SQL || !plan_jobs_shares(jobs->calls[0]))
		return claimed > 1 ? 1 : claimed;
	bytes = plan_jobs_bytes(jobs->calls[0]);
	while (count < claimed && plan_jobs_shares(jobs->calls[count])) {
		bytes += plan_jobs_bytes(jobs->calls[count]);
		if (bytes > BATCH_PARAM_BYTES_MAX)
			break;
		count++;
	}
	return count;
}

static void plan_jobs_add(struct batch *batch, struct call *call)
{
	assert(call->kind == CALL_COMMAND);
	assert(call->state == CALL_AT_MAKER);
	assert(!call->conn);
	assert(call->out);
	assert(statement_shape(call->statement));
	call_begin(call);
	batch_add(batch, call);
	batch->slots[batch->slots_count - 1].savepoint =
		batch->slots_count - 1 == JOBS_FIRST || raises_lately(call->statement);
}

static bool plan_jobs_send_from(struct conn *conn, unsigned first)
{
	for (unsigned i = first; i < conn->batch.slots_count; i++)
		if (!member_send(conn, i))
			return false;
	return plan_jobs_limits(conn, ENTRY_CLOCK) && pipeline_sync(conn, ENTRY_SYNC);
}

static bool plan_jobs_finish(struct conn *conn, bool goes_back);

/* False: there is nothing to do. */
static bool plan_jobs_run(struct conn *conn)
{
	struct batch *batch = &conn->batch;
	struct call *claim = batch->slots[JOBS_CLAIM].call;
	struct call_jobs *jobs = claim->jobs;
	unsigned claimed = jobs->on_claimed(claim);

	assert(claimed <= GROUP_CALLS_MAX);
	jobs->count = plan_jobs_together(conn, jobs, claimed);
	if (!jobs->count)
		return plan_jobs_finish(conn, false);
	for (unsigned i = 0; i < jobs->count; i++)
		plan_jobs_add(batch, jobs->calls[i]);
	batch_begin_trip(batch);
	pipeline_sent(conn, plan_jobs_begin(conn) && plan_jobs_send_from(conn, JOBS_FIRST));
	return true;
}

/* Those behind the savepoint that was gone back to, and it stands before one that raised nothing:
 * all of them once more. */
static void plan_jobs_redo(struct batch *batch, unsigned first)
{
	struct call *raised = batch->slots[batch->raised].call;

	batch->redone_for = batch->raised;
	raises_add(raised->statement);
	raised->error = (struct pg_error){ 0 };
	for (unsigned i = first; i < batch->slots_count; i++) {
		batch->slots[i].savepoint = true;
		call_take_back(batch->slots[i].call);
	}
}

/* The last one that ran raised an error of its own; others behind it, or it and some before it,
 * are to run. */
static void plan_jobs_go_back(struct conn *conn)
{
	struct batch *batch = &conn->batch;
	unsigned next = batch->raised;

	while (!batch->slots[next].savepoint)
		next--;
	if (next == batch->raised)
		next++;
	else
		plan_jobs_redo(batch, next);
	batch_begin_trip(batch);
	pipeline_sent(conn, pipeline_fixed(conn, ENTRY_RETURN, FIXED_RETURN, JOBS_CLAIM, NULL) &&
				    plan_jobs_send_from(conn, next));
}

/* --- the third trip: they end ---------------------------------------------------------------- */

/* What they took together, where all ran once; of a lone one that failed late our own clock tells
 * enough. */
static void plan_jobs_learn(const struct batch *batch, int64_t now_us)
{
	int64_t took_us = now_us - batch->sent_us;

	if (!batch->raised && batch->began_us && batch->ended_us)
		batch_learn(batch, batch->ended_us - batch->began_us);
	else if (batch_is_lone_job(batch) && took_us > ESTIMATE_SLOW_US)
		batch_learn(batch, took_us);
}

static enum call_end plan_jobs_end_of(enum slot_state state)
{
	switch (state) {
	case SLOT_DONE:
		return CALL_OK;
	case SLOT_TOO_LARGE:
		return CALL_TOO_LARGE;
	case SLOT_FAILED:
		return CALL_ERROR;
	case SLOT_AWAITED:
	case SLOT_RETURNED:
	case SLOT_BROKEN:
		break;
	}
	assert(!"a job that has run");
	return CALL_ERROR;
}

static void plan_jobs_take_ends(struct batch *batch)
{
	for (unsigned i = JOBS_FIRST; i < batch->slots_count; i++) {
		struct call *call = batch->slots[i].call;

		call->end = plan_jobs_end_of(batch->slots[i].state);
		if (call->end != CALL_OK)
			call_take_back(call);
	}
}

/* The limits of a member in company are in force where it raised. */
static bool plan_jobs_return(struct conn *conn)
{
	return pipeline_fixed(conn, ENTRY_RETURN, FIXED_RETURN, JOBS_CLAIM, NULL) &&
	       (batch_is_lone_job(&conn->batch) ||
		pipeline_fixed(conn, ENTRY_TIMEOUT, FIXED_RESET, JOBS_CLAIM, NULL)) &&
	       plan_jobs_limits(conn, ENTRY_TIMEOUT);
}

/* No savepoint is open behind it. */
static bool plan_jobs_release(struct conn *conn)
{
	return conn->batch.slots_count == JOBS_FIRST ||
	       pipeline_fixed(conn, ENTRY_RETURN, FIXED_RELEASE, JOBS_CLAIM, NULL);
}

static bool plan_jobs_send_finish(struct conn *conn, bool goes_back)
{
	struct batch *batch = &conn->batch;
	const struct call_jobs *jobs = batch->slots[JOBS_CLAIM].call->jobs;

	batch_begin_trip(batch);
	return (!goes_back || plan_jobs_return(conn)) && plan_jobs_release(conn) &&
	       (CONTROL_JOB_FRAME || pipeline_text(conn, ENTRY_SAVEPOINT, "COMMIT AND CHAIN")) &&
	       pipeline_framing(conn, ENTRY_FRAME_TAIL, jobs->finish, jobs->finish_values) &&
	       feed_row_send(conn) &&
	       pipeline_end(conn, batch_is_lone_job(batch) ? FIXED_XID : FIXED_GROUP_END, true);
}

/*
 * Nothing of it is wanted: of no rows a COMMIT. A row that another transaction has changed between
 * the snapshot of the claim and its lock is locked, and only then found not to be one of those that
 * were asked for; a ROLLBACK would make it look like one whose transaction was lost
 * (write/jobs/claimed.h). False: it is rolled back.
 */
static bool plan_jobs_end_empty(struct conn *conn)
{
	struct slot *slot = &conn->batch.slots[JOBS_CLAIM];

	slot->call->frame_end = FRAME_ROLLED_BACK;
	if (conn->batch.slots_count > JOBS_FIRST)
		return false;
	settle_ends_empty(conn);
	return true;
}

/* All have run. goes_back: the last one raised an error. False: it is rolled back. */
static bool plan_jobs_finish(struct conn *conn, bool goes_back)
{
	struct batch *batch = &conn->batch;
	struct call *claim = batch->slots[JOBS_CLAIM].call;

	plan_jobs_learn(batch, loop_now(conn->home->loop));
	plan_jobs_take_ends(batch);
	if (!claim->jobs->on_ran(claim))
		return plan_jobs_end_empty(conn);
	pipeline_sent(conn, plan_jobs_send_finish(conn, goes_back));
	return true;
}

/* --- what goes wrong ------------------------------------------------------------------------- */

static void plan_jobs_on_member_error(struct conn *conn, const struct entry *entry,
				      const PGresult *result)
{
	struct slot *slot = &conn->batch.slots[JOBS_CLAIM];
	struct call *claim = slot->call;
	enum member_error error = member_on_error(conn, entry, result);

	if (error == MEMBER_RAISED)
		return;
	if (error == MEMBER_UNPREPARED) {
		claim->preparations += entry->kind == ENTRY_CALL;
		slot->state = SLOT_RETURNED;
		return;
	}
	slot->state = SLOT_FAILED;
	error_fill(&claim->error, result, 0, claim->arena);
	if (entry->slot >= JOBS_FIRST)
		claim->jobs->blamed = entry->slot - JOBS_FIRST;
}

/* The server answers in the order of sending: of a COMMIT behind this entry nothing was done. */
static void plan_jobs_on_fatal(struct conn *conn, const struct entry *entry, const PGresult *result)
{
	struct batch *batch = &conn->batch;
	struct call *claim = batch->slots[JOBS_CLAIM].call;

	if (batch->state == BATCH_COMMITTING && entry->kind != ENTRY_COMMIT &&
	    entry->kind != ENTRY_SYNC)
		batch_move(batch, BATCH_OUT);
	if (claim)
		error_fill(&claim->error, result, 0, claim->arena);
	conn_close(conn, closing_failed("the server ended the connection of jobs"));
}

static void plan_jobs_on_error(struct conn *conn, const struct entry *entry, const PGresult *result)
{
	const struct batch *batch = &conn->batch;

	if (error_is_fatal(result))
		plan_jobs_on_fatal(conn, entry, result);
	else if (batch->state == BATCH_OUT && batch->slots_count > JOBS_FIRST &&
		 entry->kind != ENTRY_SYNC)
		plan_jobs_on_member_error(conn, entry, result);
	else
		answer_error(conn, entry, result);
}

/* --- what follows ---------------------------------------------------------------------------- */

/* One more trip, or its end, is on its way; false: there is none. */
static bool plan_jobs_goes_on(struct conn *conn)
{
	const struct batch *batch = &conn->batch;
	PGTransactionStatusType status = PQtransactionStatus(conn->pgconn);
	bool ran = batch->slots_count > JOBS_FIRST;

	if (batch->state != BATCH_OUT || batch->slots[JOBS_CLAIM].state != SLOT_DONE)
		return false;
	if (status == PQTRANS_INTRANS)
		return ran ? plan_jobs_finish(conn, false) : plan_jobs_run(conn);
	if (status != PQTRANS_INERROR || !ran)
		return false;
	if (batch->raised + 1 == batch->slots_count && batch->slots[batch->raised].savepoint)
		return plan_jobs_finish(conn, true);
	plan_jobs_go_back(conn);
	return true;
}

/* Jobs have no on_done: they end with their claim, and what did not commit has no rows. */
static void plan_jobs_let_go(const struct batch *batch, struct slot *slot)
{
	if (!batch_has_committed(batch))
		call_take_back(slot->call);
	slot->call = NULL;
}

static void plan_jobs_end(struct conn *conn, struct slot *slot, const struct closing *closing)
{
	(void)closing;
	if (slot != &conn->batch.slots[JOBS_CLAIM]) {
		plan_jobs_let_go(&conn->batch, slot);
		return;
	}
	if (slot->state == SLOT_RETURNED)
		slot->call->jobs->count = 0;
	plan_command_end(conn, slot);
}

static void plan_jobs_on_sync(struct conn *conn, bool counted)
{
	struct batch *batch = &conn->batch;
	struct slot *slot = &batch->slots[JOBS_CLAIM];

	(void)counted;
	if (plan_jobs_goes_on(conn) || settle_rolls_back(conn))
		return;
	if (slot->state == SLOT_TOO_LARGE && slot->call)
		slot->call->frame_end = FRAME_ROLLED_BACK;
	/* A COMMIT that says ROLLBACK. */
	if (batch->state == BATCH_COMMITTING && slot->state == SLOT_DONE)
		slot->state = SLOT_RETURNED;
	if (batch->state == BATCH_COMMITTED && slot->state == SLOT_DONE)
		member_committed(batch);
	settle_over(conn, plan_jobs_end);
}

static void plan_jobs_lose(struct conn *conn, struct slot *slot, const struct closing *closing)
{
	if (slot == &conn->batch.slots[JOBS_CLAIM])
		plan_command_lose(conn, slot, closing);
	else
		plan_jobs_let_go(&conn->batch, slot);
}

static void plan_jobs_on_lost(struct conn *conn, const struct closing *closing)
{
	settle_lost(conn, closing, plan_jobs_lose);
}

void plan_jobs_forget(struct conn *conn)
{
	if (conn->state == CONN_BUSY && !batch_may_have_committed(&conn->batch))
		conn_close(conn, closing_unused("its jobs are no longer wanted"));
}

const struct plan plan_jobs = {
	.kind = PLAN_JOBS,
	.send = plan_jobs_send,
	.on_error = plan_jobs_on_error,
	.on_sync = plan_jobs_on_sync,
	.on_lost = plan_jobs_on_lost,
};
