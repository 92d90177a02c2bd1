/* SPDX-License-Identifier: Apache-2.0 */
/* What a group sends, whose an error is, and what follows from it. */
#include "pg/wire/plan_group.h"

#include "base/clock.h"
#include "base/control.h"
#include "pg/admission/estimate.h"
#include "pg/admission/quarantine.h"
#include "pg/admission/raises.h"
#include "pg/sqlstate.h"
#include "pg/wire/conn.h"
#include "pg/wire/error.h"
#include "pg/wire/pipeline.h"
#include "pg/wire/plan_command.h"
#include "pg/wire/session_state.h"
#include "pg/wire/settle.h"

#include <assert.h>
#include <string.h>

/* Reasons, also labels of a metric. */
#define GROUP_AT_COMMIT "commit"
#define GROUP_LEAVES_SETTINGS "settings"
#define GROUP_OTHER "other"

#define GROUP_STATEMENT_US (GROUP_STATEMENT_MS * US_PER_MS)

static bool plan_group_send_from(struct conn *conn, unsigned first);
static bool plan_group_send_all(struct conn *conn);
static void plan_group_break(struct conn *conn);

/* --- who ------------------------------------------------------------------------------------- */

/* Does it lack, in company, something that it has in a transaction of its own? */
static bool plan_group_needs_own(const struct call *call)
{
	unsigned leaves =
		atomic_load_explicit(&call->statement->session_state, memory_order_relaxed);

	/* At the commit of all, the claims of each are gone. */
	return leaves & SESSION_STATE_SESSION || (call->claims && leaves & SESSION_STATE_DEFERRED);
}

bool plan_group_welcomes(unsigned group_max, const struct call *call)
{
	return group_max > 1 && call->kind == CALL_COMMAND &&
	       call->transaction == TRANSACTION_SHARED && call->company == COMPANY_WELCOME &&
	       !call->frame && call->isolation == ISOLATION_READ_COMMITTED &&
	       estimate_is_known(call->statement) && !estimate_is_slow(call->statement) &&
	       !quarantine_is_on(call->statement) && !plan_group_needs_own(call);
}

/* --- what is sent ---------------------------------------------------------------------------- */

static bool plan_group_send(struct conn *conn)
{
	struct batch *batch = &conn->batch;

	assert(batch->slots_count > 1);
	assert(batch->slots_count <= GROUP_CALLS_MAX);
	metric_observe(conn->home->metrics, METRIC_command_group_calls,
		       METRIC_LABELS(conn->home->node->name), batch->slots_count);
	for (unsigned i = 0; i < batch->slots_count; i++)
		batch->slots[i].savepoint = raises_lately(batch->slots[i].call->statement);
	return plan_group_send_all(conn);
}

static bool plan_group_send_all(struct conn *conn)
{
	return pipeline_begin(conn, ISOLATION_READ_COMMITTED) && plan_group_send_from(conn, 0);
}

/* Limits stand before the savepoint, so that what is rolled back leaves them in force. */
static bool plan_group_send_member(struct conn *conn, unsigned slot)
{
	if (!pipeline_fixed(conn, ENTRY_LIMITS, FIXED_LIMITS, slot, NULL))
		return false;
	conn->batch.timeout_us = GROUP_STATEMENT_US;
	return pipeline_make_ready(conn, slot, GROUP_STATEMENT_US) &&
	       (!conn->batch.slots[slot].savepoint ||
		pipeline_fixed(conn, ENTRY_SAVEPOINT, FIXED_SAVEPOINT, slot, NULL)) &&
	       pipeline_run(conn, slot) &&
	       pipeline_fixed(conn, ENTRY_LEFTOVERS, FIXED_LEFTOVERS, slot, NULL) &&
	       pipeline_fixed(conn, ENTRY_RESET, FIXED_RESET, slot, NULL);
}

static bool plan_group_send_from(struct conn *conn, unsigned first)
{
	struct batch *batch = &conn->batch;

	for (unsigned i = first; i < batch->slots_count; i++) {
		if (!batch->slots[i].call)
			continue;
		batch->slots[i].state = SLOT_AWAITED;
		if (!plan_group_send_member(conn, i))
			return false;
	}
	return pipeline_end(conn, FIXED_GROUP_END, true);
}

