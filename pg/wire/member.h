/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The commands that share a transaction, one after the other: what is sent for each, whose an error
 * is, and what their statements are known for afterwards. Of groups (pg/wire/plan_group.h) and of
 * jobs (pg/wire/plan_jobs.h).
 *
 *   in company   [limits] [SAVEPOINT]? [claims] [call] [leftovers] [RESET ALL]
 *   one of ours  [limits]? [SAVEPOINT]? [claims] [call]      LEAVINGS_NONE (base/statement.h)
 *   several      [limits]? [claims] [call]                   pg/wire/together.h
 *   a lone job   [SAVEPOINT] [claims] [call] [constraints] [RESET ROLE]
 *
 * An error of its own is one of values, constraints or the application (classes 22, 23, P0, PT):
 * it comes again whatever else is in the transaction. All others may be the company's fault; of a
 * lone job each error is its own. Settings that a command left behind are reset; its role, which
 * RESET does not touch, and another durability that it asked for are looked for. A lone job keeps
 * them up to the commit, but for its role; what is deferred is done while its claims are in force
 * and its savepoint is there.
 */
#pragma once

#include "base/check.h"
#include "pg/call.h"
#include "pg/wire/batch.h"

#include <libpq-fe.h>
#include <stdbool.h>

struct conn;

/* What an error of a member's entry leads to. */
enum member_error {
	MEMBER_RAISED,     /* its own: batch->raised, and the slot has failed */
	MEMBER_UNPREPARED, /* batch->trouble; nothing is wrong but what the conn has prepared */
	MEMBER_BREAKS,     /* batch->trouble */
};

/* Is it known to be quick, and lacks nothing in company that it has in a transaction of its own? */
bool member_shares(const struct statement *statement, bool claims) must_check;

/* The messages of the slot's call, or of several from there on that are one execution
 * (pg/wire/together.h): SLOT_AWAITED then. How many slots they are for; 0: libpq refused. */
unsigned member_send(struct conn *conn, unsigned slot) must_check;
/* Ends the limits of members, where they are still in force: behind the last one, in that slot.
 * They would hold for the commit. */
bool member_reset(struct conn *conn, unsigned slot) must_check;
/* PostgreSQL refused an entry up to the commit. A statement that breaks its company is put into
 * quarantine. */
enum member_error member_on_error(struct conn *conn, const struct entry *entry,
				  const PGresult *result);
/* Why the company breaks, unless that is known already: a constant, also the label of a metric. */
void member_trouble(struct batch *batch, const char *reason);
/* All of them have committed: what their statements did is noted. */
void member_committed(const struct batch *batch);
