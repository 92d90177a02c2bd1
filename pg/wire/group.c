/* SPDX-License-Identifier: Apache-2.0 */
/* What a group sends, whose an error is, and what follows from it. */
#include "pg/wire/group.h"

#include "base/clock.h"
#include "base/control.h"
#include "pg/admission/estimate.h"
#include "pg/admission/quarantine.h"
#include "pg/wire/conn.h"
#include "pg/wire/error.h"
#include "pg/wire/session_state.h"

#include <assert.h>
#include <string.h>

/* Reasons, also labels of a metric. */
#define GROUP_AT_COMMIT "commit"
#define GROUP_LEFT_SETTINGS "settings"
#define GROUP_OTHER "other"

static bool group_send_from(struct conn *conn, unsigned first);
static void group_break(struct conn *conn);

/* --- who ------------------------------------------------------------------------------------- */

bool group_welcomes(unsigned group_max, const struct call *call)
{
	return group_max > 1 && call->kind == CALL_COMMAND && call->groups && !call->solo &&
	       !call->frame && !call->begins && call->isolation == ISOLATION_READ_COMMITTED &&
	       estimate_is_known(call->statement) && !estimate_is_slow(call->statement) &&
	       !quarantine_is_on(call->statement) &&
	       !(atomic_load_explicit(&call->statement->session_state, memory_order_relaxed) &
		 SESSION_STATE_SESSION);
}

/* --- what is sent ---------------------------------------------------------------------------- */

bool group_send(struct conn *conn)
{
	struct batch *batch = &conn->batch;

	assert(batch->slots_count > 1);
	assert(batch->slots_count <= GROUP_CALLS_MAX);
	batch->grouped = true;
	metric_observe(conn->home->metrics, METRIC_command_group_calls,
		       METRIC_LABELS(conn->home->node->name), batch->slots_count);
	return batch_send_begin(conn, ISOLATION_READ_COMMITTED) && group_send_from(conn, 0);
}

/* Limits stand before the savepoint, so that what is rolled back leaves them in force. */
static bool group_send_member(struct conn *conn, unsigned slot)
{
	if (!batch_send_fixed(conn, ENTRY_LIMITS, FIXED_LIMITS, slot, NULL))
		return false;
	conn->batch.timeout_us = GROUP_STATEMENT_MS * US_PER_MS;
	return batch_make_ready(conn, slot) &&
	       batch_send_fixed(conn, ENTRY_SAVEPOINT, FIXED_SAVEPOINT, slot, NULL) &&
	       batch_send_run(conn, slot) &&
	       batch_send_fixed(conn, ENTRY_LOOK, FIXED_LOOK, slot, NULL) &&
	       batch_send_fixed(conn, ENTRY_RESET, FIXED_RESET, slot, NULL);
}

static bool group_send_from(struct conn *conn, unsigned first)
{
	struct batch *batch = &conn->batch;

	for (unsigned i = first; i < batch->slots_count; i++) {
		if (!batch->slots[i].call)
			continue;
		batch->slots[i].state = SLOT_OUT;
		if (!group_send_member(conn, i))
			return false;
	}
	return batch_send_end(conn, FIXED_GROUP_END, true);
}

/* The last one that ran raised an error of its own: without it, those behind it, and the commit. */
static void group_go_on(struct conn *conn)
{
	struct batch *batch = &conn->batch;
	unsigned next = batch->raised + 1;

	batch->entries_count = batch->next = 0;
	batch_sent(conn, batch_send_fixed(conn, ENTRY_BACK, FIXED_BACK, SLOT_NONE, NULL) &&
				 group_send_from(conn, next));
}

/* --- what comes back ------------------------------------------------------------------------- */

void group_on_commit(struct conn *conn, const PGresult *result)
{
	/* COMMIT of what is aborted says ROLLBACK, and is no error. */
	conn->batch.committed = strcmp(PQcmdStatus((PGresult *)result), "COMMIT") == 0;
}

static void group_trouble(struct batch *batch, const char *reason)
{
	if (!batch->trouble)
		batch->trouble = reason;
}

static const char *group_reason(const char *sqlstate)
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

/* The same in a transaction of its own, whoever else was in this one. */
static bool group_is_own(const char *sqlstate)
{
	static const char *const classes[] = { "22", "23", "P0", "PT" };

	for (size_t i = 0; i < sizeof(classes) / sizeof(classes[0]); i++)
		if (strncmp(sqlstate, classes[i], 2) == 0)
			return true;
	return false;
}

static void group_on_run_error(struct conn *conn, const struct entry *entry, const PGresult *result)
{
	struct batch *batch = &conn->batch;
	struct slot *slot = &batch->slots[entry->slot];
	const char *sqlstate = error_sqlstate(result);
	bool revalidates = slot->call && slot->call->revalidates;
	bool stale = error_is_stale_plan(result);

	if (stale && revalidates) {
		group_trouble(batch, GROUP_OTHER);
	} else if (stale || error_is_unprepared(result)) {
		conn_set_mark(conn, entry->statement_id, 0, stale ? MARK_STALE : MARK_NONE);
		group_trouble(batch, GROUP_OTHER);
	} else if (group_is_own(sqlstate)) {
		batch->raised = entry->slot;
		slot->state = SLOT_FAILED;
		if (slot->call)
			error_fill(&slot->call->error, result, slot->call->statement->params,
				   slot->call->arena);
	} else {
		group_trouble(batch, group_reason(sqlstate));
		if (slot->call)
			quarantine_begin(slot->call->statement);
	}
}