/*
 * The last one that ran raised an error of its own and has no savepoint to go back to: nothing has
 * taken effect, and all of them go again, each with a savepoint. Locks of the session outlive a
 * ROLLBACK.
 */
static void plan_group_redo(struct conn *conn)
{
	struct batch *batch = &conn->batch;
	struct slot *raised = &batch->slots[batch->raised];

	metric_add(conn->home->metrics, METRIC_command_groups_redone_total,
		   METRIC_LABELS(conn->home->node->name), 1);
	batch->redone_for = batch->raised;
	if (raised->call)
		raises_add(raised->call->statement);
	for (unsigned i = 0; i < batch->slots_count; i++) {
		batch->slots[i].savepoint = true;
		if (batch->slots[i].call)
			call_take_back(batch->slots[i].call);
	}
	batch_begin_trip(batch);
	pipeline_sent(conn, pipeline_text(conn, ENTRY_ROLLBACK, "ROLLBACK") &&
				    pipeline_text(conn, ENTRY_ROLLBACK,
						  "SELECT pg_advisory_unlock_all()") &&
				    plan_group_send_all(conn));
}

/* The last one that ran raised an error of its own: without it, those behind it, and the commit. */
static void plan_group_go_on(struct conn *conn)
{
	struct batch *batch = &conn->batch;
	unsigned next = batch->raised + 1;

	batch_begin_trip(batch);
	pipeline_sent(conn, pipeline_fixed(conn, ENTRY_RETURN, FIXED_RETURN, SLOT_NONE, NULL) &&
				    plan_group_send_from(conn, next));
}

/* --- what comes back ------------------------------------------------------------------------- */

static void plan_group_trouble(struct batch *batch, const char *reason)
{
	if (!batch->trouble)
		batch->trouble = reason;
}

static const char *plan_group_reason(const char *sqlstate)
{
	static const struct {
		const char *sqlstate, *reason;
	} reasons[] = {
		{ "55P03", "lock" },
		{ "57014", "timeout" },
		{ "40P01", "deadlock" },
		{ "40001", "serialization" },
	};

	for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++)
		if (strcmp(sqlstate, reasons[i].sqlstate) == 0)
			return reasons[i].reason;
	return GROUP_OTHER;
}

/* The error comes again in a transaction of its own, without the other calls of this one. */
static bool plan_group_is_own(const PGresult *result)
{
	static const char *const classes[] = { "22", "23", "P0", "PT" };
	const char *sqlstate = error_sqlstate(result);

	if (sqlstate_is_of_application(sqlstate) || error_is_of_row_security(result) ||
	    error_is_of_value(result))
		return true;

	for (size_t i = 0; i < sizeof(classes) / sizeof(classes[0]); i++)
		if (strncmp(sqlstate, classes[i], 2) == 0)
			return true;
	return false;
}

static void plan_group_on_run_error(struct conn *conn, const struct entry *entry,
				    const PGresult *result)
{
	struct batch *batch = &conn->batch;
	struct slot *slot = &batch->slots[entry->slot];
	const char *sqlstate = error_sqlstate(result);
	bool revalidates = slot->call && slot->call->revalidates;
	bool stale = error_is_stale_plan(result);

	if (stale && revalidates) {
		plan_group_trouble(batch, GROUP_OTHER);
	} else if (stale || error_is_unprepared(result)) {
		conn_set_mark(conn, entry->statement_id, 0, stale ? MARK_STALE : MARK_NONE);
		plan_group_trouble(batch, GROUP_OTHER);
	} else if (plan_group_is_own(result)) {
		batch->raised = entry->slot;
		slot->state = SLOT_FAILED;
		if (slot->call)
			error_fill(&slot->call->error, result, slot->call->statement->params,
				   slot->call->arena);
	} else {
		plan_group_trouble(batch, plan_group_reason(sqlstate));
		if (slot->call)
			quarantine_begin(slot->call->statement);
	}
}

