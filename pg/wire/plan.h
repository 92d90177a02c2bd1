/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The shapes of a batch, one table of functions each. pg/wire/carry.c chooses the plan of a
 * batch; from then on its conn is handled through batch->plan:
 *
 *   queries    [probe] [call 1] … [call n] [bound] Sync                      plan_query.c
 *   stream     [probe] Sync  [BEGIN] [stands] [call] [COMMIT] Sync           plan_stream.c
 *   describe   [prepare] [describe] [leaves] Sync                            plan_describe.c
 *   command    [call] [xid] Sync  [position] Sync                            plan_command.c
 *   isolated   [BEGIN] [call] [xid] [COMMIT] Sync  [position] Sync           plan_command.c
 *   framed     [BEGIN] [before] [call] Sync   then
 *              [behind] [xid] [COMMIT] Sync  [position] Sync                 plan_command.c
 *   group      see pg/wire/plan_group.h                                      plan_group.c
 *   jobs       see pg/wire/plan_jobs.h                                       plan_jobs.c
 *
 * Before a call may stand what prepares it and what sets its statement_timeout; and directly before
 * it its claims, where a call of the batch has any. After an error:
 * [stands] Sync for the upper bound of those that were complete; the same where the bound of a
 * standby that nothing sends WAL may be a byte that no node has. [ROLLBACK] Sync where a
 * transaction was left open.
 */
#pragma once

#include "base/check.h"

#include <libpq-fe.h>
#include <stdbool.h>

struct conn;
struct closing;
struct entry;

enum plan_kind {
	PLAN_QUERIES,
	PLAN_STREAM,
	PLAN_DESCRIBE,
	PLAN_COMMAND,
	PLAN_ISOLATED,
	PLAN_FRAMED,
	PLAN_GROUP,
	PLAN_JOBS,
	PLANS
};

struct plan {
	enum plan_kind kind;
	/* Hands the messages of the first trip to libpq (pg/wire/pipeline.h). False: it refused. */
	bool (*send)(struct conn *conn);
	/* PostgreSQL refused that entry; what follows up to the next Sync comes as aborted. */
	void (*on_error)(struct conn *conn, const struct entry *entry, const PGresult *result);
	/* All that was sent has been answered: one more trip, or the calls end and the conn rests.
	 * counted: the last Sync was the one that counts. */
	void (*on_sync)(struct conn *conn, bool counted);
	/* The conn is closed while the batch is out: its calls end, or are placed again. */
	void (*on_lost)(struct conn *conn, const struct closing *closing);
	/* After each result, and when no more of them are there; NULL: nothing to do. May close the
	 * conn. */
	void (*on_result)(struct conn *conn);
	void (*on_drained)(struct conn *conn);
};
