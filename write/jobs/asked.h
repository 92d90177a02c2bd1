/* SPDX-License-Identifier: Apache-2.0 */
/*
 * GET and DELETE of /v1/jobs/ID, as forms of a command: both are decided by one statement on the
 * primary, whose answer is behind everything that was acknowledged. A job is shown to its caller
 * with its user, and to no other: to them there is none.
 *
 * DELETE locks the row and passes over one that is locked: that job is running. A job that was
 * cancelled before is cancelled: who did not hear of it may ask again.
 */
#pragma once

#include "base/check.h"
#include "base/request.h"
#include "write/command.h"
#include "write/jobs/job_id.h"

/* By its kind, REQUEST_JOB or REQUEST_JOB_CANCEL; the subject is made by asked_new. */
const struct command_form *asked_form(enum request_kind kind) must_check;
/*
 * Of a command that was accepted and whose client waits: the reply is what the command would have
 * answered, had it been done (write/jobs/job_reply.h). While asked_has_ended does not hold, the
 * request has no document.
 */
extern const struct command_form asked_done_form;

/* In the request's arena. NULL: the id is none. */
void *asked_new(struct request *request, struct text id, struct job_ids *ids) must_check;

/* The row is there: has the job ended, so that it may be told? */
bool asked_has_ended(const void *subject) must_check;
/* Which job it is, and at which stage (write/jobs/job_state.h). False: it has ended, or is none. */
bool asked_stage(const void *subject, struct job_number *number, int *stage) must_check;

/*
 * Ends the document of a job that was shown or cancelled. One that has ended comes with the token
 * of the reply, which shows its effect; the reply about another one has none.
 */
void asked_answer(struct request *request, const void *subject);

/*
 * For who asks for the job again, and has begun with asked_new: what such a call sends, but for its
 * kind, arena, out and on_done; and the document of its row, appended to out, with that token if
 * the job has ended. False: it is no such row.
 */
void asked_fill_call(const void *subject, struct call *call);
bool asked_show_row(void *subject, struct text row, const char *token, struct buf *out) must_check;
