/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Prefer: wait=N of a request about a job: it waits until the job has ended, or has moved on, and
 * asks for it again. The wait ends in time for an answer before the request's deadline.
 *
 *   GET /v1/jobs/ID       answered as soon as the job has ended; else with its state when the time
 *                         is over
 *   an accepted command   answered as if it had been done at once, with its token, when the job
 *                         ends in time: done, or dead with the problem of its last attempt
 *                         (write/jobs/job_reply.h). Else 202, as without a wait: also when the job
 *                         was cancelled, when what became of it cannot be asked for, and when the
 *                         key of the request was stored by an earlier one
 *
 * When the service ends, all that wait are answered with what they have.
 */
#pragma once

#include "base/check.h"
#include "write/state.h"

#include <stdbool.h>

/* The step: waits, or goes on. Of RESPOND_EVENTS it is that of write/job_events.h. */
enum step await_job_step(struct request *request);
/* Is it the answer about the job, of an accepted command, that the request waited for last? */
bool await_job_asked(const struct write *write) must_check;
/* In place of what else follows the end of a command: its answer is there. */
enum step await_job_take(struct write *write);
/*
 * The request of an accepted command cannot wait any longer: what it holds is the acceptance
 * again, without its last brace. False: it is none, or has been answered as done.
 */
bool await_job_give_up(struct write *write) must_check;
