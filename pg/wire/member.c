/* SPDX-License-Identifier: Apache-2.0 */
/* From the first message of a member to what its statement is known for. */
#include "pg/wire/member.h"

#include "base/clock.h"
#include "pg/admission/estimate.h"
#include "pg/admission/quarantine.h"
#include "pg/admission/raises.h"
#include "pg/sqlstate.h"
#include "pg/wire/conn.h"
#include "pg/wire/error.h"
#include "pg/wire/pipeline.h"
#include "pg/wire/session_state.h"
#include "pg/wire/together.h"

#include <assert.h>
#include <string.h>

/* Reasons, also labels of a metric. */
#define MEMBER_LEAVES_SETTINGS "settings"
#define MEMBER_OTHER "other"

#define MEMBER_STATEMENT_US (GROUP_STATEMENT_MS * US_PER_MS)

/* --- who ------------------------------------------------------------------------------------- */

/* Does it lack, in company, something that it has in a transaction of its own? */
static bool member_needs_own(const struct statement *statement, bool claims)
{
	unsigned leaves = atomic_load_explicit(&statement->session_state, memory_order_relaxed);

	/* At the commit of all, the claims of each are gone. */
	return leaves & (SESSION_STATE_SESSION | SESSION_STATE_TEMPORARY) ||
	       (claims && leaves & SESSION_STATE_DEFERRED);
}

bool member_shares(const struct statement *statement, bool claims)
{
	return estimate_is_known(statement) && !estimate_is_slow(statement) &&
	       !quarantine_is_on(statement) && !member_needs_own(statement, claims);
}

/* --- what is sent ---------------------------------------------------------------------------- */

/* They stand before the savepoint, so that what is rolled back leaves them in force. */
static bool member_set_limits(struct conn *conn, unsigned slot)
{
	enum fixed limits = conn->batch.kind == CALL_JOBS ? FIXED_JOB_LIMITS : FIXED_LIMITS;

	if (conn->batch.limits == BATCH_LIMITS_SET)
		return true;
	conn->batch.limits = BATCH_LIMITS_SET;
	conn->batch.timeout_us = MEMBER_STATEMENT_US;
	return pipeline_fixed(conn, ENTRY_LIMITS, limits, slot, NULL);
}

/* What is ours needs no RESET, and the next one finds its limits in force. */
static bool member_clean_up(struct conn *conn, unsigned slot)
{
	enum fixed leftovers = conn->temporary == CONN_TEMPORARY_MADE ? FIXED_LEFTOVERS_TEMPORARY
								      : FIXED_LEFTOVERS;

	if (conn->batch.slots[slot].call->statement->leavings == LEAVINGS_NONE)
		return true;
	return pipeline_fixed(conn, ENTRY_LEFTOVERS, leftovers, slot, NULL) &&
	       member_reset(conn, slot);
}

static bool member_send_in_company(struct conn *conn, unsigned slot)
{
	return member_set_limits(conn, slot) &&
	       pipeline_make_ready(conn, slot, MEMBER_STATEMENT_US) &&
	       (!conn->batch.slots[slot].savepoint ||
		pipeline_fixed(conn, ENTRY_SAVEPOINT, FIXED_SAVEPOINT, slot, NULL)) &&
	       pipeline_run(conn, slot) && member_clean_up(conn, slot);
}

/* Even a statement that cannot be prepared is its own error: that stands behind the savepoint. */
static bool member_send_alone(struct conn *conn, unsigned slot)
{
	return pipeline_fixed(conn, ENTRY_SAVEPOINT, FIXED_SAVEPOINT, slot, NULL) &&
	       pipeline_make_ready(conn, slot, 0) && pipeline_notice(conn, slot) &&
	       pipeline_run(conn, slot) &&
	       pipeline_fixed(conn, ENTRY_CONSTRAINTS, FIXED_CONSTRAINTS, slot, NULL) &&
	       pipeline_fixed(conn, ENTRY_RESET, FIXED_ROLE, slot, NULL);
}

bool member_reset(struct conn *conn, unsigned slot)
{
	if (conn->batch.limits == BATCH_LIMITS_NONE)
		return true;
	conn->batch.limits = BATCH_LIMITS_NONE;
	return pipeline_fixed(conn, ENTRY_RESET, FIXED_RESET, slot, NULL);
}