/* It left behind what the others may not meet. */
static void group_on_look_error(struct conn *conn, const struct entry *entry,
				const PGresult *result)
{
	struct call *call = conn->batch.slots[entry->slot].call;

	if (error_is_unprepared(result)) {
		conn->fixed[entry->fixed] = MARK_NONE;
		group_trouble(&conn->batch, GROUP_OTHER);
		return;
	}
	group_trouble(&conn->batch, GROUP_LEFT_SETTINGS);
	if (call)
		quarantine_begin(call->statement);
}

/* Of what prepares a member: what is known of the statement on this conn. */
static void group_on_prepare_error(struct conn *conn, const struct entry *entry,
				   const PGresult *result)
{
	bool discard = entry->kind == ENTRY_DISCARD;
	bool there = discard ? !error_is_unprepared(result) : error_is_prepared(result);
	struct call *call = conn->batch.slots[entry->slot].call;

	conn_set_mark(conn, entry->statement_id, 0, there ? MARK_STALE : MARK_NONE);
	group_trouble(&conn->batch, GROUP_OTHER);
	if (call && !discard && !there)
		quarantine_begin(call->statement);
}

/* Behind an error of a member it is refused, too: then there is no commit yet. */
static void group_on_position_error(struct conn *conn, const struct entry *entry,
				    const PGresult *result)
{
	struct batch *batch = &conn->batch;

	if (error_is_unprepared(result))
		conn->fixed[entry->fixed] = MARK_NONE;
	if (!batch->committed || batch->wrote)
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

void group_on_error(struct conn *conn, const struct entry *entry, const PGresult *result)
{
	struct batch *batch = &conn->batch;

	if (error_is_fatal(result)) {
		conn_close(conn, closing_failed("the server ended the connection of a group"));
		return;
	}
	switch ((enum entry_kind)entry->kind) {
	case ENTRY_RUN:
		group_on_run_error(conn, entry, result);
		return;
	case ENTRY_DISCARD:
	case ENTRY_PREPARE:
		group_on_prepare_error(conn, entry, result);
		return;
	case ENTRY_PREPARE_FIXED:
		conn->fixed[entry->fixed] = MARK_NONE;
		if (entry->fixed != FIXED_POSITION)
			group_trouble(batch, GROUP_OTHER);
		return;
	case ENTRY_LIMITS:
	case ENTRY_TIMEOUT:
	case ENTRY_SAVEPOINT:
	case ENTRY_RESET:
	case ENTRY_XID:
	case ENTRY_BACK:
		if (error_is_unprepared(result))
			conn->fixed[entry->fixed] = MARK_NONE;
		group_trouble(batch, GROUP_OTHER);
		return;
	case ENTRY_LOOK:
		group_on_look_error(conn, entry, result);
		return;
	case ENTRY_POSITION:
		group_on_position_error(conn, entry, result);
		return;
	case ENTRY_BEGIN:
		group_trouble(batch, GROUP_OTHER);
		return;
	case ENTRY_COMMIT:
	case ENTRY_SYNC:
		group_trouble(batch, GROUP_AT_COMMIT);
		return;
	case ENTRY_SYNC_AFTER:
	case ENTRY_ROLLBACK:
	case ENTRY_BACKEND:
		return;
	case ENTRY_PROBE_LOWER:
	case ENTRY_PROBE_UPPER:
	case ENTRY_BEFORE:
	case ENTRY_BEHIND:
	case ENTRY_DESCRIBE:
	case ENTRY_SESSION_STATE:
		break;
	}
	assert(!"an entry of a group");
}

/* --- what follows ---------------------------------------------------------------------------- */

static void group_commit_done(struct batch *batch)
{
	for (unsigned i = 0; i < batch->slots_count; i++)
		if (batch->slots[i].call)
			quarantine_pardon(batch->slots[i].call->statement);
}

bool group_is_over(struct conn *conn)
{
	struct batch *batch = &conn->batch;
	PGTransactionStatusType status = PQtransactionStatus(conn->pgconn);

	assert(batch->grouped);
	if ((batch->committed || !CONTROL_COMMIT) && status == PQTRANS_IDLE) {
		group_commit_done(batch);
		return true;
	}
	batch->may_commit = false; /* what was sent behind an error was not done */
	if (!batch->trouble && status == PQTRANS_INERROR) {
		group_go_on(conn);
		return false;
	}
	if (!batch->rolled_back)
		group_break(conn);
	if (status == PQTRANS_IDLE)
		return true;
	if (batch->rolled_back)
		conn_close(conn, closing_failed("a transaction could not be ended"));
	else
		batch_send_rollback(conn);
	return false;
}

/* Nothing has taken effect and nobody was told anything: each of them once more, alone. */
static void group_break(struct conn *conn)
{
	struct batch *batch = &conn->batch;
	const char *reason = batch->trouble ? batch->trouble : GROUP_AT_COMMIT;

	metric_add(conn->home->metrics, METRIC_command_groups_broken_total,
		   METRIC_LABELS(conn->home->node->name, reason), 1);
	for (unsigned i = 0; i < batch->slots_count; i++) {
		struct slot *slot = &batch->slots[i];

		slot->state = SLOT_AGAIN;
		if (!slot->call)
			continue;
		slot->call->solo = true;
		slot->call->blamed = strcmp(reason, GROUP_AT_COMMIT) == 0;
	}
}