/* It left behind what the others may not meet. */
static void plan_group_on_leftovers_error(struct conn *conn, const struct entry *entry,
					  const PGresult *result)
{
	struct call *call = conn->batch.slots[entry->slot].call;

	if (error_is_unprepared(result)) {
		conn->fixed[entry->fixed] = MARK_NONE;
		plan_group_trouble(&conn->batch, GROUP_OTHER);
		return;
	}
	plan_group_trouble(&conn->batch, GROUP_LEAVES_SETTINGS);
	if (call)
		quarantine_begin(call->statement);
}

/* Of what prepares a member: what is known of the statement on this conn. */
static void plan_group_on_prepare_error(struct conn *conn, const struct entry *entry,
					const PGresult *result)
{
	bool discard = entry->kind == ENTRY_DEALLOCATE;
	bool there = discard ? !error_is_unprepared(result) : error_is_prepared(result);
	struct call *call = conn->batch.slots[entry->slot].call;

	conn_set_mark(conn, entry->statement_id, 0, there ? MARK_STALE : MARK_NONE);
	plan_group_trouble(&conn->batch, GROUP_OTHER);
	if (call && !discard && !there)
		quarantine_begin(call->statement);
}

/* Behind an error of a member it is refused, too: then there is no commit yet. */
static void plan_group_on_position_error(struct conn *conn, const struct entry *entry,
					 const PGresult *result)
{
	struct batch *batch = &conn->batch;

	if (error_is_unprepared(result))
		conn->fixed[entry->fixed] = MARK_NONE;
	if (!batch_has_committed(batch) || batch->wrote)
		return;
	for (unsigned i = 0; i < batch->slots_count; i++) {
		struct slot *slot = &batch->slots[i];

		if (!slot->call || slot->state != SLOT_DONE)
			continue;
		slot->state = SLOT_FAILED;
		error_fill(&slot->call->error, result, slot->call->statement->params,
			   slot->call->arena);
	}
}

static void plan_group_on_error(struct conn *conn, const struct entry *entry,
				const PGresult *result)
{
	struct batch *batch = &conn->batch;

	if (error_is_fatal(result)) {
		conn_close(conn, closing_failed("the server ended the connection of a group"));
		return;
	}
	switch ((enum entry_kind)entry->kind) {
	case ENTRY_CALL:
		plan_group_on_run_error(conn, entry, result);
		return;
	case ENTRY_DEALLOCATE:
	case ENTRY_PREPARE:
		plan_group_on_prepare_error(conn, entry, result);
		return;
	case ENTRY_PREPARE_FIXED:
		conn->fixed[entry->fixed] = MARK_NONE;
		if (entry->fixed != FIXED_POSITION)
			plan_group_trouble(batch, GROUP_OTHER);
		return;
	case ENTRY_LIMITS:
	case ENTRY_TIMEOUT:
	case ENTRY_CLAIMS:
	case ENTRY_SAVEPOINT:
	case ENTRY_RESET:
	case ENTRY_XID:
	case ENTRY_RETURN:
		if (error_is_unprepared(result))
			conn->fixed[entry->fixed] = MARK_NONE;
		plan_group_trouble(batch, GROUP_OTHER);
		return;
	case ENTRY_LEFTOVERS:
		plan_group_on_leftovers_error(conn, entry, result);
		return;
	case ENTRY_POSITION:
		plan_group_on_position_error(conn, entry, result);
		return;
	case ENTRY_BEGIN:
		plan_group_trouble(batch, GROUP_OTHER);
		return;
	case ENTRY_COMMIT:
	case ENTRY_SYNC:
		plan_group_trouble(batch, GROUP_AT_COMMIT);
		return;
	case ENTRY_SIDE_SYNC:
	case ENTRY_ROLLBACK:
	case ENTRY_BACKEND:
		return;
	case ENTRY_PROBE_LOWER:
	case ENTRY_PROBE_UPPER:
	case ENTRY_FRAME_HEAD:
	case ENTRY_FRAME_TAIL:
	case ENTRY_DESCRIPTION:
	case ENTRY_SESSION_STATE:
	case ENTRIES:
		break;
	}
	assert(!"an entry of a group");
}

