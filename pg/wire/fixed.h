/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Statements of our own, prepared on a conn when they are first needed. Those that read positions
 * answer in binary, all others in text.
 */
#pragma once

#include "base/check.h"

#include <stdbool.h>

enum fixed {
	FIXED_PROBE,
	FIXED_BOUND,
	/* the same, where nothing sends the standby any WAL (pg/wire/standby_bound.h) */
	FIXED_STANDBY_BOUND,
	FIXED_TIMEOUT,
	FIXED_NOTICE,
	FIXED_CLAIMS, /* enum claims_value */
	FIXED_XID,
	FIXED_BACKEND,
	FIXED_POSITION,
	FIXED_SESSION_STATE, /* pg/wire/session_state.h */
	FIXED_LIMITS,        /* the next are of groups */
	FIXED_SAVEPOINT,
	FIXED_LEFTOVERS,
	FIXED_LEFTOVERS_TEMPORARY, /* the same, in a session that has made temporary tables */
	FIXED_RESET,
	FIXED_RETURN,
	FIXED_GROUP_END,
	FIXED_JOBS, /* the server's clock, and limits of a batch of jobs: the rest is of these */
	FIXED_JOB_LIMITS,   /* in company */
	FIXED_JOBS_SEQSCAN, /* jobs are planned as others are; our own statements by an index */
	FIXED_JOBS_BITMAPSCAN,
	FIXED_JOBS_SORT,
	FIXED_JOBS_JIT,
	FIXED_CONSTRAINTS,
	FIXED_OUTER, /* around the savepoints of jobs, and their end */
	FIXED_RELEASE,
	FIXED_ROLE,
	FIXED_FEED, /* pg/wire/feed_row.h */
	FIXED_COUNT,
};

struct fixed_statement {
	const char *name, *text;
};

extern const struct fixed_statement fixed_statements[FIXED_COUNT];

/* Are the values of its answer binary? */
bool fixed_is_binary(enum fixed fixed) must_check;
