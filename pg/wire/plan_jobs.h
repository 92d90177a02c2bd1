/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A batch of jobs (pg/jobs.h): one transaction in three trips, as each needs what the one before
 * has answered.
 *
 *   1  [BEGIN] [jobs] [claim] Sync
 *       │ rows, of which on_claimed makes calls; of none: on_ran at once
 *   2  [jobs] [SAVEPOINT] (member)… [jobs] Sync            pg/wire/member.h
 *       │ ▲ one raised an error of its own: back to the last savepoint, and on from there
 *       │ └──[RETURN] (member)… [jobs] Sync
 *       │ all have run: on_ran
 *   3  [RELEASE] [finish] [feed]? [end] [COMMIT] Sync  [position] Sync
 *
 *   on_ran wants no commit ───────────────► [ROLLBACK] Sync, and the claim ends well; of no rows
 *                                           [COMMIT], as some may have been locked in vain
 *   an error of the claim, of the finish or of the commit, one that breaks the company
 *                               ──────────► [ROLLBACK] Sync, and the claim ends with it
 *   something was not prepared any more ──► [ROLLBACK] Sync, and the claim is placed again
 *
 * The first member has a savepoint always, so that going back keeps the claimed rows locked. The
 * others have one as in groups: where the statement raised an error lately. When one without raises
 * an error, those behind the last savepoint run again, each with its own. When the last one raises,
 * the third trip goes back by itself: [RETURN] [jobs] [RELEASE] [finish] ….
 *
 * The outermost savepoint is there to be released: a row that is locked by the transaction and
 * deleted below a savepoint has two lockers, which PostgreSQL notes elsewhere (a multixact). Others
 * would have to read that, and a claim could not tell any more which transaction was lost.
 *
 * [jobs] sets the limits of our own statements, and how long the server waits for us between trips:
 * a process that is stopped does not keep the rows. Each [RESET ALL] ends that, so it stands at the
 * end of each trip and in the limits of each member. It also tells the server's clock: what the
 * members took together is learnt.
 */
#pragma once

#include "pg/wire/plan.h"

extern const struct plan plan_jobs;

/* The claim, whose slot is empty, is no longer wanted: the conn is closed unless it commits. */
void plan_jobs_forget(struct conn *conn);
