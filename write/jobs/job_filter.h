/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which jobs an operator means. Each criterion is a name and a text, whether it was a flag of cqrsd
 * jobs or a member of a request to /admin/api/jobs. All of them have to hold; states, commands and
 * ids may be several, of which a job has one. They become values of the statements of
 * write/jobs/job_action.h.
 */
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "base/check.h"
#include "base/text.h"
#include "write/jobs/job_id.h"

#include <stdbool.h>
#include <stdint.h>

#define JOB_FILTER_ERROR_BYTES 256
#define JOB_STATES_MAX 8

/* In the order of the parameters of statements, from $1. */
enum job_filter_value {
	JOB_FILTER_STATES,
	JOB_FILTER_COMMANDS,
	JOB_FILTER_N,
	JOB_FILTER_MARK,
	JOB_FILTER_USER,
	JOB_FILTER_ERROR,
	JOB_FILTER_OLDER_S,
	JOB_FILTER_NEWER_S,
	JOB_FILTER_AFTER,
	JOB_FILTER_LIMIT,
	JOB_FILTER_VALUES
};
#define JOB_FILTER_ARRAYS JOB_FILTER_USER /* the first ones */

struct job_filter {
	const char *values[JOB_FILTER_VALUES]; /* once ended; NULL: any */
	struct text states[JOB_STATES_MAX];
	unsigned states_count, ids_count, commands_count; /* that were given */
	int64_t limit, after_n;                           /* 0: none was given */

	/* Its own. */
	struct arena arena;
	struct buf arrays[JOB_FILTER_ARRAYS];
	struct buf criteria; /* as they were given, as JSON */
};

void job_filter_init(struct job_filter *filter);
void job_filter_fini(struct job_filter *filter);

/* Is there a criterion of this name? In names - and _ are the same. */
bool job_filter_knows(struct text name) must_check;
/* Does reading it take the key of ids? */
bool job_filter_takes_ids(struct text name) must_check;
/*
 * Adds one. ids: NULL: no id can be read. False: error says what is wrong with the value, beginning
 * with the name; the name is known.
 */
bool job_filter_add(struct job_filter *filter, struct text name, struct text value,
		    struct job_ids *ids, char error[JOB_FILTER_ERROR_BYTES]) must_check;
/* No criterion follows; values are set. */
void job_filter_end(struct job_filter *filter);
/* Is it any job, but for how many? */
bool job_filter_is_open(const struct job_filter *filter) must_check;
/* What was given, for the audit, as a JSON array of pairs; NUL-terminated, in its memory. */
const char *job_filter_json(struct job_filter *filter) must_check;
