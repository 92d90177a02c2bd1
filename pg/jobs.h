/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Batches of jobs: a call of kind CALL_JOBS claims rows, runs a command for each, and ends them, in
 * one transaction on a conn of lane JOBS (pg/lane.h). So the locks of the claimed rows are the
 * lease: when this process or its conn is lost, PostgreSQL rolls all of it back and gives the rows
 * free. What is sent is drawn in pg/wire/plan_jobs.h.
 *
 * The call itself is the claim: its statement, values, arena and out are those of a SELECT … FOR
 * UPDATE SKIP LOCKED, whose rows come to out. It is submitted with pool_submit, which refuses it
 * where the pool has no conn for it (pool_settings.jobs_max, or the node is not the primary). Then,
 * on the loop's thread:
 *
 *   on_claimed   the rows are in out. The maker fills calls[] and says how many there are; 0: none
 *                is to run
 *   on_ran       [0, count) of them have run, and each has its end; nothing is committed. The maker
 *                fills finish and finish_values and says whether to commit: the finish statement
 *                runs, then the COMMIT; or all is rolled back, as where there were no rows
 *   on_done      of the claim: what became of the transaction
 *
 * Both may come again, from the start, where the conn had to prepare a statement anew: what was
 * claimed before counts no more. Neither may submit, forget or free.
 *
 * count may be less than was claimed: what the conn cannot take together stays behind, untouched,
 * and is free again after the commit. A call that does not share (jobs_share) runs alone.
 *
 * In company a job has GROUP_STATEMENT_MS, and GROUP_LOCK_WAIT_MS for locks. Alone it has its own
 * timeout_us, or the pool's; its deferred constraints and triggers are done before its end is
 * known, and whatever error it raises is its own. Its statement runs in a transaction with others:
 * it cannot commit by itself, as a procedure may that is called without one (2D000).
 *
 * How the claim ends (enum call_end):
 *
 *   CALL_OK         committed, at position, which is at or after the commit record; or with
 *                   frame_end FRAME_ROLLED_BACK nothing was: there were no rows, or on_ran said so
 *   CALL_ERROR      rolled back, with error. blamed: the job whose error it is, which is to run
 *                   alone; or JOBS_NONE: of the claim; of the finish statement (frame_end
 *                   FRAME_RAISED); or of the commit, where each job may be at fault. in_recovery:
 *                   the node is a standby by now
 *   CALL_TOO_LARGE  rolled back: the claimed rows were more than rows_max or bytes_max
 *   CALL_UNSENT     rolled back, or never sent: the conn was lost, lost_reason says why. count > 0:
 *                   these were on it. error.sqlstate, if not "": why the server ended it
 *   CALL_LOST       the same when its COMMIT may have been reached: not known whether it took
 *                   effect. The queue knows: what has ended is not there to be claimed
 *
 * Forgotten (pool_forget) it is rolled back, unless its COMMIT is on its way already.
 */
#pragma once

#include "base/check.h"
#include "base/clock.h"
#include "base/limits.h"
#include "base/statement.h"
#include "pg/call.h"

#include <stdbool.h>

#define JOBS_NONE GROUP_CALLS_MAX
#define JOBS_SHORT_US (200 * US_PER_MS)

struct call_jobs {
	/* Set by the maker. */
	/* All that a command needs is set: kind CALL_COMMAND, statement, values, claims, arena,
	 * out, limits; but for on_done. Borrowed until on_done of the claim. */
	struct call *calls[GROUP_CALLS_MAX];
	unsigned (*on_claimed)(struct call *claim);
	bool (*on_ran)(struct call *claim);
	bool lone; /* it claims one job, which may be slow: those of many do not wait for it */
	/* The maker's as well, set in on_ran: described, its rows are not read; and its values,
	 * [finish->params]. Borrowed until on_done. */
	struct statement *finish;
	const char *const *finish_values;

	/* What came of it. Of each call: end (CALL_OK, CALL_ERROR or CALL_TOO_LARGE, which has run
	 * all the same), error, rows, affected, and what it appended to out. They hold once the
	 * claim has ended as CALL_OK; what did not commit is taken out of out. */
	unsigned count;  /* of calls[] that travelled; 0 before it is submitted */
	unsigned blamed; /* for CALL_ERROR: of calls[]; or JOBS_NONE */
};

/*
 * May a job of that statement travel with others: is it known to be quick, did it not break their
 * transaction lately, and does it leave nothing to them or to the commit? claims: the job has some.
 * Any thread.
 */
bool jobs_share(const struct statement *statement, bool claims) must_check;

/* Is a job of that statement known to hold its conn for a moment only, quick or not? Any thread. */
bool jobs_are_short(const struct statement *statement) must_check;
