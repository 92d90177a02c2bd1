/* SPDX-License-Identifier: Apache-2.0 */
/* What a group sends around its members, and what follows from an error of one of them. */
#include "pg/wire/plan_group.h"

#include "base/control.h"
#include "pg/admission/raises.h"
#include "pg/wire/conn.h"
#include "pg/wire/error.h"
#include "pg/wire/feed_row.h"
#include "pg/wire/member.h"
#include "pg/wire/pipeline.h"
#include "pg/wire/plan_command.h"
#include "pg/wire/settle.h"

#include <assert.h>
#include <string.h>

/* A reason, also a label of a metric. */
#define GROUP_AT_COMMIT "commit"

static bool plan_group_send_from(struct conn *conn, unsigned first);
static bool plan_group_send_all(struct conn *conn);
static void plan_group_break(struct conn *conn);

/* --- who ------------------------------------------------------------------------------------- */

bool plan_group_welcomes(unsigned group_max, const struct call *call)
{
	return group_max > 1 && call->kind == CALL_COMMAND &&
	       call->transaction == TRANSACTION_SHARED && call->company == COMPANY_WELCOME &&
	       !call->frame && call->isolation == ISOLATION_READ_COMMITTED &&
	       member_shares(call->statement, call->claims != NULL);
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

static bool plan_group_send_from(struct conn *conn, unsigned first)
{
	struct batch *batch = &conn->batch;

	for (unsigned i = first, sent = 0; i < batch->slots_count; i += sent) {
		sent = batch->slots[i].call ? member_send(conn, i) : 1;
		if (!sent)
			return false;
	}
	return member_reset(conn, batch->slots_count - 1) && feed_row_send(conn) &&
	       pipeline_end(conn, FIXED_GROUP_END, true);
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
		else
			batch->slots[i].tags_count = 0;
	}
	batch_begin_trip(batch);
	pipeline_sent(conn, pipeline_text(conn, ENTRY_ROLLBACK, "ROLLBACK") &&
				    pipeline_text(conn, ENTRY_ROLLBACK,
						  "SELECT pg_advisory_unlock_all()") &&
				    plan_group_send_all(conn));
}

static bool plan_group_has_calls(const struct batch *batch, unsigned first)
{
	for (unsigned i = first; i < batch->slots_count; i++)
		if (batch->slots[i].call)
			return true;
	return false;
}

/*
 * The last one that ran raised an error of its own: without it, those behind it, and the commit.
 * Its limits stood before its savepoint, and are in force again: those behind it set their own.
 */
static void plan_group_go_on(struct conn *conn)
{
	struct batch *batch = &conn->batch;
	unsigned next = batch->raised + 1;

	batch_begin_trip(batch);
	if (!plan_group_has_calls(batch, next))
		batch->limits = BATCH_LIMITS_SET;
	pipeline_sent(conn, pipeline_fixed(conn, ENTRY_RETURN, FIXED_RETURN, SLOT_NONE, NULL) &&
				    plan_group_send_from(conn, next));
}

/* --- what comes back ------------------------------------------------------------------------- */

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

/* Of an entry behind the last member. False: it is a member's. */
static bool plan_group_on_end_error(struct conn *conn, const struct entry *entry,
				    const PGresult *result)
{
	enum entry_kind kind = entry->kind;

	if (kind == ENTRY_POSITION)
		plan_group_on_position_error(conn, entry, result);
	else if (kind == ENTRY_COMMIT || kind == ENTRY_SYNC)
		member_trouble(&conn->batch, GROUP_AT_COMMIT);
	else if (kind == ENTRY_PREPARE_FIXED && entry->fixed == FIXED_POSITION)
		conn->fixed[FIXED_POSITION] = MARK_NONE;
	else
		return kind == ENTRY_SIDE_SYNC || kind == ENTRY_ROLLBACK || kind == ENTRY_BACKEND;
	return true;
}

static void plan_group_on_error(struct conn *conn, const struct entry *entry,
				const PGresult *result)
{
	if (error_is_fatal(result))
		conn_close(conn, closing_failed("the server ended the connection of a group"));
	else if (!plan_group_on_end_error(conn, entry, result))
		(void)member_on_error(conn, entry, result);
}

/* --- what follows ---------------------------------------------------------------------------- */

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
		member_committed(batch);
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
