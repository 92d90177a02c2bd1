/* SPDX-License-Identifier: Apache-2.0 */
/* What an operator can do to jobs, and the statements that do it. */
#pragma once

#include "base/check.h"
#include "base/statement.h"
#include "base/text.h"
#include "write/jobs/job_filter.h"

#include <stdbool.h>

enum job_action {
	JOB_ACTION_LIST,
	JOB_ACTION_SHOW,
	JOB_ACTION_REPLAY,
	JOB_ACTION_DISCARD,
	JOB_ACTION_CANCEL,
	JOB_ACTION_PAUSE,
	JOB_ACTION_RESUME,
	JOB_ACTION_SCHEDULES,
	JOB_ACTIONS
};

/* Its parameters are those of the filter, and these. */
enum job_action_value {
	JOB_ACTION_WHO = JOB_FILTER_VALUES, /* who acts, for the audit */
	JOB_ACTION_CRITERIA,                /* job_filter_json */
	JOB_ACTION_KNOWN,                   /* job_known_write; NULL: it is not asked */
	JOB_ACTION_VALUES
};

struct job_action_row {
	const char *name, *past; /* "replay", "replayed" */
	const char *event;       /* of the audit log; NULL: it changes nothing */
	const char *of; /* "dead letter": what it is done to; NULL: commands, or all jobs */
	bool (*takes_state)(struct text state); /* NULL: no state can be asked for */
	bool is_of_commands;                    /* of queues as a whole, not of single jobs */
};

const struct job_action_row *job_action_row(enum job_action action) must_check;
/* JOB_ACTIONS: there is none of this name. */
enum job_action job_action_find(struct text name) must_check;

/*
 * Those that live as long as the process; any thread. Of LIST and SHOW: a row for each job, which
 * begins with n and the bits of mark. Of SCHEDULES: the same of each schedule, whose last job has
 * that number; 0: there was none. Of changes of jobs: one row, how many were changed, at most
 * JOB_FILTER_LIMIT of the next few hundred behind JOB_FILTER_AFTER, and the last one of these; 0:
 * there are none. Of PAUSE and RESUME: a row for each command: whether it was changed, and whether
 * it is paused now.
 */
struct statement *job_action_statement(enum job_action action) must_check;
/*
 * What it would do. Of changes of jobs: a row for each reason why jobs that are meant cannot be
 * changed, with how many they are; first of all, without a reason, those that can be.
 */
struct statement *job_action_dry(enum job_action action) must_check;
