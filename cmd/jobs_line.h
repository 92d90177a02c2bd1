/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The command line of cqrsd jobs: an action, then ids or commands, criteria of jobs and options, in
 * any order. Criteria are flags and nothing else: no variable of the environment may decide which
 * jobs are meant.
 */
#pragma once

#include "base/arena.h"
#include "base/check.h"
#include "base/options.h"
#include "write/jobs/job_admin.h"

#include <stdbool.h>

struct jobs_criterion {
	struct text name, value;
};

struct jobs_line {
	enum job_action action;
	struct jobs_criterion *criteria; /* [criteria_count] */
	unsigned criteria_count;
	char **rest; /* [rest_count], the options of base/options.def */
	int rest_count;
	bool dry_run, all;
	struct arena arena;
};

/* False: the verb is over, with *code: help was printed, or stderr says what is wrong. */
bool jobs_line_read(struct jobs_line *line, int argc, char **argv, int *code) must_check;
void jobs_line_fini(struct jobs_line *line);
/* Is the key of ids needed, to read or to print some? */
bool jobs_line_takes_ids(const struct jobs_line *line) must_check;
/* Adds all criteria and checks them. ids: NULL: those that take ids are left for another call. */
bool jobs_line_apply(const struct jobs_line *line, struct job_admin *admin,
		     struct job_ids *ids) must_check;