static bool member_send_together(struct conn *conn, unsigned first, unsigned count)
{
	return member_set_limits(conn, first) &&
	       together_send(conn, first, count, MEMBER_STATEMENT_US);
}

static bool member_send_one(struct conn *conn, unsigned slot)
{
	conn->batch.slots[slot].state = SLOT_AWAITED;
	conn->batch.slots[slot].together = 0;
	return batch_is_lone_job(&conn->batch) ? member_send_alone(conn, slot)
					       : member_send_in_company(conn, slot);
}

unsigned member_send(struct conn *conn, unsigned slot)
{
	unsigned count = together_count(&conn->batch, slot);
	bool sent =
		count > 1 ? member_send_together(conn, slot, count) : member_send_one(conn, slot);

	return sent ? count : 0;
}

/* --- what comes back ------------------------------------------------------------------------- */

void member_trouble(struct batch *batch, const char *reason)
{
	if (!batch->trouble)
		batch->trouble = reason;
}

static enum member_error member_breaks(struct batch *batch, const char *reason)
{
	member_trouble(batch, reason);
	return MEMBER_BREAKS;
}

static enum member_error member_unprepared(struct batch *batch)
{
	member_trouble(batch, MEMBER_OTHER);
	return MEMBER_UNPREPARED;
}

static enum member_error member_raised(struct conn *conn, const struct entry *entry,
				       const PGresult *result)
{
	struct batch *batch = &conn->batch;
	struct slot *slot = &batch->slots[entry->slot];

	batch->raised = entry->slot;
	slot->state = SLOT_FAILED;
	if (slot->call)
		error_fill(&slot->call->error, result, slot->call->statement->params,
			   slot->call->arena);
	return MEMBER_RAISED;
}

/* What breaks a company is a lone job's own. */
static enum member_error member_raised_or_breaks(struct conn *conn, const struct entry *entry,
						 const PGresult *result, const char *reason)
{
	struct call *call = conn->batch.slots[entry->slot].call;

	if (batch_is_lone_job(&conn->batch))
		return member_raised(conn, entry, result);
	if (call)
		quarantine_begin(call->statement);
	return member_breaks(&conn->batch, reason);
}

static const char *member_reason(const char *sqlstate)
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
	return MEMBER_OTHER;
}

/* The error comes again in a transaction of its own, without the other calls of this one. */
static bool member_is_own(const PGresult *result)
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

/* Members of a group do so alone. Of jobs one that raises it again raises it itself. */
static bool member_prepares_again(const struct batch *batch)
{
	const struct call *first = batch->slots[0].call;

	return batch->kind != CALL_JOBS || !first || !first->preparations;
}

static enum member_error member_on_run_error(struct conn *conn, const struct entry *entry,
					     const PGresult *result)
{
	struct batch *batch = &conn->batch;
	struct call *call = batch->slots[entry->slot].call;
	bool revalidates = call && call->revalidates;
	bool stale = error_is_stale_plan(result);

	if (stale && revalidates && !batch_is_lone_job(batch))
		return member_breaks(batch, MEMBER_OTHER);
	if (((stale && !revalidates) || error_is_unprepared(result)) &&
	    member_prepares_again(batch)) {
		conn_set_mark(conn, entry->statement_id, 0, stale ? MARK_STALE : MARK_NONE);
		return member_unprepared(batch);
	}
	if (member_is_own(result))
		return member_raised(conn, entry, result);
	return member_raised_or_breaks(conn, entry, result, member_reason(error_sqlstate(result)));
}

/* It left behind what the others may not meet. */
static enum member_error member_on_leftovers_error(struct conn *conn, const struct entry *entry,
						   const PGresult *result)
{
	if (!error_is_unprepared(result))
		return member_raised_or_breaks(conn, entry, result, MEMBER_LEAVES_SETTINGS);
	conn->fixed[entry->fixed] = MARK_NONE;
	return member_unprepared(&conn->batch);
}

