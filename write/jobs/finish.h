/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The statement that ends jobs, in the transaction of their effects: what is done goes to
 * cqrsd.job_finished, what is dead to cqrsd.job_dead, what is retried or put off stays with a later
 * time, and what is begun stays as it is, but says so. Rows that are not named stay as they were.
 */
#pragma once

#include "base/buf.h"
#include "base/check.h"
#include "base/statement.h"
#include "base/text.h"
#include "write/jobs/ending.h"

#include <stdint.h>

enum finish_value {
	FINISH_N,
	FINISH_RESULT,
	FINISH_PROBLEM,
	FINISH_VALUES_OF_DONE, /* where all are done, there are only those before it */
	FINISH_END = FINISH_VALUES_OF_DONE,
	FINISH_PAUSE_US,
	FINISH_ENTRY,
	FINISH_VALUES
};

struct job_finish {
	struct buf arrays[FINISH_VALUES];
	unsigned jobs, done;               /* of them */
	const char *values[FINISH_VALUES]; /* once ended */
};

struct finished_job {
	int64_t n;
	struct job_ending ending; /* but for JOB_LEFT */
	struct text result;       /* JSON, each; ptr NULL: none. JOB_BEGUN: which instance */
	struct text problem;
	struct text entry; /* of the attempt log */
};

void job_finish_init(struct job_finish *finish);
void job_finish_fini(struct job_finish *finish);

void job_finish_begin(struct job_finish *finish);
void job_finish_add(struct job_finish *finish, const struct finished_job *job);
void job_finish_end(struct job_finish *finish);

/* The one for those that were added: the values are its own. Lives as long as the process; any
 * thread. */
struct statement *job_finish_statement(const struct job_finish *finish) must_check;