/* --- what follows ---------------------------------------------------------------------------- */

static void plan_group_commit_done(struct batch *batch)
{
	for (unsigned i = 0; i < batch->slots_count; i++) {
		struct slot *slot = &batch->slots[i];

		if (!slot->call)
			continue;
		quarantine_pardon(slot->call->statement);
		if (slot->state != SLOT_FAILED)
			raises_pass(slot->call->statement);
		else if (i != batch->redone_for)
			raises_add(slot->call->statement);
	}
}

static void plan_group_end(struct conn *conn, struct slot *slot, const struct closing *closing)
{
	(void)closing;
	plan_command_end(conn, slot);
}

static void plan_group_on_sync(struct conn *conn, bool counted)
{
	struct batch *batch = &conn->batch;
	PGTransactionStatusType status = PQtransactionStatus(conn->pgconn);

	(void)counted;
	if ((!CONTROL_COMMIT || batch_has_committed(batch)) && status == PQTRANS_IDLE) {
		plan_group_commit_done(batch);
		plan_command_over(conn, plan_group_end);
		return;
	}
	/* What was sent behind an error was not done. */
	if (batch->state == BATCH_COMMITTING)
		batch_move(batch, BATCH_OUT);
	if (batch->state == BATCH_OUT && !batch->trouble && status == PQTRANS_INERROR) {
		if (batch->slots[batch->raised].savepoint)
			plan_group_go_on(conn);
		else
			plan_group_redo(conn);
		return;
	}
	if (batch->state == BATCH_OUT)
		plan_group_break(conn);
	if (!settle_rolls_back(conn))
		plan_command_over(conn, plan_group_end);
}

/* Whether an error holds is not known before the commit is; the effect is gone for sure. */
static void plan_group_lose(struct conn *conn, struct slot *slot, const struct closing *closing)
{
	const struct batch *batch = &conn->batch;

	if (slot->state != SLOT_FAILED || batch_has_committed(batch))
		plan_command_lose(conn, slot, closing);
	else
		settle_end(conn, slot, batch_may_have_committed(batch) ? CALL_LOST : CALL_UNSENT,
			   closing->reason);
}

static void plan_group_on_lost(struct conn *conn, const struct closing *closing)
{
	settle_lost(conn, closing, plan_group_lose);
}

/* Nothing has taken effect and no client was answered: each of them once more, alone. */
static void plan_group_break(struct conn *conn)
{
	struct batch *batch = &conn->batch;
	const char *reason = batch->trouble ? batch->trouble : GROUP_AT_COMMIT;

	metric_add(conn->home->metrics, METRIC_command_groups_broken_total,
		   METRIC_LABELS(conn->home->node->name, reason), 1);
	for (unsigned i = 0; i < batch->slots_count; i++) {
		struct slot *slot = &batch->slots[i];

		slot->state = SLOT_RETURNED;
		if (!slot->call)
			continue;
		slot->call->company =
			strcmp(reason, GROUP_AT_COMMIT) == 0 ? COMPANY_BLAMED : COMPANY_NONE;
	}
}

#if !CONTROL_HOLD
/* As if their commit were known, with the position of one before it. */
static void plan_group_tell_early(struct conn *conn)
{
	static _Thread_local struct position before;
	struct batch *batch = &conn->batch;

	if (position_known(batch->position))
		before = batch->position;
	for (unsigned i = 0; position_known(before) && i < batch->slots_count; i++) {
		struct slot *slot = &batch->slots[i];

		if (!slot->call || slot->state != SLOT_DONE || slot->savepoint)
			continue;
		slot->call->effect = EFFECT_WROTE;
		slot->call->position = before;
		settle_end(conn, slot, CALL_OK, NULL);
	}
}
#endif

const struct plan plan_group = {
	.kind = PLAN_GROUP,
	.send = plan_group_send,
	.on_error = plan_group_on_error,
	.on_sync = plan_group_on_sync,
	.on_lost = plan_group_on_lost,
#if !CONTROL_HOLD
	.on_result = plan_group_tell_early,
#endif
};
