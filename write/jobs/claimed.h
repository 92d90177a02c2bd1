/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is done with a job that was claimed: whether it runs, and what an earlier run of it that
 * took no effect counts. Policy only.
 *
 *                  its transaction was rolled back        again
 *   runs, in company ──────────────────────────────► begun ◄──────────┐
 *                                                      │ committed     │
 *                                                      ▼               │
 *                        done, dead, retried ◄─── runs alone ──rolled back: an attempt that failed
 *
 * A transaction of jobs that was lost with its conn, its server or its instance may have been ended
 * by any of its jobs, or by none. None of them gains an attempt by that; each runs alone from then
 * on, in a transaction of its own, and that the attempt is begun, by whom and when, is committed
 * before. If that one is lost as well the attempt counts, as one that failed with its connection:
 * the next one comes after the pause of its command, alone again. So a job that ends its backend,
 * its server or its instance is dead after its attempts, whichever instances ran it. A job that did
 * nothing is charged with an attempt only where it ran alone at the very moment of some failure,
 * each time again after a pause that doubles; a restart of the primary, a promotion or a network
 * that is cut charges at most one job per worker, once.
 *
 * What is known of an earlier run: its row tells that its transaction was rolled back (claim.h),
 * and the loop that ran it what the server said (verdicts.h). A transaction leaves that mark in no
 * row that changed under it (finish.c). It does in a head whose key was another one's (ordered.h),
 * and where it was to cancel jobs: one that has not begun runs alone for that, once; one that has
 * is charged.
 */
#pragma once

#include "base/check.h"
#include "write/jobs/claim.h"
#include "write/jobs/verdicts.h"

enum claimed_action {
	CLAIMED_RUN,
	CLAIMED_BEGIN, /* it does not run now: that its attempt is begun is committed */
	CLAIMED_ENDED, /* an attempt has ended without effect */
};

/* verdict: NULL, or of this row. instance: who claims. */
enum claimed_action claimed_action_of(const struct job_row *row, const struct job_verdict *verdict,
				      const char *instance) must_check;