/* Of what prepares a member: what is known of the statement on this conn. */
static enum member_error member_on_prepare_error(struct conn *conn, const struct entry *entry,
						 const PGresult *result)
{
	bool discard = entry->kind == ENTRY_DEALLOCATE;
	bool there = discard ? !error_is_unprepared(result) : error_is_prepared(result);

	conn_set_mark(conn, entry->statement_id, 0, there ? MARK_STALE : MARK_NONE);
	if (discard || there)
		return member_unprepared(&conn->batch);
	return member_raised_or_breaks(conn, entry, result, MEMBER_OTHER);
}

/* Of our own statements. */
static enum member_error member_on_fixed_error(struct conn *conn, const struct entry *entry,
					       const PGresult *result)
{
	if (!error_is_unprepared(result))
		return member_breaks(&conn->batch, MEMBER_OTHER);
	conn->fixed[entry->fixed] = MARK_NONE;
	return member_unprepared(&conn->batch);
}

/* The same around a call. */
static enum member_error member_on_own_fixed_error(struct conn *conn, const struct entry *entry,
						   const PGresult *result)
{
	struct slot *slot = &conn->batch.slots[entry->slot];

	if (error_is_unprepared(result) || !batch_is_lone_job(&conn->batch))
		return member_on_fixed_error(conn, entry, result);
	(void)member_raised(conn, entry, result);
	/* Its parameters are ours. */
	if (slot->call)
		slot->call->error.param = 0;
	return MEMBER_RAISED;
}

/* What was deferred and fails: in company it would have been the commit of all. */
static enum member_error member_on_constraints_error(struct conn *conn, const struct entry *entry,
						     const PGresult *result)
{
	struct call *call = conn->batch.slots[entry->slot].call;

	if (call && !error_is_unprepared(result))
		quarantine_begin(call->statement);
	return member_on_own_fixed_error(conn, entry, result);
}

enum member_error member_on_error(struct conn *conn, const struct entry *entry,
				  const PGresult *result)
{
	switch ((enum entry_kind)entry->kind) {
	case ENTRY_CALL:
		return member_on_run_error(conn, entry, result);
	case ENTRY_DEALLOCATE:
	case ENTRY_PREPARE:
		return member_on_prepare_error(conn, entry, result);
	case ENTRY_PREPARE_FIXED:
		conn->fixed[entry->fixed] = MARK_NONE;
		return member_unprepared(&conn->batch);
	case ENTRY_TIMEOUT:
	case ENTRY_CLAIMS:
	case ENTRY_RESET:
		return member_on_own_fixed_error(conn, entry, result);
	case ENTRY_CONSTRAINTS:
		return member_on_constraints_error(conn, entry, result);
	case ENTRY_LIMITS:
	case ENTRY_SAVEPOINT:
	case ENTRY_CLOCK:
	case ENTRY_XID:
	case ENTRY_FEED:
	case ENTRY_RETURN:
		return member_on_fixed_error(conn, entry, result);
	case ENTRY_LEFTOVERS:
		return member_on_leftovers_error(conn, entry, result);
	case ENTRY_BEGIN:
		return member_breaks(&conn->batch, MEMBER_OTHER);
	case ENTRY_POSITION:
	case ENTRY_COMMIT:
	case ENTRY_SYNC:
	case ENTRY_SIDE_SYNC:
	case ENTRY_ROLLBACK:
	case ENTRY_BACKEND:
	case ENTRY_PROBE_LOWER:
	case ENTRY_PROBE_UPPER:
	case ENTRY_FRAME_HEAD:
	case ENTRY_FRAME_TAIL:
	case ENTRY_DESCRIPTION:
	case ENTRY_SESSION_STATE:
	case ENTRIES:
		break;
	}
	assert(!"an entry of a member");
	return MEMBER_BREAKS;
}

/* --- what is known afterwards ---------------------------------------------------------------- */

void member_committed(const struct batch *batch)
{
	bool alone = batch_is_lone_job(batch);

	for (unsigned i = 0; i < batch->slots_count; i++) {
		const struct slot *slot = &batch->slots[i];

		if (!slot->call || slot->call->kind == CALL_JOBS)
			continue;
		if (alone)
			quarantine_serve(slot->call->statement);
		else
			quarantine_pardon(slot->call->statement);
		if (slot->state != SLOT_FAILED)
			raises_pass(slot->call->statement);
		else if (i != batch->redone_for)
			raises_add(slot->call->statement);
	}
}
