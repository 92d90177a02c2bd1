/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An ended job, told to the client of its command as if the command had been done while it waited:
 * its document, or the status and the problem that it would have had. Of a job that failed several
 * times the last attempt counts.
 */
#pragma once

#include "base/check.h"
#include "base/request.h"
#include "base/text.h"

enum job_reply {
	JOB_REPLY_DONE,      /* request->out holds the document, without token and last brace */
	JOB_REPLY_PROBLEM,   /* the request holds outcome, status and what else a problem says */
	JOB_REPLY_NEVER_RAN, /* it was cancelled: there is nothing to tell */
};

/* row: of the job, as JSON without its first brace; it lives as long as the request. */
enum job_reply job_reply_take(struct request *request, struct text row) must_check;
